// utakata-realtime among Socket.IO servers of Node that share their clients over Redis: what one says, clients of all hear.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Emitter } from '@socket.io/redis-emitter';
import Pusher from 'pusher-js';
import PusherServer from 'pusher';
import { io } from 'socket.io-client';
import { node_server, redis_server, servers_are } from './kit/node_cluster.mjs';
import { app, realtime } from './kit/realtime.mjs';
import { wait_for } from './kit/wait.mjs';

let redis, server, node, emitter, api;
const sockets = [];
const pushers = [];

// Hears everything: its `heard` is [event, ...arguments] of each.
async function client(url) {
  const made = io(url, { transports: ['websocket'], forceNew: true });
  sockets.push(made);
  made.heard = [];
  made.onAny((...all) => made.heard.push(all));
  await new Promise((resolve) => made.once('connect', resolve));
  return made;
}
const asks = (who, ...all) => who.timeout(5000).emitWithAck(...all);
// On ours, and on Node's server.
async function reads(...channels) {
  const made = await client(server.url);
  for (const one of channels)
    assert.deepEqual(await asks(made, 'subscribe', one, one.startsWith('private-') ? api.authorizeChannel(made.id, one) : {}), { ok: true });
  return made;
}
async function joins(...rooms) {
  const made = await client(node.url);
  for (const one of rooms) await made.emitWithAck('join', one);
  return made;
}
async function pusher_reads(name) {
  const made = new Pusher(app.key, {
    cluster: '', wsHost: '127.0.0.1', wsPort: server.port, forceTLS: false, enabledTransports: ['ws'], disableStats: true,
    channelAuthorization: { customHandler: ({ socketId, channelName }, done) => done(null, api.authorizeChannel(socketId, channelName)) },
  });
  pushers.push(made);
  const channel = made.subscribe(name);
  await new Promise((resolve) => channel.bind('pusher:subscription_succeeded', resolve));
  channel.heard = [];
  channel.bind_global((event, data) => channel.heard.push([event, data]));
  return channel;
}
// What is said last is heard last: then all that was to be heard before it was heard, and no more.
async function hear(who, expected, what = 'it to be heard') {
  await wait_for(() => who.heard.length >= expected.length, { what: `${what}: ${JSON.stringify(expected)}` });
  assert.deepEqual(who.heard.splice(0), expected);
}

before(async () => {
  redis = await redis_server();
  node = await node_server(redis);
  server = await realtime('--client-events', '--node-redis', redis.url);
  emitter = new Emitter(await redis.client());
  api = new PusherServer({ ...app, host: '127.0.0.1', port: server.port, useTLS: false });
  await servers_are(redis, 2);
});
after(async () => {
  for (const one of sockets) one.disconnect();
  for (const one of pushers) one.disconnect();
  await node?.close();
  assert.equal(await server?.stop(), 0, 'it ends by SIGTERM in order');
  await redis?.end();
});

test('an emitter: to rooms, to all, but for some; each hears it once, with the arguments as they are', async () => {
  const [ann, bob, cat] = [await reads('a', 'b'), await reads('b'), await reads('c')];
  const pat = await pusher_reads('b');
  emitter.to('a').emit('one', { x: 1.5 }, 'two', [null, true]);
  await hear(ann, [['one', { x: 1.5 }, 'two', [null, true]]]);
  emitter.to(['a', 'b']).emit('several', 1);
  emitter.to('b').except('a').emit('but', { of: 'ä' });
  emitter.emit('all');
  emitter.except('b').emit('all but');
  emitter.to(['a', 'b', 'c']).emit('last');
  await hear(ann, [['several', 1], ['all'], ['last']]);
  await hear(bob, [['several', 1], ['but', { of: 'ä' }], ['all'], ['last']]);
  await hear(cat, [['all'], ['all but'], ['last']]);
  await hear(pat, [['several', 1], ['but', { of: 'ä' }], ['last', null]], 'Pusher on a room');
  emitter.of('/other').to('a').emit('elsewhere');
  emitter.to('a').emit('end');
  await hear(ann, [['end']]);
});

test('a Node server: to a room, to all, to a sid, volatile; bytes are bytes', async () => {
  const [ann, bob] = [await reads('stage'), await reads('stage')];
  const nat = await joins('stage');
  const bytes = Buffer.from([0, 1, 255]);
  node.io.to('stage').emit('picture', { of: bytes }, bytes, 7);
  for (const one of [ann, bob, nat]) await hear(one, [['picture', { of: bytes }, bytes, 7]]);
  node.io.to(ann.id).emit('you', 1);
  node.io.to('stage').except(ann.id).emit('others');
  node.io.volatile.to('stage').emit('perhaps', 1);
  node.io.emit('everybody');
  await hear(ann, [['you', 1], ['perhaps', 1], ['everybody']]);
  await hear(bob, [['others'], ['perhaps', 1], ['everybody']]);
  // Node's own server leaves out what is volatile where it has just written.
  await wait_for(() => nat.heard.at(-1)?.[0] === 'everybody', { what: 'the last' });
  assert.deepEqual(nat.heard.filter(([event]) => event !== 'perhaps'), [['others'], ['everybody']]);
});

test('what is published here reaches clients of Node once, and comes not back', async () => {
  const [ann, pat, nat, far] = [await reads('private-x'), await pusher_reads('private-x'), await joins('private-x'), await joins('y')];
  await api.trigger('private-x', 'said', { text: 'hello' });
  await hear(ann, [['said', { text: 'hello' }, { channel: 'private-x' }]]);
  await hear(pat, [['said', { text: 'hello' }]]);
  await hear(nat, [['said', { text: 'hello' }, { channel: 'private-x' }]]);
  await api.trigger('private-x', 'said', 2, { socket_id: ann.id });
  assert.deepEqual(await asks(ann, 'client-a', 'private-x', { of: Buffer.from([9]) }), { ok: true });
  await hear(nat, [['said', 2, { channel: 'private-x' }], ['client-a', { of: Buffer.from([9]) }, { channel: 'private-x' }]]);
  pat.trigger('client-b', { from: 'pat' });
  await hear(nat, [['client-b', { from: 'pat' }, { channel: 'private-x' }]]);
  await api.trigger(['private-x', 'y'], 'end', null);
  for (const who of [nat, far]) await wait_for(() => who.heard.length > 0, { what: 'the end' });
  assert.deepEqual(far.heard, [['end', null, { channel: 'y' }]]);
  await hear(pat, [['said', 2], ['end', null]]);
  await hear(ann, [['client-b', { from: 'pat' }, { channel: 'private-x' }], ['end', null, { channel: 'private-x' }]]);
});

test('servers make clients join, leave and go, by an emitter and by a Node server', async () => {
  const [ann, bob] = [await reads('hall'), await reads()];
  emitter.in('hall').socketsJoin(['game:7', 'private-seat']);
  node.io.in(bob.id).socketsJoin('game:7');
  // They speak over connections of their own, in no order.
  await wait_for(async () => (await node.io.in('game:7').fetchSockets()).length === 2, { what: 'both to have joined' });
  emitter.to('game:7').emit('begin');
  emitter.to('private-seat').emit('seat');
  await hear(ann, [['begin'], ['seat']]);
  await hear(bob, [['begin']]);
  emitter.in('hall').socketsLeave('game:7');
  emitter.to('game:7').emit('two');
  emitter.to('hall').emit('end');
  await hear(ann, [['end']]);
  await hear(bob, [['two']]);
  const gone = [ann, bob].map((one) => new Promise((resolve) => one.once('disconnect', resolve)));
  emitter.in('hall').disconnectSockets();
  node.io.in(bob.id).disconnectSockets(true);
  assert.deepEqual(await Promise.all(gone), ['io server disconnect', 'io server disconnect']);
  assert.equal(ann.active || bob.active, false, 'they do not come again by themselves');
});

test('what a Node server asks of all servers is answered', async () => {
  const ann = await reads('quiz', 'more');
  const nat = await joins('quiz');
  const found = await node.io.in('quiz').fetchSockets();
  assert.deepEqual(found.map((one) => one.id).sort(), [ann.id, nat.id].sort());
  const [remote] = found.filter((one) => one.id === ann.id);
  assert.deepEqual([...remote.rooms].sort(), [ann.id, 'more', 'quiz'].sort());
  assert.deepEqual(remote.data, {});
  remote.join('by-remote');
  remote.emit('you', 2);
  node.io.to('by-remote').emit('joined');
  await hear(ann, [['you', 2], ['joined']]);
  const rooms = await node.io.of('/').adapter.allRooms();
  for (const room of ['quiz', 'more', 'by-remote', ann.id]) assert.equal(rooms.has(room), true, room);
  assert.deepEqual([...(await node.io.of('/').adapter.sockets(new Set(['quiz'])))].includes(nat.id), true);
  const answers = await node.io.serverSideEmitWithAck('hey', 1);
  assert.deepEqual(answers, [null]);
  nat.once('question', (done) => done('of nat'));
  assert.deepEqual(await node.io.to('quiz').timeout(3000).emitWithAck('question'), ['of nat']);
  await wait_for(() => ann.heard.length > 0, { what: 'the question' });
  assert.equal(ann.heard[0][0], 'question');
});

test('another process of ours hears what is published here, from Node and from us, once', async () => {
  const other = await realtime('--node-redis', redis.url);
  try {
    await servers_are(redis, 3);
    const away = await client(other.url);
    await asks(away, 'subscribe', 'both');
    const ann = await reads('both');
    await api.trigger('both', 'ours', 1);
    await hear(away, [['ours', 1, { channel: 'both' }]]);
    await hear(ann, [['ours', 1, { channel: 'both' }]]);
    node.io.to('both').emit('nodes', 2);
    await hear(away, [['nodes', 2]]);
    await hear(ann, [['nodes', 2]]);
    assert.deepEqual((await node.io.in('both').fetchSockets()).map((one) => one.id).sort(), [ann.id, away.id].sort());
    away.disconnect();
  } finally {
    assert.equal(await other.stop(), 0);
  }
  await servers_are(redis, 2);
});

test('a key of another name is another cluster', async () => {
  const other = await realtime('--node-redis', redis.url, '--node-key', 'they*re');
  try {
    await servers_are(redis, 1, 'they*re');
    const away = await client(other.url);
    await asks(away, 'subscribe', 'k');
    const ann = await reads('k');
    new Emitter(await redis.client(), { key: 'theyXre' }).to('k').emit('not for them');
    emitter.to('k').emit('for us');
    new Emitter(await redis.client(), { key: 'they*re' }).to('k').emit('for them');
    await hear(away, [['for them']]);
    await hear(ann, [['for us']]);
    away.disconnect();
  } finally {
    assert.equal(await other.stop(), 0);
  }
});

test('a Redis that is killed and comes back: clients stay, what is said meanwhile here waits', async () => {
  const [ann, nat] = [await reads('r'), await joins('r')];
  const joined = async () => /realtime_node_joined\{app="1"\} (\d)/.exec(await (await fetch(`${server.url}/metrics`)).text())?.[1];
  assert.equal(await joined(), '1');
  await redis.kill();
  await wait_for(async () => (await joined()) === '0', { what: 'the loss' });
  await api.trigger('r', 'meanwhile', 1);
  await hear(ann, [['meanwhile', 1, { channel: 'r' }]]);
  await redis.start();
  await servers_are(redis, 2);
  await wait_for(async () => (await joined()) === '1', { what: 'its return' });
  emitter.to('r').emit('again', 2);
  await hear(ann, [['again', 2]]);
  // Whether Node's server subscribed again before what waited here was sent is not ours to say.
  await wait_for(async () => {
    await api.trigger('r', 'now', 3);
    return nat.heard.some(([event]) => event === 'now');
  }, { every: 200, what: 'a client of Node to hear us again' });
  assert.equal(ann.connected && nat.connected, true);
});

test('an address that is none is refused', async () => {
  await assert.rejects(realtime('--node-redis', 'http://x'), /redis:\/\//);
});
