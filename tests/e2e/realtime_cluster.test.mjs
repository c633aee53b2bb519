// Three utakata-realtime that are one by a Redis: channels, members, counts, history, and what becomes of them when a
// process or the Redis goes.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import PusherServer from 'pusher';
import Pusher from 'pusher-js';
import { io } from 'socket.io-client';
import { app, realtime } from './kit/realtime.mjs';
import { redis } from './kit/redis.mjs';
import { wait_for } from './kit/wait.mjs';

let store;
let servers = [];
const clients = [];
const sockets = [];
const apis = () => servers.map((one) => api_of(one));
const api_of = (server) => new PusherServer({ ...app, host: '127.0.0.1', port: server.port, useTLS: false });
const options = () => ['--client-events', '--timelines', '--redis', store.url];
const start = async () => {
  const made = await realtime(...options());
  servers.push(made);
  return made;
};

function client(server, user) {
  const api = api_of(server);
  const made = new Pusher(app.key, {
    cluster: '', wsHost: '127.0.0.1', wsPort: server.port, forceTLS: false, enabledTransports: ['ws'], disableStats: true,
    channelAuthorization: { customHandler: ({ socketId, channelName }, done) =>
      done(null, api.authorizeChannel(socketId, channelName, channelName.startsWith('presence-') ? { user_id: user } : undefined)) },
    userAuthentication: { customHandler: ({ socketId }, done) => done(null, api.authenticateUser(socketId, { id: user })) },
  });
  clients.push(made);
  return made;
}
async function reads(who, name) {
  const channel = who.subscribe(name);
  await new Promise((resolve, reject) => {
    channel.bind('pusher:subscription_succeeded', resolve);
    channel.bind('pusher:subscription_error', reject);
  });
  return channel;
}
const next = (emitter, event) => new Promise((resolve) => {
  const heard = (data) => {
    emitter.unbind(event, heard);
    resolve(data);
  };
  emitter.bind(event, heard);
});
const peers = async (server) => {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(/realtime_peers (\d+)/.exec(text)[1]);
};
const all_know = (count) => wait_for(async () => (await Promise.all(servers.map(peers))).every((one) => one === count), { what: `all to know ${count} others` });
const users = async (server, channel) =>
  (await (await api_of(server).get({ path: `/channels/${channel}/users` })).json()).users.map((one) => one.id).sort();

before(async () => {
  store = await redis();
  for (let i = 0; i < 3; ++i) await start();
  await all_know(2);
});
after(async () => {
  for (const one of clients) one.disconnect();
  for (const one of sockets) one.disconnect();
  for (const one of servers) one.child.kill('SIGKILL');
  await store.stop();
});

test('what is published at one is heard at all, in one order, and not by who published it', async () => {
  const channels = [];
  for (const server of servers) channels.push(await reads(client(server), 'news'));
  const socket = io(servers[1].url, { transports: ['websocket'], forceNew: true });
  sockets.push(socket);
  await new Promise((resolve) => socket.once('connect', resolve));
  await socket.emitWithAck('subscribe', 'news');
  const heard = [[], [], [], []];
  channels.forEach((channel, i) => channel.bind('said', (data) => heard[i].push(data)));
  socket.on('said', (data) => heard[3].push(data));
  await Promise.all(apis().flatMap((api, i) => [0, 1, 2, 3].map((k) => api.trigger('news', 'said', i * 10 + k))));
  await wait_for(() => heard.every((one) => one.length === 12), { what: 'all to hear all' });
  for (const one of heard) assert.deepEqual(one, heard[0]);

  const [mine, others] = [heard[0].length, heard[1].length];
  await apis()[2].trigger('news', 'said', 'not for the first', { socket_id: clients[0].connection.socket_id });
  await wait_for(() => heard[1].length === others + 1, { what: 'the second to hear it' });
  await apis()[2].trigger('news', 'said', 'for all');
  await wait_for(() => heard[0].length === mine + 1, { what: 'the first to hear the next only' });
  assert.equal(heard[0].at(-1), 'for all');
});

test('members and counts are those of all; two tabs of a user at two servers are one member', async () => {
  const anns = await reads(client(servers[0], 'ann'), 'presence-room');
  const added = next(anns, 'pusher:member_added');
  const bobs = await reads(client(servers[1], 'bob'), 'presence-room');
  assert.equal((await added).id, 'bob');
  await wait_for(() => bobs.members.count === 2, { what: 'bob to see ann' });
  const tab = client(servers[2], 'ann');
  const tabs = await reads(tab, 'presence-room');
  assert.equal(tabs.members.count, 2);
  for (const server of servers) await wait_for(async () => (await users(server, 'presence-room')).join() === 'ann,bob', { what: 'all to be counted' });
  const state = await (await apis()[0].get({ path: '/channels/presence-room', params: { info: 'user_count,subscription_count' } })).json();
  assert.equal(state.user_count, 2);
  let gone = null;
  bobs.bind('pusher:member_removed', (member) => gone = member.id);
  tab.disconnect();
  await apis()[2].trigger('presence-room', 'said', 1);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(gone, null, 'ann has another tab');
  clients.find((one) => one.channel('presence-room') === anns).disconnect();
  await wait_for(() => gone === 'ann', { what: 'the last of them to be gone' });
});

test('a client event and a message to a user cross over; a user is cut everywhere', async () => {
  const [ann, bob] = [client(servers[0], 'ann2'), client(servers[2], 'bob2')];
  const [anns, bobs] = [await reads(ann, 'private-duo'), await reads(bob, 'private-duo')];
  const heard = next(bobs, 'client-hi');
  anns.trigger('client-hi', { from: 'ann' });
  assert.deepEqual(await heard, { from: 'ann' });
  bob.signin();
  await wait_for(() => bob.user.user_data, { what: 'bob to be signed in' });
  const told = next(bob.user, 'invited');
  await apis()[0].sendToUser('bob2', 'invited', { to: 'tea' });
  assert.deepEqual(await told, { to: 'tea' });
  const cut = next(bob.connection, 'disconnected').catch(() => {});
  const ended = new Promise((resolve) => bob.connection.bind('state_change', ({ current }) => current !== 'connected' && resolve()));
  await apis()[1].terminateUserConnections('bob2');
  await Promise.race([ended, cut]);
});

test('a process that dies without a word is forgotten, with its members, within its lease', async () => {
  const anns = await reads(client(servers[0], 'ann3'), 'presence-left');
  const bob = client(servers[2], 'bob3');
  await reads(bob, 'presence-left');
  await wait_for(() => anns.members.count === 2, { what: 'both to be there' });
  const gone = next(anns, 'pusher:member_removed');
  const dead = servers.pop();
  dead.child.kill('SIGKILL');
  bob.disconnect();
  const from = Date.now();
  assert.equal((await gone).id, 'bob3');
  assert.ok(Date.now() - from < 12_000, `after ${Date.now() - from} ms`);
  for (const server of servers) await wait_for(async () => (await users(server, 'presence-left')).join() === 'ann3', { what: 'bob to be gone everywhere' });
  await start();
  await all_know(2);
});

test('who comes to a server that has just begun is told what it missed at another', async () => {
  const story = async (server, recover) => {
    const WebSocket = (await import('ws')).default;
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/app/${app.key}?protocol=7`);
    const heard = [];
    socket.on('message', (bytes) => heard.push(JSON.parse(bytes)));
    await wait_for(() => heard.length > 0, { what: 'the greeting' });
    socket.send(JSON.stringify({ event: 'pusher:subscribe', data: { channel: 'story', recover } }));
    await wait_for(() => heard.some((one) => one.event === 'pusher_internal:subscription_succeeded'), { what: 'the subscription' });
    return { socket, heard, said: () => heard.filter((one) => one.event === 'said'),
      begin: JSON.parse(heard.find((one) => one.event === 'pusher_internal:subscription_succeeded').data) };
  };
  const first = await story(servers[0], {});
  await apis()[1].trigger('story', 'said', 1);
  await wait_for(() => first.said().length === 1, { what: 'the first' });
  const { epoch, offset } = first.said()[0];
  assert.ok(epoch, 'the first of a timeline names it');
  first.socket.close();
  for (const what of [2, 3]) await apis()[1].trigger('story', 'said', what);
  const fresh = await start();
  await all_know(3);
  const again = await story(fresh, { epoch, offset });
  assert.equal(again.begin.recovered, true);
  await wait_for(() => again.said().length === 2, { what: 'what it missed' });
  assert.deepEqual(again.said().map((one) => JSON.parse(one.data)), [2, 3]);
  again.socket.close();
});

test('Redis is killed and replaced by an empty one: members stay, what was said meanwhile arrives late and in order', async () => {
  const anns = await reads(client(servers[0], 'ann4'), 'presence-calm');
  const bobs = await reads(client(servers[1], 'bob4'), 'presence-calm');
  await wait_for(() => anns.members.count === 2 && bobs.members.count === 2, { what: 'both to be there' });
  const heard = [];
  const removed = [];
  bobs.bind('said', (data) => heard.push(data));
  for (const one of [anns, bobs]) one.bind('pusher:member_removed', (member) => removed.push(member.id));
  const { port } = store;
  await store.stop();
  await wait_for(async () => (await Promise.all(servers.map((one) => one.errors()))).every((said) => said.includes('Redis')), { what: 'all to say that it is gone', within: 10_000 });
  for (const what of [1, 2, 3]) assert.equal((await apis()[0].trigger('presence-calm', 'said', what)).status, 200);
  store = await redis(port);
  await wait_for(() => heard.length === 3, { what: 'what was said meanwhile', within: 15_000 });
  assert.deepEqual(heard, [1, 2, 3]);
  await new Promise((resolve) => setTimeout(resolve, 6000));
  assert.deepEqual(removed, [], 'nobody was taken for gone');
  assert.deepEqual(await users(servers[2], 'presence-calm'), ['ann4', 'bob4']);
});

for (const workers of ['1', '2'])
  test(`Redis stays away: who was told how long to wait for it ends, and sends its clients elsewhere (workers: ${workers})`, async (t) => {
    const { WebSocket } = await import('ws');
    const other = await redis();
    t.after(() => other.stop());
    const server = await realtime('--workers', workers, '--redis', other.url, '--redis-within', '2');
    t.after(() => server.child.kill('SIGKILL'));
    const ended = new Promise((resolve) => server.child.once('exit', resolve));
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/app/${app.key}?protocol=7`);
    const code = new Promise((resolve) => socket.once('close', resolve));
    await new Promise((resolve) => socket.once('message', resolve));
    await other.stop();
    assert.equal(await code, 4200, 'come back at once, elsewhere');
    assert.equal(await ended, 3);
    assert.match(server.errors(), /Redis was not reached for 2 seconds: it stops\./);
  });

test('Redis is frozen and thaws', async () => {
  const anns = await reads(client(servers[0]), 'frozen');
  const heard = [];
  anns.bind('said', (data) => heard.push(data));
  store.child.kill('SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, 4500));
  for (const what of [1, 2]) await apis()[1].trigger('frozen', 'said', what);
  assert.deepEqual(heard, []);
  store.child.kill('SIGCONT');
  await wait_for(() => heard.length === 2, { what: 'both', within: 15_000 });
  assert.deepEqual(heard, [1, 2]);
});
