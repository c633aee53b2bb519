// Hostile sessions: recorded ones (sessions/*.bin, see sessions/README.md), changed by chance, many at a time, against a real
// utakata-realtime that is built with the sanitizers. `tools/soak sessions [N]` builds it and runs this.
//
//   UTAKATA_BIN=build/asan/utakata-realtime node tests/soak/sessions.mjs [N] [--seed S] [--one K] [--at-once 64]
//
// Passes if the server has lived, answers /healthz, ends in order (a sanitizer's find would be its exit code), at least half of
// the sessions got past the handshake and a fifth to a channel, and its memory over the last half stays flat. `--one K` plays the K-th of a seed alone.
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { app, realtime_with } from '../e2e/kit/realtime.mjs';
import { framed, mutated_head, mutated_messages, random_of, signed_anew } from './mutate.mjs';
import { first_text, taken_apart } from './websocket_bytes.mjs';

const { default: PusherServer } = await import(createRequire(new URL('../e2e/', import.meta.url)).resolve('pusher'));
const { values, positionals } = parseArgs({ allowPositionals: true, options: {
  seed: { type: 'string' }, one: { type: 'string' }, 'at-once': { type: 'string', default: '64' } } });
const count = Number(positionals[0] ?? 2000), at_once = Number(values['at-once']);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const grows_at_most_mb = 24;  // of the last quarter above the third: a leak of 1 KB a session would be that after 100,000
const gives_up_ms = 3000;     // who is not ended by the server ends itself

const tells_every_ms = 5000, samples_every_ms = 100;

// A kind of session for each dialect: where its recordings are, and what plays one. Socket.IO's is to be added here: a folder of
// its own, and a `play` that knows its handshake and its packets; the rest does not change.
const dialects = [{ folder: 'sessions', play: play_pusher }];

const recordings = dialects.flatMap(({ folder, play }) => {
  const place = new URL(`${folder}/`, import.meta.url);
  return readdirSync(place).filter((name) => name.endsWith('.bin')).sort()
    .map((name) => ({ name, play, ...taken_apart(readFileSync(new URL(name, place))) }));
});

const sum = { played: 0, let_in: 0, read_a_channel: 0, compressed: 0, ended_by_server: 0, ended_by_us: 0, bytes_sent: 0, bytes_heard: 0 };

// What the server said first, with the socket id that signatures are made of; undefined: it is not whole; empty: it has none.
function socket_id_in(bytes) {
  const text = first_text(bytes);
  if (text === null) return undefined;
  const said = JSON.parse(text);
  return said.event === 'pusher:connection_established' ? JSON.parse(said.data).socket_id : '';
}

// In a few pieces, at once or a little later.
async function write_in_pieces(socket, bytes, random) {
  for (let pieces = random.below(5); pieces > 0 && !socket.destroyed; --pieces) {
    const size = random.below(bytes.length + 1);
    socket.write(bytes.subarray(0, size));
    bytes = bytes.subarray(size);
    await sleep(random.chance(0.1) ? 20 : 0);
  }
  if (!socket.destroyed) socket.write(bytes);
}

// The head, then as soon as it is let in and has a socket id, the rest; then it ends, is cut, or waits to be ended.
function play_pusher(recorded, random, port) {
  const { promise, resolve } = with_resolvers();
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let heard = Buffer.alloc(0), is_let_in = false, has_spoken = false, has_read = false, is_ours = false;
  const cut = () => {
    is_ours = true;
    socket.destroy();
  };
  const timer = setTimeout(cut, gives_up_ms);
  socket.on('error', () => {}).on('close', () => {
    clearTimeout(timer);
    ++sum[is_ours ? 'ended_by_us' : 'ended_by_server'];
    sum.bytes_sent += socket.bytesWritten;
    sum.bytes_heard += socket.bytesRead;
    resolve();
  });
  const speak = async (id, agreed) => {
    const texts = recorded.frames.filter(({ first }) => (first & 15) === 1).map(({ payload }) => signed_anew(payload.toString(), id, app));
    const bytes = framed(mutated_messages(texts, random), random, agreed);
    if (random.chance(0.05)) socket.pause();  // it reads nothing
    await write_in_pieces(socket, bytes, random);
    if (random.chance(0.6)) socket.end();
    else setTimeout(cut, random.below(100));
  };
  socket.write(mutated_head(recorded.head, random));
  socket.on('data', (bytes) => {
    if (!has_read && bytes.includes('subscription_succeeded')) {
      has_read = true;
      ++sum.read_a_channel;
    }
    if (has_spoken) return;
    heard = Buffer.concat([heard, bytes]);
    const end = heard.indexOf('\r\n\r\n');
    if (end < 0) return;
    const answer = heard.subarray(0, end).toString('latin1');
    if (!answer.startsWith('HTTP/1.1 101')) {
      has_spoken = true;
      return void socket.end();
    }
    const agreed = answer.includes('permessage-deflate');
    if (!is_let_in) {
      is_let_in = true;
      ++sum.let_in;
      sum.compressed += agreed;
    }
    const id = socket_id_in(heard.subarray(end + 4));
    if (id === undefined) return;
    has_spoken = true;
    void speak(id, agreed);
  });
  return promise;
}

function with_resolvers() {
  let resolve;
  const promise = new Promise((call) => resolve = call);
  return { promise, resolve };
}

// The resident set in MB; 0: the process is gone.
function memory_mb(pid) {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

const median = (list) => list.length === 0 ? 0 : [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

// The medians of the two quarters after the half: `samples` are [sessions played, MB].
function last_quarters(samples) {
  const within = (from, to) => median(samples.filter(([played]) => played >= count * from && played < count * to).map(([, mb]) => mb));
  return [within(0.5, 0.75), within(0.75, 1)];
}

async function is_healthy(url) {
  try {
    return (await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(10_000) })).status === 200;
  } catch {
    return false;
  }
}

// Everybody plays until all are played, or the server is gone. What is published meanwhile goes to whoever reads.
async function play_all(server) {
  const samples = [];
  const sampler = setInterval(() => samples.push([sum.played, memory_mb(server.child.pid)]), samples_every_ms);
  const api = new PusherServer({ ...app, host: '127.0.0.1', port: server.port, useTLS: false });
  const publisher = setInterval(() => {
    const channel = ['news', 'presence-room', 'private-own', 'cache-prices'][sum.played % 4];
    api.trigger(channel, 'said', { n: sum.played, text: 'x'.repeat(sum.played % 3000) }).catch(() => {});
  }, 50);
  const teller = setInterval(() => console.log(`${sum.played} of ${count} played, ${sum.let_in} let in, ${memory_mb(server.child.pid).toFixed(0)} MB`),
    tells_every_ms);
  let next = values.one === undefined ? 0 : Number(values.one);
  const last = values.one === undefined ? count : next + 1;
  const player = async () => {
    while (next < last && is_alive(server)) {
      const random = random_of(seed + next++ * 7919);
      const recorded = random.one_of(recordings);
      await recorded.play(recorded, random, server.port);
      ++sum.played;
    }
  };
  await Promise.all(Array.from({ length: at_once }, player));
  for (const timer of [sampler, publisher, teller]) clearInterval(timer);
  return samples;
}

const is_alive = (server) => server.child.exitCode === null && server.child.signalCode === null;

// What a tenant keeps is bounded, soon reached and soon over: what grows then is a leak.
const tenants = `apps:
  show:
    id: ${app.appId}
    key: ${app.key}
    secret: ${app.secret}
    client_events: true
    subscription_counts: true
    compress: true
    timelines: { messages: 10, age: 2s, bytes: 20K }
    limits: { kept_channels: 50 }
`;

process.env.ASAN_OPTIONS ??= 'quarantine_size_mb=16';
const folder = mkdtempSync(join(tmpdir(), 'utakata-sessions-'));
writeFileSync(join(folder, 'tenants.yaml'), tenants);
console.log(`${count} sessions made of ${recordings.map(({ name }) => name).join(', ')}; seed ${seed}`);
const began = Date.now();
const server = await realtime_with(['--tenants', join(folder, 'tenants.yaml')]);
const faults = [];
const samples = await play_all(server);
if (!is_alive(server)) faults.push('the server is gone');
else if (!await is_healthy(server.url)) faults.push('the server does not answer /healthz');
const ended = await server.stop();
if (ended !== 0) faults.push(`the server ended with ${ended}`);
if (values.one === undefined) {
  if (sum.played < count) faults.push(`${sum.played} of ${count} were played`);
  if (sum.let_in < count / 2) faults.push(`only ${sum.let_in} of ${count} got past the handshake`);
  if (sum.read_a_channel < count / 5) faults.push(`only ${sum.read_a_channel} of ${count} came to read a channel`);
  const [third, fourth] = last_quarters(samples);
  console.log(`memory: ${third.toFixed(1)} MB in the third quarter, ${fourth.toFixed(1)} MB in the last`);
  if (third === 0 || fourth === 0) faults.push('its memory was not seen in both quarters: play more sessions');
  if (fourth > third + grows_at_most_mb) faults.push(`its memory grew by ${(fourth - third).toFixed(1)} MB over the last half`);
}
rmSync(folder, { recursive: true });
console.log(`${JSON.stringify(sum)} in ${((Date.now() - began) / 1000).toFixed(1)} s`);
if (faults.length > 0) {
  console.log(server.errors().slice(-20_000));
  console.log(`FAILED, seed ${seed}: ${faults.join('; ')}`);
}
process.exit(faults.length > 0 ? 1 : 0);
