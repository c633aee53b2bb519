// A user signed in as a client of Pusher and by socket.io-client at once: what its server says to it and that it is cut reach both dialects, in
// one process, among the workers of a host and among hosts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import PusherServer from 'pusher';
import { io } from 'socket.io-client';
import WebSocket from 'ws';
import { app, realtime } from './kit/realtime.mjs';
import { redis } from './kit/redis.mjs';
import { wait_for } from './kit/wait.mjs';

const api_of = (server) => new PusherServer({ ...app, host: '127.0.0.1', port: server.port, useTLS: false });
const once = (emitter, event) => new Promise((resolve) => emitter.once(event, (...all) => resolve(all)));

// Each dialect's tabs of a user, with what they heard: [[event, data, more...], ...].
// By hand: pusher-js lingers for 30 s after a close by 4009.
async function pusher_tab(server, user) {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/app/${app.key}?protocol=7`);
  const tab = { heard: [], is_cut: false, is_in: false, close: () => socket.terminate() };
  socket.on('message', (bytes) => {
    const { event, channel, data } = JSON.parse(bytes);
    if (event === 'pusher:connection_established')
      socket.send(JSON.stringify({ event: 'pusher:signin', data: api_of(server).authenticateUser(JSON.parse(data).socket_id, { id: user }) }));
    tab.is_in ||= event === 'pusher:signin_success';
    if (channel === `#server-to-user-${user}`) tab.heard.push([event, JSON.parse(data)]);
  });
  socket.on('close', (code) => tab.is_cut = code === 4009);
  await wait_for(() => tab.is_in, { what: 'it to be signed in' });
  return tab;
}
async function socketio_tab(server, user, transports) {
  const made = io(server.url, { transports, forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 100 });
  const tab = { made, heard: [], is_cut: false, close: () => made.disconnect() };
  made.onAny((...all) => tab.heard.push(all));
  made.on('disconnect', (reason) => tab.is_cut ||= reason === 'io server disconnect');
  await once(made, 'connect');
  assert.deepEqual(await made.timeout(5000).emitWithAck('signin', api_of(server).authenticateUser(made.id, { id: user })), { ok: true });
  return tab;
}

async function a_user_is_reached(servers, { is_alone = false } = {}) {
  const tabs = [], others = [];
  try {
    for (let i = 0; i < 3; i++)
      for (const server of servers) {
        tabs.push(await pusher_tab(server, 'ann'), await socketio_tab(server, 'ann', i % 2 ? ['polling'] : ['websocket']));
        others.push(await pusher_tab(server, 'bob'), await socketio_tab(server, 'bob', ['websocket']));
      }
    const ios = tabs.filter(({ made }) => made), pushers = tabs.filter(({ made }) => !made);
    for (const n of [1, 2, 3]) await api_of(servers[0]).sendToUser('ann', 'invited', { n, to: 'tea "now"' });
    await wait_for(() => tabs.every(({ heard }) => heard.length >= 3), { what: 'all tabs to hear it' });
    const data = [1, 2, 3].map((n) => ({ n, to: 'tea "now"' }));
    for (const { heard } of pushers) assert.deepEqual(heard, data.map((one) => ['invited', one]));
    for (const { heard } of ios) assert.deepEqual(heard, data.map((one) => ['invited', one, { user: true }]));

    // Who breaks off and is recovered is still signed in.
    const [{ made, heard }] = ios;
    const again = once(made, 'connect');
    made.io.engine.close();
    await again;
    assert.ok(made.recovered || !is_alone);  // among workers it may have come to another one
    if (made.recovered) {
      await api_of(servers.at(-1)).sendToUser('ann', 'again', 1);
      await wait_for(() => heard.length === 4, { what: 'who was recovered to hear it' });
    }

    assert.equal((await made.timeout(5000).emitWithAck('signin', { auth: 'show:00', user_data: '{"id":"bob"}' })).ok, false);
    await api_of(servers.at(-1)).terminateUserConnections('ann');
    const left = made.recovered ? tabs : tabs.filter((tab) => tab.made !== made);
    await wait_for(() => left.every(({ is_cut }) => is_cut), { what: 'all tabs to be cut' });
    await api_of(servers[0]).sendToUser('bob', 'still', ['here']);
    await wait_for(() => others.every((other) => other.heard.length > 0), { what: 'others to be there' });
    for (const other of others) assert.deepEqual([other.heard[0].slice(0, 2), other.is_cut], [['still', ['here']], false]);
    for (const { made: tab } of ios) if (left.some(({ made: one }) => one === tab)) assert.equal(tab.active, false, 'it does not come again');
  } finally {
    for (const tab of [...tabs, ...others]) tab.close();
  }
}

test('a user is reached in both dialects, and cut', async () => {
  const server = await realtime('--timelines');
  try {
    await a_user_is_reached([server], { is_alone: true });
  } finally {
    assert.equal(await server.stop(), 0);
  }
});

test('among the workers of a host', async () => {
  const server = await realtime('--workers', '3');
  try {
    await a_user_is_reached([server]);
  } finally {
    assert.equal(await server.stop(), 0);
  }
});

test('among hosts', async () => {
  const store = await redis();
  const servers = [];
  try {
    for (const more of [[], ['--workers', '2']]) servers.push(await realtime('--redis', store.url, ...more));
    await a_user_is_reached(servers);
  } finally {
    for (const server of servers) await server.stop();
    await store.stop();
  }
});
