// Many subscribers on one machine, all reached by each of ten broadcasts: none is lost, none told twice. `tools/soak connections [N]`
// builds what this needs.
//
//   UTAKATA_BIN=build/release/utakata-realtime node tests/soak/connections.mjs [N]     N: 20,000
//
// A process may have 20,000 descriptors here, so that there are several of them, clients from an address of their own each (an address
// has 28,000 ports). The exit code is 1 if anything is missing.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { app, realtime } from '../e2e/kit/realtime.mjs';
import { utakata_program } from '../e2e/kit/stack.mjs';

const { default: PusherServer } = await import(createRequire(new URL('../e2e/', import.meta.url)).resolve('pusher'));
const count = Number(process.argv[2] ?? 20_000);
const of_a_process = 16_000;  // of 20,000 descriptors; the kernel spreads clients over workers almost evenly
const broadcasts = 10;
const patience_ms = 60_000;   // for one broadcast to reach all
const processes = Math.max(2, Math.ceil(count / of_a_process));  // one would prove nothing of several

// The one place that knows how the server is spread over processes: where each share of the clients connects, which processes hold
// them, and how all of them are told something. One server of many workers: what one publishes, the clients of all hear.
async function service() {
  const server = await realtime('--workers', String(processes));
  const api = new PusherServer({ ...app, host: '127.0.0.1', port: server.port, useTLS: false });
  const { pid } = server.child;
  return {
    port_of: () => server.port,
    pids: () => readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').map(Number),
    publish: (data) => api.trigger('news', 'round', data),
    stop: async () => {
      const how = await server.stop();
      return how === 0 ? [] : [`the server ended with ${how}: ${server.errors()}`];
    },
  };
}

const resident_bytes = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))[1]) * 1024;

// One process of clients.
class Crowd {
  constructor(port, size, source) {
    this.size = size;
    this.child = spawn(join(dirname(utakata_program()), 'many_subscribers'), [String(port), String(size), source],
      { stdio: ['pipe', 'pipe', 'pipe'] });
    this.said = '';
    this.errors = '';
    this.child.stdin.on('error', () => {});  // it has ended: line() tells
    this.child.stdout.on('data', (bytes) => { this.said += bytes; });
    this.child.stderr.on('data', (bytes) => { this.errors += bytes; });
    this.ended = new Promise((done) => this.child.once('close', (code, signal) => done({ how: signal ?? code })));
  }
  async line() {
    for (;;) {
      const end = this.said.indexOf('\n');
      if (end >= 0) {
        const line = this.said.slice(0, end);
        this.said = this.said.slice(end + 1);
        return JSON.parse(line);
      }
      const ended = await Promise.race([once(this.child.stdout, 'data').then(() => null), this.ended]);
      if (ended) throw new Error(`clients ended (${ended.how}): ${this.errors}`);
    }
  }
  async count() {
    this.child.stdin.write('\n');
    return this.line();
  }
  async leave() {
    this.child.stdin.end();
    return this.ended;
  }
}

const sum = (list) => list.reduce((all, one) => all + one, 0);
async function counted(crowds) {
  const told = await Promise.all(crowds.map((crowd) => crowd.count()));
  return {
    reached: Array.from({ length: broadcasts }, (_, round) => sum(told.map((one) => one.reached[round]))),
    doubled: sum(told.map((one) => one.doubled)),
    closed: sum(told.map((one) => one.closed)),
  };
}

// Until all have it, or for long enough that the rest is lost.
async function broadcast(server, crowds, round) {
  const began = performance.now();
  await server.publish(String(round));
  while ((await counted(crowds)).reached[round] < count && performance.now() - began < patience_ms) await sleep(20);
  return performance.now() - began;
}

async function run(server, crowds) {
  const before = sum(server.pids().map(resident_bytes));
  const began = performance.now();
  for (let share = 0; share < processes; share++)
    crowds.push(new Crowd(server.port_of(share), Math.floor((count + share) / processes), `127.0.${1 + share}.1`));
  const subscribed = sum((await Promise.all(crowds.map((crowd) => crowd.line()))).map((one) => one.subscribed));
  const bytes = (sum(server.pids().map(resident_bytes)) - before) / count;
  console.log(`${subscribed} of ${count} subscribed to ${processes} processes after ${((performance.now() - began) / 1000).toFixed(1)} s; ${
    Math.round(bytes)} bytes of memory each`);
  const took = [];
  for (let round = 0; round < broadcasts; round++) took.push(await broadcast(server, crowds, round));
  await sleep(200);  // what comes twice
  const { reached, doubled, closed } = await counted(crowds);
  const lost = sum(reached.map((one) => count - one));
  console.log(`reached by each: ${reached.join(' ')}; lost ${lost}, doubled ${doubled}, closed ${closed}; all had it after ${
    took.map((ms) => ms.toFixed(0)).join(' ')} ms`);
  return [[subscribed !== count, `${subscribed} of ${count} subscribed`], [lost > 0, `${lost} lost`], [doubled > 0, `${doubled} doubled`],
    [closed > 0, `${closed} closed`]].filter(([is_so]) => is_so).map(([, what]) => what);
}

const server = await service(), crowds = [], faults = [];
try {
  faults.push(...await run(server, crowds));
} catch (problem) {
  faults.push(problem.message);
} finally {
  await Promise.all(crowds.map((crowd) => crowd.leave()));
  faults.push(...await server.stop());
}
if (faults.length > 0) console.log(`FAILED: ${faults.join('; ')}`);
process.exit(faults.length > 0 ? 1 : 0);
