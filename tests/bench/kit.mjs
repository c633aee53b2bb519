// What every part of the bench needs: programs on a core of their own, their CPU, medians, and one line a figure.
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { start_stack } from '../e2e/kit/stack.mjs';

export { sleep };
export const here = dirname(fileURLToPath(import.meta.url));
export const root = resolve(here, '../..');
export const build = process.env.BENCH_BUILD ?? join(root, 'build/release');
process.env.UTAKATA_BIN ??= join(build, 'utakata');
export const program = (name) => join(build, 'bench', name);
export const options = { is_long: process.argv.includes('--long'), is_short: process.argv.includes('--short') };

// ---- figures ----
// `must`: { at_least } or { at_most } or { equals }; none: shown only.
export const figures = [];
export function figure(part, what, measured, unit = '', must = null, note = '') {
  const ok = must === null ? null : 'at_least' in must ? measured >= must.at_least
    : 'at_most' in must ? measured <= must.at_most : measured === must.equals;
  const one = { part, what, measured, unit, must, ok, note };
  figures.push(one);
  if (!process.argv.includes('--json')) console.log(line_of(one));
  return one;
}
const plain = (number) => (typeof number !== 'number' ? String(number)
  : Number.isInteger(number) ? number.toLocaleString('en-US')
    : Math.abs(number) >= 1000 ? Math.round(number).toLocaleString('en-US')
      : Number(number.toPrecision(3)).toString());
export const measured_text = (one) => `${plain(one.measured)}${one.unit ? ` ${one.unit}` : ''}`;
export function must_text(one) {
  if (one.must === null) return '';
  const [[kind, value]] = Object.entries(one.must);
  return `${{ at_least: '>=', at_most: '<=', equals: '=' }[kind]} ${plain(value)}${one.unit ? ` ${one.unit}` : ''}`;
}
export const verdict_text = (one) => (one.ok === null ? '' : one.ok ? 'ok' : 'missed');
const line_of = (one) => [`  ${one.what}`.padEnd(74), measured_text(one).padStart(16), must_text(one).padStart(16),
  `  ${verdict_text(one)}`.padEnd(8), one.note && ` (${one.note})`].join(' ').trimEnd();
export const say = (text) => {
  if (!process.argv.includes('--json')) console.log(text);
};

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted.length % 2 ? sorted[(sorted.length - 1) / 2]
    : (sorted[sorted.length / 2 - 1] + sorted[sorted.length / 2]) / 2;
}

// ---- processes ----
const started = new Set();
// A child that dies with us. `core`: it alone; null: any.
export function start(core, command, args, extra = {}) {
  const [file, words] = core === null ? [command, args] : ['taskset', ['-c', String(core), command, ...args]];
  const child = spawn(file, words, { stdio: ['ignore', 'pipe', 'pipe'], ...extra });
  started.add(child);
  child.output = '';
  child.errors = '';
  child.stdout?.on('data', (data) => { child.output += data; });
  child.stderr?.on('data', (data) => { child.errors += data; });
  child.ended = new Promise((done) => {
    child.once('error', (problem) => done({ code: -1, problem }));
    child.once('close', (code, signal) => done({ code, signal }));
  }).finally(() => started.delete(child));
  return child;
}
export async function run(core, command, args, extra = {}) {
  const child = start(core, command, args, extra);
  const { code, problem } = await child.ended;
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${problem?.message ?? `exit code ${code}`}: ${child.errors}`);
  return child.output;
}
export async function stop(child, signal = 'SIGTERM') {
  for (const pid of [...children_of(child.pid), child.pid]) send(pid, 'SIGCONT');
  child.kill(signal);
  return child.ended;
}
export function send(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch {
    // it has ended
  }
}

// A stack that does not outlive us, whatever ends us.
const fleets = new Set();
export async function up(yaml, within = 60_000, name = undefined) {
  const fleet = await start_stack({ yaml, within, name });
  fleets.add(fleet);
  return fleet;
}
export async function down(fleet, within = 120_000) {
  send(fleet.pid, 'SIGCONT');
  await fleet.stop({ within });
  fleets.delete(fleet);
}
process.on('exit', () => {
  for (const child of started) for (const pid of [...children_of(child.pid), child.pid]) send(pid, 'SIGKILL');
  for (const fleet of fleets) {
    send(fleet.child.pid, 'SIGKILL');
    fleet.watcher.kill_all();
  }
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

// All threads of a process that runs already.
export const pin = (pid, core) => execFileSync('taskset', ['-acp', String(core), String(pid)], { stdio: 'ignore' });

const ticks_per_second = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
export function cpu_seconds(...pids) {
  return pids.reduce((sum, pid) => {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const words = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return sum + (Number(words[11]) + Number(words[12])) / ticks_per_second;
  }, 0);
}
// For a core that others had: of all threads that there are now.
export const waited_ms = (...pids) => pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/task`).reduce((of_one, thread) =>
  of_one + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[1]) / 1e6, 0), 0);
// What the hypervisor gave to others.
export const stolen_ms = (...cores) => cores.reduce((sum, core) =>
  sum + Number(new RegExp(`^cpu${core} (.*)$`, 'm').exec(readFileSync('/proc/stat', 'latin1'))[1].split(' ')[7]) * 1000 / ticks_per_second, 0);
// What the kernel's own thread took for what interrupts left to be done: who waits for it waits for the network.
const softirq_threads = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => {
  try {
    const [, core] = /^ksoftirqd\/(\d+)$/m.exec(readFileSync(`/proc/${name}/comm`, 'latin1')) ?? [];
    return core === undefined ? [] : [[Number(core), name]];
  } catch {
    return [];  // it has ended
  }
});
export function softirq_ms(core) {
  const thread = new Map(softirq_threads).get(core);
  return thread ? Number(readFileSync(`/proc/${thread}/schedstat`, 'latin1').split(' ')[0]) / 1e6 : NaN;
}
export const children_of = (pid) => readdirSync('/proc').filter((name) => /^\d+$/.test(name)).filter((name) => {
  try {
    const text = readFileSync(`/proc/${name}/stat`, 'latin1');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]) === pid;
  } catch {
    return false;
  }
}).map(Number);
export const resident_mb = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))[1]) / 1024;

// ---- a stack of instances that cost next to nothing ----
let next_port = 10_000 + 10 * (process.pid % 400);  // below the kernel's own range and the tests' (e2e/kit/ports.mjs)
export function tiny_cluster({ name = 'game', instances, capacity, more = '', core = 1 }) {
  return `  ${name}:
    run: ${core === null ? '' : `taskset -c ${core} `}${program('tiny_instance')}
    url: "ws://\${host}:\${port}"
    ready: { http: /healthz, within: 60s }
    count: { http: /stats, field: connections, accepted: accepted }
    capacity: ${capacity}
    instances: { min: ${instances}, max: ${instances} }
    drain: { deadline: none }
${more}`;
}
export function stack_text(name, clusters, ports = 300, store = undefined) {
  const first = next_port;
  next_port += ports;
  return ({ listen }) => `stack: ${name}
api: { listen: ${listen}, ports: ${first}-${first + ports - 1} }
${store ? `store: ${store}\n` : ''}clusters:
${clusters.join('')}`;
}
