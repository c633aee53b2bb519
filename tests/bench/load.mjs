// `utakata load` on core 1, against a server on core 0; beside it what a team would write with `ws` and socket.io-client.
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wait_for } from '../e2e/kit/wait.mjs';
import * as kit from './kit.mjs';
import { Pair, realtime, rounds, seconds } from './realtime_kit.mjs';

const show = (what, value, unit, must, note) => kit.figure('load', what, value, unit, must, note);
const is_short = kit.options.is_short;

// Scenarios lie where they find the packages that they import.
const folder = mkdtempSync(join(tmpdir(), 'utakata-bench-load-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
cpSync(join(kit.here, 'load'), folder, { recursive: true });
symlinkSync(join(kit.root, 'tests/e2e/node_modules'), join(folder, 'node_modules'));

const generate = (name, env, ...words) => kit.start(1, join(kit.build, 'utakata'), ['load', join(folder, `${name}.mjs`), '--workers', '1', ...words],
  { cwd: folder, env: { ...process.env, ...env } });
const worker_of = async (run) => {
  await wait_for(() => kit.children_of(run.pid).length === 1, { what: `a worker: ${run.errors}`, within: 10_000 });
  return kit.children_of(run.pid)[0];
};
const descriptors = (pid) => readdirSync(`/proc/${pid}/fd`).length;
// Shared pages counted once over all who share them.
const proportional_mb = (pid) => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))[1]) / 1024;

async function floor() {
  const server = kit.start(0, kit.program('websocket_floor'), [], { stdio: ['pipe', 'pipe', 'pipe'] });
  while (!server.output.includes('\n')) await once(server.stdout, 'data');
  return { server, port: Number(server.output), end: () => kit.stop(server) };
}
async function told(pair) {
  pair.server.output = '';
  pair.server.stdin.write('\n');
  while (!pair.server.output.includes('\n')) await once(pair.server.stdout, 'data');
  return JSON.parse(pair.server.output);
}

// What users add to a worker that has had one of them.
async function idle(client, users, port, must, note) {
  const open = async (count) => {
    const run = generate('idle', { CLIENT: client, PORT: String(port), USERS: String(count) });
    const pid = await worker_of(run);
    const before = descriptors(pid);
    await wait_for(() => descriptors(pid) >= before + count, { what: `${count} users: ${run.errors}`, within: 60_000 }).catch((problem) => {
      throw new Error(`${problem.message}: ${run.output}${run.errors}`);
    });
    await kit.sleep(5000);
    const resident = kit.resident_mb(pid);
    await kit.stop(run, 'SIGKILL');
    await wait_for(() => !readdirSync('/proc').includes(String(pid)), { what: 'its end' });
    return resident;
  };
  const one = await open(1), all = await open(users);
  show(`an idle virtual user, ${client}: resident memory`, ((all - one) * 2 ** 20) / (users - 1) / 1024, 'KB', must,
    `${users.toLocaleString('en-US')} in a process of ${all.toFixed(0)} MB, ${one.toFixed(0)} MB with one of them${note}`);
}

// A second's counts of each, one after the other, again and again; the last of them is what the others are compared with.
async function in_turn(starts, count_of) {
  const rates = Object.fromEntries(Object.keys(starts).map((name) => [name, []]));
  for (let round = 0; round < rounds; ++round)
    for (const [name, start] of Object.entries(starts)) {
      const run = await start();
      const before = await count_of(run), began = performance.now();
      await kit.sleep(seconds * 1000);
      rates[name].push(((await count_of(run) - before) * 1000) / (performance.now() - began));
      await run.end();
    }
  const last = Object.keys(starts).at(-1);
  const of = (name) => Math.round(kit.median(rates[name])).toLocaleString('en-US');
  return (what, name, must, note = '') => {
    const ratios = rates[name].map((rate, round) => rate / rates[last][round]);
    show(what, kit.median(ratios), 'x', must, `${note}${of(name)} of ${of(last)} /s; rounds: ${ratios.map((one) => one.toFixed(2)).join(' ')}`);
  };
}

async function with_server(server, start) {
  const pair = await server();
  const run = await start(pair.port);
  return { pair, run, async end() {
    await kit.stop(run, 'SIGKILL');
    await pair.end();
  } };
}
const rival = (what) => (port) => kit.start(1, process.execPath, [join(folder, 'rival.mjs'), what], { cwd: folder, env: { ...process.env, PORT: String(port) } });
const ours = (what) => (port) => generate(what, { PORT: String(port) });
function bare(port) {
  const run = kit.start(1, kit.program('relay_load'), [String(port), 'websocket', '1000'], { stdio: ['pipe', 'pipe', 'pipe'] });
  run.stdin.write('600\n');
  return run;
}

// A bare client that sends and receives and does nothing else shows how much of it the kernel leaves to be had.
async function echoes() {
  const start = (generator) => async () => {
    const one = await with_server(floor, generator);
    await wait_for(async () => (await told(one.pair)).opened === 1000, { what: `1,000 users: ${one.run.errors}`, within: 30_000 });
    await kit.sleep(1000);
    return one;
  };
  const tell = await in_turn({ ours: start(ours('echo')), bare: start(bare), ws: start(rival('echo')) }, async ({ pair }) => (await told(pair)).messages);
  tell('round trips of 1,000 users through JavaScript: of Node\'s `ws`', 'ours', { at_least: 3 }, '100 bytes, one on its way for each; ');
  tell('the same by a bare epoll client without any JavaScript', 'bare', null);
}

async function connects() {
  const users = is_short ? 3000 : 15_000, rates = [];
  for (let round = 0; round < rounds; ++round) {
    const pair = await floor();
    const run = generate('idle', { CLIENT: 'raw', PORT: String(pair.port), USERS: String(users) });
    while ((await told(pair)).opened === 0) await kit.sleep(1);
    const began = performance.now(), first = (await told(pair)).opened;
    for (;;) {
      const { opened } = await told(pair);
      if (opened === users) break;
      await kit.sleep(2);
    }
    rates.push(((users - first) * 1000) / (performance.now() - began));
    await kit.stop(run, 'SIGKILL');
    await pair.end();
  }
  show('connections opened a second on one core, by a bare accepting server\'s count', kit.median(rates), '/s', { at_least: 16_000 },
    `${users.toLocaleString('en-US')} users at once, each an async function with a WebSocket; rounds: ${rates.map((one) => Math.round(one).toLocaleString('en-US')).join(' ')}`);
}

async function polls() {
  const start = (generator) => async () => {
    const one = await with_server(() => realtime(new Pair()), generator);
    one.answers = () => Number(/.*answers (\d+)/s.exec(one.run.output)?.[1] ?? 0);
    await wait_for(() => one.answers() > 0, { what: `answers: ${one.run.errors}`, within: 30_000 });
    await kit.sleep(2000);
    return one;
  };
  const count_of = async (one) => {
    const { length } = one.run.output;
    while (one.run.output.length === length) await once(one.run.stdout, 'data');
    return one.answers();
  };
  const tell = await in_turn({ ours: start(ours('polls')), node: start(rival('polls')) }, count_of);
  tell('long-polling round trips of unmodified socket.io-client: of its own Node build', 'ours', { at_least: 4 }, '100 users against utakata-realtime; ');
}

async function at_rest() {
  const count = 16;
  const run = kit.start(1, join(kit.build, 'utakata'), ['load', join(folder, 'rest.mjs'), '--workers', String(count)], { cwd: folder });
  await wait_for(() => kit.children_of(run.pid).length === count, { what: `16 workers: ${run.errors}`, within: 60_000 });
  await kit.sleep(10_000);
  const all = kit.children_of(run.pid).map(proportional_mb);
  show('16 worker processes at rest', all.reduce((sum, one) => sum + one, 0), 'MB', { at_most: 320 },
    'shared pages counted once; a user each; a scenario that imports npm packages adds 8 MB each, for the thread of Node's module hooks');
  await kit.stop(run, 'SIGKILL');
}

export default async function load() {
  const server = await floor();
  await idle('raw', is_short ? 2000 : 15_000, server.port, { at_most: 2.8 }, '');
  await server.end();
  for (const [client, users, must] of [['socket.io', is_short ? 500 : 15_000, 15], ['pusher', is_short ? 500 : 5_000, 28]]) {
    const pair = await realtime(new Pair());
    await idle(client, users, pair.port, { at_most: must }, '; unmodified, from npm');
    await pair.end();
  }
  await echoes();
  await connects();
  await polls();
  await at_rest();
}
