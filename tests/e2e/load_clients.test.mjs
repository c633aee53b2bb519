// Unmodified clients from npm as scenarios, on the servers that they are for; what the servers saw agrees with what was counted.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { load } from './kit/load.mjs';
import { app, realtime } from './kit/realtime.mjs';
import { wait_for } from './kit/wait.mjs';

const stats_of = async (server) => (await fetch(`${server.url}/stats`)).json();

test('socket.io-client on Socket.IO: polling, upgraded and WebSocket only, with acknowledgements and what others say', async () => {
  const child = fork(join(dirname(fileURLToPath(import.meta.url)), 'kit/socketio_server.mjs'));
  after(() => child.disconnect());
  const port = await new Promise((go) => child.once('message', go));
  const run = await load(`
    import { io } from 'socket.io-client';
    const ways = { polling: { transports: ['polling'] }, upgraded: {}, websocket: { transports: ['websocket'] } };
    export const load = { users: 30, iterations: 1, scenarios: { polling: { exec: 'person', weight: 1 }, upgraded: { exec: 'person', weight: 1 }, websocket: { exec: 'person', weight: 1 } },
      thresholds: { iterations: 'count==30', 'iterations{scenario:polling}': 'count==10', checks: 'rate==1', echo: ['count==90', 'min>0'], errors: 'count==0', ws_sessions: 'count==20' } };
    export async function person(u) {
      const socket = io('http://127.0.0.1:${port}', { forceNew: true, ...ways[u.scenario] });
      await new Promise((go, fail) => socket.on('connect', go).on('connect_error', fail));
      if (u.scenario === 'upgraded') await new Promise((go) => (socket.io.engine.transport.name === 'websocket' ? go() : socket.io.engine.once('upgrade', go)));
      for (let k = 0; k < 3; ++k) {
        const [data, by] = await u.measure('echo', () => new Promise((go) => socket.emit('echo', { k, who: u.number }, (...all) => go(all))));
        u.check('what was sent comes back', data.k === k && data.who === u.number);
        u.check('by the transport that was asked for', by === (u.scenario === 'polling' ? 'polling' : 'websocket'));
      }
      const heard = new Promise((go) => socket.on('said', ({ from }) => from === (u.number + 1) % 30 && go()));
      const saying = setInterval(() => socket.emit('say', { from: u.number }), 100);
      await heard;
      await u.think(1);  // who comes last is heard of, too
      clearInterval(saying);
      socket.disconnect();
    }`, ['--workers', '2']);
  assert.equal(run.code, 0, run.out + run.err);
});

test('pusher-js and socket.io-client on utakata-realtime: each event reaches each of both', async () => {
  const server = await realtime('--client-events');
  after(() => server.stop());
  const run = await load(`
    import { createHmac } from 'node:crypto';
    import { io } from 'socket.io-client';
    import Pusher from 'pusher-js';
    const users = 20, rounds = 5;
    const signed = (text) => '${app.key}:' + createHmac('sha256', '${app.secret}').update(text).digest('hex');
    export const load = { users, iterations: 1, scenarios: { pusher: { exec: 'pusher', weight: 1 }, sockets: { exec: 'sockets', weight: 1 } }, thresholds: {
      iterations: 'count==' + users, errors: 'count==0', 'delay{by:pusher}': 'count==950', 'delay{by:sockets}': 'count==950', checks: 'rate==1' } };
    let here = 0, go_on;
    const gathered = new Promise((go) => { go_on = go; });
    // Says so many things, and hears all that all others said.
    async function talks(u, say, hear) {
      const heard = new Map();
      const all = new Promise((go) => hear(({ from, k, sent }) => {
        u.delay('delay', sent, { by: u.scenario });
        u.check('each once and in order', k === (heard.get(from) ?? 0));
        heard.set(from, k + 1);
        if (heard.size === users - 1 && [...heard.values()].every((count) => count === rounds)) go();
      }));
      if (++here === users) go_on();
      await gathered;
      for (let k = 0; k < rounds; ++k) {
        say({ from: u.number, k, sent: u.clock() });
        await u.think(0.3);  // they are taken ten times a second at most
      }
      await all;
    }
    export async function pusher(u) {
      const pusher = new Pusher('${app.key}', { cluster: '', wsHost: '127.0.0.1', wsPort: ${server.port}, forceTLS: false, enabledTransports: ['ws'],
        authorizer: (channel) => ({ authorize: (id, done) => done(null, { auth: signed(id + ':' + channel.name) }) }) });
      const channel = pusher.subscribe('private-stage');
      await new Promise((go, fail) => channel.bind('pusher:subscription_succeeded', go).bind('pusher:subscription_error', fail));
      await talks(u, (data) => channel.trigger('client-said', data), (on) => channel.bind('client-said', on));
      pusher.disconnect();
    }
    export async function sockets(u) {
      const socket = io('http://127.0.0.1:${server.port}', { forceNew: true });
      await new Promise((go, fail) => socket.on('connect', go).on('connect_error', fail));
      const joined = await socket.emitWithAck('subscribe', 'private-stage', { auth: signed(socket.id + ':private-stage') });
      if (!joined.ok) throw new Error(joined.error);
      await talks(u, (data) => socket.emit('client-said', 'private-stage', data), (on) => socket.on('client-said', on));
      socket.disconnect();
    }`, ['--workers', '1']);
  assert.equal(run.code, 0, run.out + run.err);
  await wait_for(async () => (await stats_of(server)).connections === 0, { what: 'all connections closed' });
  assert.equal((await stats_of(server)).accepted, 20);
});
