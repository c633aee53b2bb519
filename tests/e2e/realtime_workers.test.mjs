// One utakata-realtime of three worker processes on one port, without a Redis: one server to everybody who asks.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import PusherServer from 'pusher';
import Pusher from 'pusher-js';
import { io } from 'socket.io-client';
import { app, realtime } from './kit/realtime.mjs';
import { wait_for } from './kit/wait.mjs';

let server;
let api;
const clients = [];
const sockets = [];
const workers = (of = server) => readFileSync(`/proc/${of.child.pid}/task/${of.child.pid}/children`, 'utf8').trim().split(' ').map(Number);
const stats = async (of = server) => (await fetch(`${of.url}/stats`)).json();
const tell = (of, method, path, body) =>
  fetch(`${of.url}${path}`, { method, body, headers: { authorization: 'Bearer of-this-instance' } });

function client(user, of = server) {
  const made = new Pusher(app.key, {
    cluster: '', wsHost: '127.0.0.1', wsPort: of.port, forceTLS: false, enabledTransports: ['ws'], disableStats: true,
    channelAuthorization: { customHandler: ({ socketId, channelName }, done) => done(null, api.authorizeChannel(socketId, channelName, { user_id: user })) },
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
async function socket(transports) {
  const made = io(server.url, { transports, forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200 });
  sockets.push(made);
  await new Promise((resolve) => made.once('connect', resolve));
  return made;
}

before(async () => {
  server = await realtime('--workers', '3', '--client-events', '--timelines');
  api = new PusherServer({ ...app, host: '127.0.0.1', port: server.port, useTLS: false });
});
after(async () => {
  for (const one of clients) one.disconnect();
  for (const one of sockets) one.disconnect();
  assert.equal(await server.stop(), 0, 'it ends by SIGTERM in order');
});

test('what is published by whichever worker reaches the clients of all, in one order', async () => {
  assert.equal(workers().length, 3);
  const heard = [];
  for (let i = 0; i < 30; ++i) {
    const mine = [];
    heard.push(mine);
    (await reads(client(`user${i}`), 'news')).bind('said', (data) => mine.push(data));
  }
  await Promise.all([...Array(20).keys()].map((what) => api.trigger('news', 'said', what)));
  await wait_for(() => heard.every((mine) => mine.length === 20), { what: 'all to hear all' });
  for (const mine of heard) assert.deepEqual(mine, heard[0]);
  await wait_for(async () => (await stats()).connections === 30, { what: 'all to be counted' });
  const answer = await (await api.get({ path: '/channels/news', params: { info: 'subscription_count' } })).json();
  await wait_for(async () => answer.subscription_count === 30, { what: 'the channel to be counted' });
});

test('a poll reaches the worker that holds its session, whichever accepted it; an upgrade too', async () => {
  const all = [];
  for (let i = 0; i < 12; ++i) all.push(await socket(i % 2 ? ['polling'] : ['polling', 'websocket']));
  const heard = all.map(() => []);
  for (const [i, one] of all.entries()) {
    assert.deepEqual(await one.timeout(5000).emitWithAck('subscribe', 'polled'), { ok: true });
    one.on('said', (data) => heard[i].push(data));
  }
  await wait_for(() => all.every((one, i) => i % 2 || one.io.engine.transport.name === 'websocket'), { what: 'upgrades' });
  for (const what of [1, 2, 3]) await api.trigger('polled', 'said', what);
  await wait_for(() => heard.every((mine) => mine.length === 3), { what: 'all to hear all' });
  for (const mine of heard) assert.deepEqual(mine, [1, 2, 3]);
  for (const one of all) one.disconnect();
});

test('a worker that is killed is started again; its members are gone within their lease, the others hear of it, counts are right', async () => {
  await wait_for(async () => (await stats()).connections === 30, { what: 'those of before to have gone' });
  const before_ = await stats();
  const rooms = [];
  for (let i = 0; i < 12; ++i) rooms.push(await reads(client(`guest${i}`), 'presence-room'));
  await wait_for(() => rooms.every((room) => room.members.count === 12), { what: 'all to see all' });
  await wait_for(async () => (await stats()).accepted >= before_.accepted + 12, { what: 'all to be counted' });
  const killed = workers()[1];
  process.kill(killed, 'SIGKILL');
  await wait_for(() => workers().length === 3 && !workers().includes(killed), { what: 'another to be started' });
  // Who was there comes back by itself, to whichever worker; nobody is doubled.
  await wait_for(() => rooms.every((room) => room.subscribed && room.members.count === 12), { within: 20_000, what: 'all to be there again' });
  await wait_for(async () => (await stats()).connections === before_.connections + 12, { within: 20_000, what: 'the count' });
  const users = (await (await api.get({ path: '/channels/presence-room/users' })).json()).users;
  assert.equal(users.length, 12);
  assert.ok((await stats()).accepted >= before_.accepted + 12, 'what was counted does not fall');
});

test('told to drain, by whichever worker, all drain, and it says once that it is empty', async () => {
  const other = await realtime('--workers', '2');
  let said = '';
  other.child.stdout.on('data', (bytes) => said += bytes);
  const guests = [...Array(8).keys()].map((i) => client(`g${i}`, other));
  await wait_for(async () => (await stats(other)).connections === 8, { what: 'all to be here' });
  const answer = await tell(other, 'POST', '/drain', JSON.stringify({ state: 'draining', close: { pace: 100 } }));
  assert.equal((await answer.json()).draining, true);
  await wait_for(async () => (await stats(other)).connections === 0, { what: 'all to have gone' });
  await wait_for(() => said.includes('empty\n'), { what: 'the word' });
  for (const guest of guests) guest.disconnect();
  assert.equal(await other.stop(), 0);
  assert.equal(said.match(/empty/g).length, 1);
});

test('what it was lent ends for all workers, and with them the server', async () => {
  const other = await realtime('--workers', '2');
  const ended = new Promise((resolve) => other.child.once('exit', resolve));
  assert.equal((await tell(other, 'PUT', '/lease?ms=300')).status, 200);
  assert.equal(await ended, 3);
});

test('metrics are those of all', async () => {
  const metrics = async () => (await fetch(`${server.url}/metrics`)).text();
  await wait_for(async () => /realtime_peers 2\n/.test(await metrics()), { what: 'who was killed to be forgotten' });
  const text = await metrics();
  assert.equal(text.match(/# TYPE utakata_realtime_connections|# TYPE realtime_connections/g).length, 1);
});

test('two servers do not share a port by mistake', async () => {
  await assert.rejects(realtime('--workers', '2', '--port', String(server.port)), /cannot be had/);
});

test('how many workers there are follows from the connections expected', async () => {
  const limit = Number(readFileSync('/proc/self/limits', 'utf8').match(/Max open files\s+(\d+)/)[1]);
  const other = await realtime('--connections', String(limit));
  assert.equal(workers(other).length, 2);
  assert.equal(await other.stop(), 0);
});
