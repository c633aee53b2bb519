// Sync channels: players of both dialects, at whichever process of a cluster, have the same states, whatever dies.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import PusherServer from 'pusher';
import Pusher from 'pusher-js';
import { io } from 'socket.io-client';
import { app, realtime } from './kit/realtime.mjs';
import { redis } from './kit/redis.mjs';
import { wait_for } from './kit/wait.mjs';

const ends = [];
after(async () => {
  for (const end of ends.reverse()) await end();
});
async function server(...options) {
  const made = await realtime('--client-events', ...options);
  ends.push(() => made.child.kill('SIGKILL'));
  return made;
}
const stats = async (of) => (await fetch(`${of.url}/stats`)).json();
const workers = (of) => readFileSync(`/proc/${of.child.pid}/task/${of.child.pid}/children`, 'utf8').trim().split(' ').map(Number);
const signed = (of, id, channel, user) =>
  new PusherServer({ ...app, host: '127.0.0.1', port: of.port, useTLS: false })
    .authorizeChannel(id, channel, channel.startsWith('presence-') ? { user_id: user } : undefined);

// What a player believes is there. Who loses its connection does not come back.
function believes(name) {
  const one = { name, states: {}, told: 0, alls: 0, refused: [], is_here: false };
  one.all = (states) => {
    one.states = states;
    one.alls += 1;
  };
  one.changes = (states) => {
    one.told += 1;
    for (const [key, state] of Object.entries(states))
      if (state === null) delete one.states[key];
      else one.states[key] = state;
  };
  return one;
}
async function pusher_player(of, channel, name) {
  const one = believes(name);
  const client = new Pusher(app.key, {
    cluster: '', wsHost: '127.0.0.1', wsPort: of.port, forceTLS: false, enabledTransports: ['ws'], disableStats: true,
    channelAuthorization: { customHandler: ({ socketId, channelName }, done) => done(null, signed(of, socketId, channelName, name)) },
  });
  client.connection.bind('error', ({ data, error }) => one.refused.push((data ?? error?.data)?.message));
  const room = client.subscribe(channel);
  room.bind('utakata:sync_all', one.all);
  room.bind('utakata:sync', one.changes);
  one.put = (states) => room.trigger('client-sync', states);
  one.leave = () => {
    one.is_here = false;
    client.disconnect();
  };
  client.connection.bind('state_change', ({ current }) => {
    if (!one.is_here || current === 'connected') return;
    one.is_here = false;
    setImmediate(one.leave);  // in this call it would go on to connect
  });
  ends.push(one.leave);
  await wait_for(() => one.alls === 1, { what: `${name} to be told all` });
  one.is_here = true;
  return one;
}
async function socketio_player(of, channel, name) {
  const one = believes(name);
  const socket = io(of.url, { transports: ['websocket'], forceNew: true, reconnection: false });
  socket.on('utakata:sync_all', (states, where) => where.channel === channel && one.all(states));
  socket.on('utakata:sync', (states, where) => where.channel === channel && one.changes(states));
  one.put = async (states) => {
    const answer = await socket.timeout(5000).emitWithAck('client-sync', channel, states);
    if (!answer.ok) one.refused.push(answer.error);
  };
  one.leave = () => socket.disconnect();
  socket.on('disconnect', () => one.is_here = false);
  ends.push(one.leave);
  await new Promise((resolve) => socket.once('connect', resolve));
  assert.equal((await socket.timeout(5000).emitWithAck('subscribe', channel, channel.startsWith('sync-') ? {} : signed(of, socket.id, channel, name))).ok, true);
  await wait_for(() => one.alls === 1, { what: `${name} to be told all` });
  one.is_here = true;
  return one;
}
const player = (of, channel, name, i) => (i % 2 ? socketio_player : pusher_player)(of, channel, name);
const all_have = (players, states, options = {}) => wait_for(() => {
  for (const one of players) assert.deepEqual(one.states, states, one.name);
  return true;
}, { what: 'all to have the same', ...options });
const states_of = (players) => Object.fromEntries(players.map((one) => [one.name, one.at]));
const move = (one, at) => one.put({ [one.name]: one.at = at });

test('one process: both dialects see each other, what was put between two ticks once, and who leaves takes its keys along', async () => {
  const show = await server();
  const ann = await pusher_player(show, 'sync-room', 'ann');
  const bob = await socketio_player(show, 'sync-room', 'bob');
  for (let x = 0; x <= 20; ++x) move(ann, { x });
  await move(bob, [1, 'two', { three: null }]);
  await all_have([ann, bob], { ann: { x: 20 }, bob: [1, 'two', { three: null }] });
  assert.ok(bob.told < 21, `21 moves in one breath were told in ${bob.told} texts`);
  const cid = await pusher_player(show, 'sync-room', 'cid');
  assert.deepEqual(cid.states, states_of([ann, bob]), 'who comes is told all');
  await bob.put({ ann: 0 });
  cid.put({ bob: 0 });
  await wait_for(() => cid.refused.length === 1, { what: 'cid to be refused' });
  assert.deepEqual([bob.refused, cid.refused], [['The key ann is another\'s.'], ['The key bob is another\'s.']]);
  await bob.put({ bob: null, hat: 'red' });
  await all_have([ann, bob, cid], { ann: { x: 20 }, hat: 'red' });
  ann.leave();
  await all_have([bob, cid], { hat: 'red' });
  bob.leave();
  await all_have([cid], {});
  assert.equal((await show.stop()), 0);
});

test('workers: all have the same; a worker that is killed takes its players\' keys along within its lease, and they are free', async () => {
  const show = await server('--workers', '3');
  const players = [];
  for (let i = 0; i < 18; ++i) players.push(await player(show, 'sync-room', `p${i}`, i));
  for (const [x, one] of players.entries()) move(one, { x });
  await all_have(players, states_of(players));
  const late = await player(show, 'sync-room', 'late', 1);
  await all_have([late], states_of(players));

  process.kill(workers(show)[1], 'SIGKILL');
  const here = () => [late, ...players].filter((one) => one.is_here).length;
  await wait_for(async () => workers(show).length === 3 && here() < 19 && (await stats(show)).connections === here(), { what: 'its players to be cut off' });
  const left = players.filter((one) => one.is_here);
  const gone = players.filter((one) => !one.is_here);
  assert.ok(left.length > 0, 'the other workers go on');
  for (const one of left) move(one, { y: 1 });
  await all_have([...left, ...(late.is_here ? [late] : [])], states_of(left), { within: 15_000 });

  // Whoever comes now, to the new worker too, is told all, and may take what was theirs.
  const again = [];
  for (let i = 0; i < 9; ++i) again.push(await player(show, 'sync-room', i === 0 ? gone[0].name : `again${i}`, i));
  await wait_for(async () => {
    for (const one of again) await move(one, { z: 1 });
    return [...left, ...again].every((one) => again[0].name in one.states);
  }, { what: 'the key of the dead to be taken', every: 200 });
  await all_have([...left, ...again], { ...states_of(left), ...states_of(again) });
});

test('servers joined by Redis: one dies, Redis is replaced by an empty one, and all come to have the same', async () => {
  let store = await redis();
  ends.push(() => store.stop());
  const options = ['--redis', store.url, '--timelines'];
  const room = 'presence-sync-game';
  const [first, second, third] = [await server(...options), await server('--workers', '2', ...options), await server(...options)];
  const players = [];
  for (let i = 0; i < 12; ++i) players.push(await player([first, second, third][i % 3], room, `p${i}`, i));
  for (const [x, one] of players.entries()) move(one, { x });
  await all_have(players, states_of(players));

  third.child.kill('SIGKILL');
  await wait_for(() => players.filter((one) => !one.is_here).length === 4, { what: 'its players to be cut off' });
  const left = players.filter((one) => one.is_here);
  await all_have(left, states_of(left), { within: 15_000 });
  const fourth = await server(...options);
  left.push(await player(fourth, room, 'late', 0));
  await all_have(left, states_of(left.filter((one) => one.at)));

  const { port } = store;
  await store.stop();
  await wait_for(() => first.errors().includes('Redis') && fourth.errors().includes('Redis'), { what: 'both to say that it is gone' });
  for (const one of left) move(one, { while: 'it is away' });
  const here = players.filter((_, i) => i % 3 === 0);  // at the first
  await wait_for(() => here.every((one) => here.every((other) => one.states[other.name].while)), { what: 'those of one process to go on' });
  const gone = left.pop();
  gone.leave();
  store = await redis(port);
  await all_have(left, states_of(left), { within: 20_000 });
});
