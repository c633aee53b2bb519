// Compressed messages (permessage-deflate, RFC 7692) with the client that people have: `ws`.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { after, before, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import PusherServer from 'pusher';
import WebSocket from 'ws';
import { app, realtime, realtime_with } from './kit/realtime.mjs';
import { wait_for } from './kit/wait.mjs';

let server;
let api;
const clients = [];

before(async () => {
  server = await realtime('--compress', '--client-events');
  api = new PusherServer({ ...app, host: '127.0.0.1', port: server.port, useTLS: false });
});
after(async () => {
  for (const one of clients) one.socket.terminate();
  assert.equal(await server.stop(), 0);
});

// One that has been let in.
async function client(options) {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/app/${app.key}?protocol=7`, options);
  const made = { socket, said: [], ended: new Promise((resolve) => socket.on('close', resolve)) };
  clients.push(made);
  socket.on('upgrade', (response) => made.answer = response.headers['sec-websocket-extensions']);
  socket.on('message', (text) => made.said.push(JSON.parse(text)));
  await wait_for(() => made.said.length > 0, { what: 'its first message' });
  made.id = JSON.parse(made.said[0].data).socket_id;
  made.say = (message) => socket.send(JSON.stringify(message));
  made.heard = (event) => made.said.filter((one) => one.event === event);
  return made;
}
async function reads(who, channel) {
  const { auth } = channel.startsWith('private-') ? api.authorizeChannel(who.id, channel) : {};
  who.say({ event: 'pusher:subscribe', data: { channel, auth } });
  await wait_for(() => who.heard('pusher_internal:subscription_succeeded').some((one) => one.channel === channel), { what: 'its subscription' });
}
const deflates = (options = {}) => ({ perMessageDeflate: { threshold: 0, ...options } });
const agreed = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';

test('who can inflate and who cannot hear the same on one channel, in far fewer bytes', async () => {
  const plain = await client({ perMessageDeflate: false });
  const small = await client(deflates());
  const narrow = await client(deflates({ serverMaxWindowBits: 9 }));
  assert.equal(plain.answer, undefined);
  assert.equal(small.answer, agreed);
  assert.equal(narrow.answer, `${agreed}; server_max_window_bits=9`);
  const all = [plain, small, narrow];
  for (const who of all) await reads(who, 'news');
  const before = all.map((who) => who.socket._socket.bytesRead);
  const texts = ['tiny', 'x'.repeat(300), 'ä€😀'.repeat(700), JSON.stringify(Array.from({ length: 250 }, (_, n) => ({ n, is: 'seat' })))];
  for (const text of texts) await api.trigger('news', 'said', { text });
  await wait_for(() => all.every((who) => who.heard('said').length === texts.length), { what: 'all events' });
  for (const who of all) assert.deepEqual(who.heard('said').map((one) => JSON.parse(one.data).text), texts);
  const took = all.map((who, k) => who.socket._socket.bytesRead - before[k]);
  assert.ok(took[1] < took[0] / 5, `${took}`);
  assert.ok(took[2] < took[0] && took[2] > took[1], `${took}: what could refer back too far comes to it as it is`);
});

test('many readers of a channel that is busy hear each event once, in order', async () => {
  const readers = [];
  for (let k = 0; k < 40; ++k) readers.push(await client(k % 2 ? deflates() : { perMessageDeflate: false }));
  await Promise.all(readers.map((who) => reads(who, 'busy')));
  const padding = 'p'.repeat(400);
  await Promise.all(Array.from({ length: 10 }, (_, n) => api.triggerBatch(
    Array.from({ length: 10 }, (_, m) => ({ channel: 'busy', name: 'said', data: { n, m, padding } })))));
  await wait_for(() => readers.every((who) => who.heard('said').length === 100), { what: 'all events' });
  const first = readers[0].heard('said').map((one) => one.data);
  for (const who of readers) assert.deepEqual(who.heard('said').map((one) => one.data), first);
});

test('what a client says compressed is read, and passed on', async () => {
  const [ann, bob] = [await client(deflates()), await client({ perMessageDeflate: false })];
  for (const who of [ann, bob]) await reads(who, 'private-room');
  const text = 'hällo '.repeat(500);
  ann.say({ event: 'client-wave', channel: 'private-room', data: { text } });
  await wait_for(() => bob.heard('client-wave').length === 1, { what: 'the wave' });
  const [heard] = bob.heard('client-wave');
  assert.equal((typeof heard.data === 'string' ? JSON.parse(heard.data) : heard.data).text, text);
});

// A frame of a client by hand: RSV1, a mask of zeros.
function compressed_frame(payload) {
  const head = Buffer.alloc(14);
  head[0] = 0xc1;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(payload.length), 2);
  if (payload.length >= 65536) return Buffer.concat([head, payload]);
  const short = Buffer.from([0xc1, 0x80 | 126, payload.length >> 8, payload.length & 255, 0, 0, 0, 0]);
  return Buffer.concat([short, payload]);
}

test('a bomb ends its own connection with 1009, and what is broken with 1007', async () => {
  const ends = async (payload) => {
    const who = await client(deflates());
    who.socket._socket.write(compressed_frame(payload));
    return who.ended;
  };
  const bomb = deflateRawSync(Buffer.alloc(30_000_000, 'x'));
  assert.ok(bomb.length < 64 * 1024, 'it is small enough to be taken in');
  assert.equal(await ends(bomb), 1009);
  assert.equal(await ends(Buffer.alloc(200, 0xff)), 1007);
  const witness = await client(deflates());
  await reads(witness, 'news');
});

// The answer to an upgrade with these offers.
const answer_to = (port, offers) => new Promise((resolve, reject) => {
  const asked = request({ port, host: '127.0.0.1', path: `/app/${app.key}?protocol=7`, headers: {
    Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': 13, 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Extensions': offers } });
  asked.on('upgrade', (response, socket) => {
    socket.destroy();
    resolve(response.headers['sec-websocket-extensions']);
  });
  asked.on('error', reject);
  asked.end();
});

test('an offer that cannot be kept to is declined, and the next is taken', async () => {
  assert.equal(await answer_to(server.port, 'permessage-deflate; tomorrow=1'), undefined);
  assert.equal(await answer_to(server.port, 'permessage-deflate; tomorrow=1, permessage-deflate; client_max_window_bits'), agreed);
});

test('a tenant is compressed only if its file says so', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'utakata-deflate-'));
  const file = join(folder, 'tenants.yaml');
  const write = (compress) => writeFileSync(file, `apps: { show: { id: 1, key: ${app.key}, secret: s, compress: ${compress} } }\n`);
  write(false);
  const other = await realtime_with(['--tenants', file]);
  try {
    assert.equal(await answer_to(other.port, 'permessage-deflate'), undefined);
    write(true);
    other.child.kill('SIGHUP');
    let answer;
    await wait_for(async () => (answer = await answer_to(other.port, 'permessage-deflate')), { what: 'the file to be read again' });
    assert.equal(answer, agreed);
  } finally {
    assert.equal(await other.stop(), 0);
    rmSync(folder, { recursive: true });
  }
});
