// Hostile sessions: recorded ones (sessions/README.md), changed by chance, many at a time, against a real utakata-realtime that is
// built with the sanitizers. `tools/soak sessions [N]` builds it and runs this.
//
//   UTAKATA_BIN=build/asan/utakata-realtime node tests/soak/sessions.mjs [N] [--seed S] [--one K] [--at-once 64] [--workers W]
//
// Passes if the server has lived, answers /healthz, ends in order (a sanitizer's find would be its exit code), of each dialect at
// least half of the sessions got past the handshake and a fifth to a channel, and its memory over the last half stays flat. `--one K`
// plays the K-th of a seed alone; with `--workers` the server is of so many processes, none of which may die.
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { app, realtime_with } from '../e2e/kit/realtime.mjs';
import { random_of } from './mutate.mjs';
import { play_pusher } from './play_pusher.mjs';
import { play_socketio } from './play_socketio.mjs';
import { taken_apart } from './recording.mjs';

const { default: PusherServer } = await import(createRequire(new URL('../e2e/', import.meta.url)).resolve('pusher'));
const { values, positionals } = parseArgs({ allowPositionals: true, options: {
  seed: { type: 'string' }, one: { type: 'string' }, 'at-once': { type: 'string', default: '64' }, workers: { type: 'string' } } });
const count = Number(positionals[0] ?? 2000), at_once = Number(values['at-once']);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const grows_at_most_mb = 24;  // of the last quarter above the third: a leak of 1 KB a session would be that after 100,000
const tells_every_ms = 5000, samples_every_ms = 100;

// A kind of session for each dialect: where its recordings are, and what plays one.
const dialects = [['pusher', play_pusher], ['socketio', play_socketio]].map(([name, play]) => {
  const place = new URL(`sessions/${name}/`, import.meta.url);
  const recordings = readdirSync(place).filter((file) => file.endsWith('.bin')).sort().map((file) => taken_apart(readFileSync(new URL(file, place))));
  return { name, play, recordings, sum: { played: 0, let_in: 0, in_a_room: 0, compressed: 0, bytes_sent: 0, bytes_heard: 0 } };
});
const total = (what) => dialects.reduce((all, { sum }) => all + sum[what], 0);

const workers_of = (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean);
const resident_kb = (pid) => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0);

// The resident sets in MB; 0: the process, or a worker, is gone.
function memory_mb(pid) {
  try {
    return [pid, ...workers_of(pid)].map(resident_kb).reduce((all, kb) => all + kb) / 1024;
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
  const sampler = setInterval(() => samples.push([total('played'), memory_mb(server.child.pid)]), samples_every_ms);
  const api = new PusherServer({ ...app, host: '127.0.0.1', port: server.port, useTLS: false });
  const publisher = setInterval(() => {
    const n = total('played');
    const channel = ['news', 'presence-room', 'private-own', 'cache-prices'][n % 4];
    api.trigger(channel, 'said', { n, text: 'x'.repeat(n % 3000) }).catch(() => {});
  }, 50);
  const teller = setInterval(() => console.log(`${total('played')} of ${count} played, ${total('let_in')} let in, ${
    memory_mb(server.child.pid).toFixed(0)} MB`), tells_every_ms);
  let next = values.one === undefined ? 0 : Number(values.one);
  const last = values.one === undefined ? count : next + 1;
  const player = async () => {
    while (next < last && is_alive(server)) {
      const random = random_of(seed + next++ * 7919);
      const { play, recordings, sum } = random.one_of(dialects);
      await play(random.one_of(recordings), random, server.port, sum);
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
console.log(`${count} sessions made of ${dialects.map(({ name, recordings }) => `${recordings.length} of ${name}`).join(', ')}; seed ${seed}`);
const began = Date.now();
const server = await realtime_with(['--tenants', join(folder, 'tenants.yaml'), ...(values.workers ? ['--workers', values.workers] : [])]);
const workers = workers_of(server.child.pid);
const faults = [];
const samples = await play_all(server);
if (!is_alive(server)) faults.push('the server is gone');
else if (!await is_healthy(server.url)) faults.push('the server does not answer /healthz');
else if (workers_of(server.child.pid).join() !== workers.join()) faults.push('a worker died');
const ended = await server.stop();
if (ended !== 0) faults.push(`the server ended with ${ended}`);
if (values.one === undefined) {
  if (total('played') < count) faults.push(`${total('played')} of ${count} were played`);
  for (const { name, sum } of dialects) {
    if (sum.let_in < sum.played / 2) faults.push(`only ${sum.let_in} of ${sum.played} of ${name} got past the handshake`);
    if (sum.in_a_room < sum.played / 5) faults.push(`only ${sum.in_a_room} of ${sum.played} of ${name} came to read a channel`);
  }
  const [third, fourth] = last_quarters(samples);
  console.log(`memory: ${third.toFixed(1)} MB in the third quarter, ${fourth.toFixed(1)} MB in the last`);
  if (third === 0 || fourth === 0) faults.push('its memory was not seen in both quarters: play more sessions');
  if (fourth > third + grows_at_most_mb) faults.push(`its memory grew by ${(fourth - third).toFixed(1)} MB over the last half`);
}
rmSync(folder, { recursive: true });
for (const { name, sum } of dialects) console.log(`${name}: ${JSON.stringify(sum)}`);
const seconds = (Date.now() - began) / 1000;
console.log(`${seconds.toFixed(1)} s, ${(total('played') / seconds).toFixed(0)} sessions a second`);
if (faults.length > 0) {
  console.log(server.errors().slice(-20_000));
  console.log(`FAILED, seed ${seed}: ${faults.join('; ')}`);
}
process.exit(faults.length > 0 ? 1 : 0);
