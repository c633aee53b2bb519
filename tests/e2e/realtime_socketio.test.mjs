// utakata-realtime with socket.io-client, unchanged, over both transports, beside pusher-js on the same channels.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import Pusher from 'pusher-js';
import PusherServer from 'pusher';
import { io } from 'socket.io-client';
import { app, realtime, realtime_with } from './kit/realtime.mjs';
import { wait_for } from './kit/wait.mjs';

let server;
let api;
const sockets = [];
const pushers = [];

function socket(options = {}) {
  const made = io(`http://127.0.0.1:${server.port}`, { transports: ['websocket'], forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 100, ...options });
  sockets.push(made);
  return made;
}
const once = (emitter, event) => new Promise((resolve) => emitter.once(event, (...all) => resolve(all)));
async function connected(options) {
  const made = socket(options);
  await once(made, 'connect');
  return made;
}
const asks = (who, ...all) => who.timeout(5000).emitWithAck(...all);
const signed = (who, channel, member) => api.authorizeChannel(who.id, channel, member);
async function pusher_reads(name) {
  const made = new Pusher(app.key, {
    cluster: '', wsHost: '127.0.0.1', wsPort: server.port, forceTLS: false, enabledTransports: ['ws'], disableStats: true,
    channelAuthorization: { customHandler: ({ socketId, channelName }, done) =>
      done(null, api.authorizeChannel(socketId, channelName, channelName.startsWith('presence-') ? { user_id: 'pat' } : undefined)) },
  });
  pushers.push(made);
  const channel = made.subscribe(name);
  await new Promise((resolve) => channel.bind('pusher:subscription_succeeded', resolve));
  return channel;
}
const stats = async () => (await fetch(`http://127.0.0.1:${server.port}/stats`)).json();

before(async () => {
  server = await realtime('--client-events', '--timelines');
  api = new PusherServer({ ...app, host: '127.0.0.1', port: server.port, useTLS: false });
});
after(async () => {
  for (const one of sockets) one.disconnect();
  for (const one of pushers) one.disconnect();
  assert.equal(await server.stop(), 0, 'it ends by SIGTERM in order');
});

for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']])
  test(`over ${transports.join(', then ')}: connect, subscribe, hear, send`, async () => {
    const ann = await connected({ transports });
    if (transports.length === 2)
      await wait_for(() => ann.io.engine.transport.name === 'websocket', { what: 'the upgrade' });
    else
      assert.equal(ann.io.engine.transport.name, transports[0]);
    assert.deepEqual(await asks(ann, 'subscribe', 'news'), { ok: true });
    const heard = once(ann, 'said');
    await api.trigger('news', 'said', { text: 'hällo "you"' });
    const [data, where] = await heard;
    assert.deepEqual([data, where.channel], [{ text: 'hällo "you"' }, 'news']);
    assert.deepEqual(await asks(ann, 'subscribe', 'private-room', signed(ann, 'private-room')), { ok: true });
    const bob = await connected({ transports });
    await asks(bob, 'subscribe', 'private-room', signed(bob, 'private-room'));
    const bobs = once(bob, 'client-move');
    assert.deepEqual(await asks(ann, 'client-move', 'private-room', { x: 1 }), { ok: true });
    assert.deepEqual((await bobs)[0], { x: 1 });
    const bytes = once(bob, 'client-picture');
    assert.deepEqual(await asks(ann, 'client-picture', 'private-room', { of: Buffer.from([0, 1, 255]) }), { ok: true });
    assert.deepEqual((await bytes)[0], { of: Buffer.from([0, 1, 255]) });
    assert.equal((await asks(ann, 'subscribe', 'private-x', { auth: 'key:bad' })).ok, false);
    for (const one of [ann, bob]) one.disconnect();
  });

test('a client of Pusher and one of Socket.IO on one channel see the same', async () => {
  const ann = await connected();
  const pats = await pusher_reads('presence-stage');
  const added = new Promise((resolve) => pats.bind('pusher:member_added', resolve));
  const came = await asks(ann, 'subscribe', 'presence-stage', signed(ann, 'presence-stage', { user_id: 'ann', user_info: { age: 7 } }));
  assert.deepEqual(came.members.map((one) => one.user_id).sort(), ['ann', 'pat']);
  assert.deepEqual(await added, { id: 'ann', info: { age: 7 } });
  const both = [once(ann, 'said'), new Promise((resolve) => pats.bind('said', resolve))];
  await api.trigger('presence-stage', 'said', [1, 2]);
  const [[socketios], pushers_] = await Promise.all(both);
  assert.deepEqual([socketios, pushers_], [[1, 2], [1, 2]]);
  const crossed = once(ann, 'client-hi');
  pats.trigger('client-hi', { from: 'pat' });
  const [data, where] = await crossed;
  assert.deepEqual([data, where], [{ from: 'pat' }, { channel: 'presence-stage', user_id: 'pat' }]);
  const back = new Promise((resolve) => pats.bind('client-hi', resolve));
  await asks(ann, 'client-hi', 'presence-stage', { from: 'ann' });
  assert.deepEqual(await back, { from: 'ann' });
  const answer = await (await api.get({ path: '/channels/presence-stage', params: { info: 'user_count' } })).json();
  assert.equal(answer.user_count, 2);
  const gone = new Promise((resolve) => pats.bind('pusher:member_removed', resolve));
  ann.disconnect();
  assert.equal((await gone).id, 'ann');
});

test('who published by the API with its sid does not hear it', async () => {
  const [ann, bob] = [await connected(), await connected({ transports: ['polling'] })];
  for (const one of [ann, bob]) await asks(one, 'subscribe', 'echo');
  const heard = [];
  ann.on('said', () => heard.push('ann'));
  bob.on('said', () => heard.push('bob'));
  await api.trigger('echo', 'said', 1, { socket_id: ann.id });
  await api.trigger('echo', 'said', 2);
  await wait_for(() => heard.filter((one) => one === 'bob').length >= 1 && heard.includes('ann'), { what: 'both to hear the last' });
});

test('a connection that breaks is recovered with what it missed', async () => {
  const ann = await connected();
  await asks(ann, 'subscribe', 'story');
  const heard = [];
  ann.on('said', (data) => heard.push(data));
  await api.trigger('story', 'said', 1);
  await wait_for(() => heard.length === 1, { what: 'the first' });
  const again = once(ann, 'connect');
  ann.io.engine.close();
  await wait_for(async () => !ann.connected, { what: 'the break' });
  await api.trigger('story', 'said', 2);
  await api.trigger('story', 'said', 3);
  await again;
  assert.equal(ann.recovered, true);
  await api.trigger('story', 'said', 4);
  await wait_for(() => heard.length === 4, { what: 'all four' });
  assert.deepEqual(heard, [1, 2, 3, 4]);
});

test('its count is the truth, with pollers', async () => {
  const before_ = (await stats()).connections;
  const all = await Promise.all([connected(), connected({ transports: ['polling'] }), connected({ transports: ['polling', 'websocket'] })]);
  assert.equal((await stats()).connections, before_ + 3);
  for (const one of all) one.disconnect();
  await wait_for(async () => (await stats()).connections === before_, { what: 'all to have gone' });
});

test('a page of another origin may poll, and the preflight says so', async () => {
  const url = `http://127.0.0.1:${server.port}/socket.io/?EIO=4&transport=polling`;
  const answer = await fetch(url, { headers: { origin: 'http://show.example' } });
  assert.equal(answer.headers.get('access-control-allow-origin'), 'http://show.example');
  assert.equal((await answer.text())[0], '0');
  const preflight = await fetch(url, { method: 'OPTIONS', headers: { origin: 'http://show.example', 'access-control-request-method': 'POST' } });
  assert.equal(preflight.status, 204);
  assert.match(preflight.headers.get('access-control-allow-methods'), /POST/);
});

test('who only knocks counts as a connection, and there may be only so many', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenants-'));
  const file = join(folder, 'tenants.yaml');
  writeFileSync(file, 'apps:\n  show:\n    id: "1"\n    key: show\n    secret: between-us\n    limits: { connections: 3 }\n');
  const small = await realtime_with(['--tenants', file]);
  const knock = async () => (await fetch(`${small.url}/socket.io/?EIO=4&transport=polling`)).status;
  assert.deepEqual([await knock(), await knock(), await knock(), await knock()], [200, 200, 200, 403]);
  assert.equal((await (await fetch(`${small.url}/stats`)).json()).connections, 3);
  await small.stop();
  rmSync(folder, { recursive: true });
});

test('what makes no sense is refused as the protocol says', async () => {
  const ask = async (query, options) => {
    const answer = await fetch(`http://127.0.0.1:${server.port}/socket.io/?${query}`, options);
    return [answer.status, JSON.parse(await answer.text()).code];
  };
  assert.deepEqual(await ask('EIO=4&transport=carrier-pigeon'), [400, 0]);
  assert.deepEqual(await ask('EIO=4&transport=polling&sid=unknown'), [400, 1]);
  assert.deepEqual(await ask('EIO=4&transport=polling', { method: 'POST', body: '4x' }), [400, 2]);
  assert.deepEqual(await ask('EIO=3&transport=polling'), [400, 5]);
  assert.deepEqual(await ask('EIO=4&transport=polling&key=nobody'), [403, 4]);
});
