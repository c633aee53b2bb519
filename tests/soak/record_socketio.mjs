// Records what the unchanged socket.io-client sends, over both transports, as record_pusher.mjs does for pusher-js:
//
//   cd tests/e2e && npm ci && UTAKATA_BIN=../../build/dev/utakata-realtime node ../soak/record_socketio.mjs [NAME...]
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { app, realtime } from '../e2e/kit/realtime.mjs';
import { recording_proxy } from './recording.mjs';

const of_e2e = createRequire(new URL('../e2e/', import.meta.url));
const { io } = of_e2e('socket.io-client');
const PusherServer = of_e2e('pusher');

const server = await realtime('--client-events', '--timelines', '--compress');
const api = new PusherServer({ ...app, host: '127.0.0.1', port: server.port, useTLS: false });
const once = (emitter, event) => new Promise((resolve) => emitter.once(event, (...all) => resolve(all)));
const asks = (socket, ...all) => socket.timeout(5000).emitWithAck(...all);
const names = process.argv.slice(2);

async function reads(socket, channel) {
  const member = channel.startsWith('presence-') ? { user_id: 'ann', user_info: { name: 'hällo 😀' } } : undefined;
  const open = !/^(private|presence)-/.test(channel);
  const { ok, error } = await (open ? asks(socket, 'subscribe', channel)
    : asks(socket, 'subscribe', channel, api.authorizeChannel(socket.id, channel, member)));
  if (!ok) throw new Error(`${channel}: ${error}`);
}

// One recorded client that does what `play` says.
async function record(name, transports, play) {
  if (names.length > 0 && !names.includes(name)) return;
  const proxy = await recording_proxy(server.port, fileURLToPath(new URL(`sessions/socketio/${name}.bin`, import.meta.url)));
  const socket = io(`http://127.0.0.1:${proxy.port}`, { transports, forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 100 });
  await once(socket, 'connect');
  await play(socket);
  await sleep(200);
  socket.disconnect();
  await sleep(200);
  await proxy.close();
  console.log(`recorded ${name}`);
}

async function plays(socket) {
  await reads(socket, 'news');
  await reads(socket, 'presence-room');
  for (let n = 0; n < 4; ++n) socket.emit('client-moved', 'presence-room', { x: n, y: -n, name: 'hällo 😀' });
  await reads(socket, 'private-own');
  await asks(socket, 'client-typed', 'private-own', { text: 'x'.repeat(600) });
  await asks(socket, 'client-picture', 'private-own', { of: Buffer.from([0, 1, 255]), and: [Buffer.alloc(300, 7)] });
  socket.emit('client-sound', 'private-own', new Uint8Array([1, 2, 3]).buffer);
  await asks(socket, 'unsubscribe', 'presence-room');
}

async function comes_back(socket) {
  await reads(socket, 'news');
  await reads(socket, 'private-own');
  const said = once(socket, 'said');
  await api.trigger('news', 'said', { n: 1 });
  await said;
  const again = once(socket, 'connect');
  socket.io.engine.close();
  await api.trigger('news', 'said', { n: 2 });
  await again;
  if (!socket.recovered) throw new Error('it was not recovered');
  await asks(socket, 'client-typed', 'private-own', { text: 'back' });
  await asks(socket, 'unsubscribe', 'news');
}

await record('reader', ['websocket'], async (socket) => {
  await reads(socket, 'news');
  await reads(socket, 'cache-prices');
  await once(socket.io, 'ping');  // after 25 s; it answers
  await asks(socket, 'unsubscribe', 'news');
  await reads(socket, 'news');
});
await record('player', ['websocket'], plays);
await record('poller', ['polling'], plays);
await record('returner', ['websocket'], comes_back);
await record('polling_returner', ['polling'], comes_back);
await record('climber', ['polling', 'websocket'], async (socket) => {
  await reads(socket, 'cache-prices');
  if (socket.io.engine.transport.name !== 'websocket') await once(socket.io.engine, 'upgrade');
  await plays(socket);
});
await record('visitor', ['websocket'], async (socket) => {  // of a namespace that is not there; and the other again
  const elsewhere = socket.io.socket('/admin', { auth: { token: 'x' } });
  const refused = once(elsewhere, 'connect_error');
  elsewhere.connect();
  await refused;
  await reads(socket, 'news');
  socket.disconnect();
  const again = once(socket, 'connect');
  socket.connect();
  await again;
  await reads(socket, 'presence-room');
});
await server.stop();
process.exit(0);
