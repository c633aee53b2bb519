// utakata-realtime with the clients that people have: pusher-js and the `pusher` server SDK, unchanged.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import PusherServer from 'pusher';
import Pusher from 'pusher-js';
import WebSocket from 'ws';
import { app, realtime, realtime_with } from './kit/realtime.mjs';
import { wait_for } from './kit/wait.mjs';

let server;
let api;
const clients = [];

function client(options = {}) {
  const made = new Pusher(app.key, {
    cluster: '', wsHost: '127.0.0.1', wsPort: server.port, forceTLS: false, enabledTransports: ['ws'], disableStats: true,
    channelAuthorization: {
      customHandler: ({ socketId, channelName }, done) => {
        const member = channelName.startsWith('presence-') ? { user_id: options.user, user_info: { name: options.user } } : undefined;
        done(null, api.authorizeChannel(socketId, channelName, member));
      },
    },
    userAuthentication: {
      customHandler: ({ socketId }, done) => done(null, api.authenticateUser(socketId, { id: options.user })),
    },
    ...options,
  });
  clients.push(made);
  return made;
}

const once = (emitter, event) => new Promise((resolve) => {
  const heard = (data) => {
    emitter.unbind(event, heard);
    resolve(data);
  };
  emitter.bind(event, heard);
});

async function reads(who, name) {
  const channel = who.subscribe(name);
  const outcome = await new Promise((resolve) => {
    channel.bind('pusher:subscription_succeeded', () => resolve(null));
    channel.bind('pusher:subscription_error', resolve);
  });
  assert.equal(outcome, null);
  return channel;
}

before(async () => {
  server = await realtime('--client-events', '--timelines');
  api = new PusherServer({ ...app, host: '127.0.0.1', port: server.port, useTLS: false });
});
after(async () => {
  for (const one of clients) one.disconnect();
  assert.equal(await server.stop(), 0, 'it ends by SIGTERM in order');
});

test('an event that a server publishes reaches every client that reads the channel, and only those', async () => {
  const [ann, bob, eve] = [client(), client(), client()];
  const [anns, bobs] = [await reads(ann, 'news'), await reads(bob, 'news')];
  const eves = await reads(eve, 'other');
  const heard = [];
  for (const [name, channel] of [['ann', anns], ['bob', bobs], ['eve', eves]]) channel.bind('said', (data) => heard.push([name, data]));
  const both = Promise.all([once(anns, 'said'), once(bobs, 'said')]);
  const answer = await api.trigger('news', 'said', { text: 'hällo "you"' });
  assert.equal(answer.status, 200);
  await both;
  assert.deepEqual(heard.sort(), [['ann', { text: 'hällo "you"' }], ['bob', { text: 'hällo "you"' }]]);

  const bobHears = once(bobs, 'said');
  await api.trigger('news', 'said', 2, { socket_id: ann.connection.socket_id });
  assert.equal(await bobHears, 2);
  assert.equal(heard.filter(([name]) => name === 'ann').length, 1, 'who sent it does not hear it');
});

test('members of a presence channel see each other come and go', async () => {
  const ann = client({ user: 'ann' });
  const bob = client({ user: 'bob' });
  const anns = await reads(ann, 'presence-room');
  const came = once(anns, 'pusher:member_added');
  const bobs = await reads(bob, 'presence-room');
  assert.deepEqual(await came, { id: 'bob', info: { name: 'bob' } });
  assert.equal(bobs.members.count, 2);
  assert.deepEqual(bobs.members.get('ann').info, { name: 'ann' });

  const hears = once(bobs, 'client-wave');
  assert.ok(anns.trigger('client-wave', { hand: 'left' }));
  assert.deepEqual(await hears, { hand: 'left' });

  const users = await (await api.get({ path: '/channels/presence-room/users' })).json();
  assert.deepEqual(users.users.map((user) => user.id).sort(), ['ann', 'bob']);
  const left = once(anns, 'pusher:member_removed');
  bob.disconnect();
  assert.equal((await left).id, 'bob');
  assert.equal(anns.members.count, 1);
});

test('a channel tells how many read it', async () => {
  const reader = client();
  await reads(reader, 'counted');
  const info = await (await api.get({ path: '/channels/counted', params: { info: 'subscription_count' } })).json();
  assert.deepEqual(info, { occupied: true, subscription_count: 1 });
  const all = await (await api.get({ path: '/channels', params: { filter_by_prefix: 'count' } })).json();
  assert.deepEqual(all, { channels: { counted: {} } });
});

test('a user who has signed in is spoken to on all its clients', async () => {
  const tabs = [client({ user: 'cid' }), client({ user: 'cid' })];
  for (const tab of tabs) {
    tab.signin();
    await tab.user.signinDonePromise;
  }
  const heard = Promise.all(tabs.map((tab) => once(tab.user, 'hi')));
  await api.sendToUser('cid', 'hi', { n: 1 });
  assert.deepEqual(await heard, [{ n: 1 }, { n: 1 }]);
  const again = Promise.all(tabs.map((tab) => once(tab.user, 'hi')));
  const batch = [{ name: 'hi', channel: '#server-to-user-cid', data: '2' }];
  assert.equal((await api.post({ path: '/batch_events', body: { batch } })).status, 200);
  assert.deepEqual(await again, [2, 2], 'in a batch, too');
});

// With a bare socket: pusher-js keeps a timer for 30 s after such an end, and the test's process with it.
test('a user whose connections are terminated is cut off and told not to come again', async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/app/${app.key}?protocol=7`);
  const ended = new Promise((resolve) => socket.on('close', (code) => resolve(code)));
  socket.on('message', (text) => {
    const said = JSON.parse(text);
    if (said.event === 'pusher:connection_established')
      socket.send(JSON.stringify({ event: 'pusher:signin', data: api.authenticateUser(JSON.parse(said.data).socket_id, { id: 'eve' }) }));
    if (said.event === 'pusher:signin_success') api.terminateUserConnections('eve');
  });
  assert.equal(await ended, 4009);
});

test('who has no right is told so', async () => {
  const stranger = new Pusher('no-such-key', {
    cluster: '', wsHost: '127.0.0.1', wsPort: server.port, forceTLS: false, enabledTransports: ['ws'] });
  clients.push(stranger);
  const error = await once(stranger.connection, 'error');
  assert.equal(error.data?.code ?? error.error?.data?.code, 4001);

  const forger = new PusherServer({ ...app, secret: 'guessed', host: '127.0.0.1', port: server.port, useTLS: false });
  await assert.rejects(forger.trigger('news', 'said', 1), (problem) => problem.status === 401);
  const unsigned = client({ channelAuthorization: { customHandler: (_, done) => done(null, { auth: `${app.key}:0000` }) } });
  const refused = unsigned.subscribe('private-room');
  assert.equal((await once(refused, 'pusher:subscription_error')).status, 401);
});

test('its count is the truth', async () => {
  const stats = async () => (await fetch(`${server.url}/stats`)).json();
  const before = await stats();
  const one = client();
  await once(one.connection, 'connected');
  const with_one = await stats();
  assert.equal(with_one.connections, before.connections + 1);
  assert.equal(with_one.accepted, before.accepted + 1);
  one.disconnect();
  await wait_for(async () => (await stats()).connections === before.connections);
});

// docs/realtime.md as it stands there, but for its port.
test('what the documentation shows works', async (t) => {
  const text = readFileSync(new URL('../../docs/realtime.md', import.meta.url), 'utf8');
  const command = /```sh\nutakata-realtime --port 6001 (.*)\n```/.exec(text)[1];
  const shown = await realtime_with(command.split(' '));
  t.after(() => shown.stop());
  const folder = mkdtempSync(fileURLToPath(new URL('node_modules/.docs-', import.meta.url))); // there the packages are found
  t.after(() => rmSync(folder, { recursive: true }));
  const run = (name) => {
    const code = new RegExp(`<!-- tested: ${name} -->\n\`\`\`js\n([^]*?)\n\`\`\``).exec(text)[1];
    const file = join(folder, `${name}.mjs`);
    writeFileSync(file, code.replaceAll('6001', String(shown.port)));
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => child.kill('SIGKILL'));
    child.said = '';
    child.stdout.on('data', (bytes) => { child.said += bytes; });
    return child;
  };
  const reader = run('client');
  await wait_for(() => reader.said.includes('reading'));
  const other = run('socketio');
  await wait_for(() => other.said.includes('ok: true'));
  run('server');
  await wait_for(() => reader.said === 'reading\nheard hello\n');
  await wait_for(() => other.said.includes('news hello'));
  const player = run('sync');
  await wait_for(() => player.said === 'players \nplayers ann\n');
  assert.equal(text.match(/^```js$/gm).length, text.match(/^<!-- tested: \w+ -->\n```js$/gm).length, 'no block is untested');
});
