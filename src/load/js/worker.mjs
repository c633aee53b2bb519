// One worker of `utakata load`: a process that runs virtual users. Its parent tells it what to do by lines on stdin, and hears of it by
// lines on descriptor 3; when stdin ends, so does this.
//
//   parent: { "do": "load", file, number, of, seed }     here: { "loaded": { load, functions } } or { "failed": {...} }
//           { "do": "setup" } / { "do": "teardown", data }      { "done": "setup", data } or { "failed": {...} }
//           { "do": "start", plan, data, in_ms }                { "tick": {...}, "metrics": {...} } each second
//           { "do": "stop", within_ms }                         { "done": "stop" }
import { writeSync } from 'node:fs';
import { monitorEventLoopDelay, performance, PerformanceObserver } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import { engine } from './engine.mjs';
import * as metrics from './metrics.mjs';
import { take_browser_builds } from './packages.mjs';
import { User } from './user.mjs';
import { WebSocket } from './web_socket.mjs';

const run = { number: 0, of: 1, seed: 1, data: undefined, is_stopping: false, users: 0, finished: 0 };
let scenario = null;   // the module
let functions = [];    // of the plan's scenarios, in its order
const tick_ms = 1000;

function tell(line) {
  let bytes = Buffer.from(`${JSON.stringify(line)}\n`);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(3, bytes));
    } catch (error) {
      if (error.code !== 'EAGAIN') process.exit(0);  // the parent is gone
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

// What a user of the scenario's author can find the place by.
function in_words(error) {
  const stack = String(error?.stack ?? error);
  const at = stack.split('\n').find((line) => line.includes(scenario_file)) ?? '';
  return { what: String(error?.message ?? error).slice(0, 2000), at: at.trim().replace(/^at /, '').slice(0, 500), stack: stack.slice(0, 4000) };
}
let scenario_file = '\0';

async function load({ file, number, of, seed }) {
  Object.assign(run, { number, of, seed });
  run.stopped = new Promise((is_over) => { run.stop = is_over; });
  const controller = new AbortController();
  run.stopping = controller.signal;
  run.stopped.then(() => controller.abort());
  scenario_file = resolve(file);
  scenario = await import(pathToFileURL(scenario_file).href);
  const names = Object.keys(scenario).filter((name) => typeof scenario[name] === 'function');
  tell({ loaded: { load: scenario.load ?? {}, functions: names } });
}

function start({ plan, data, in_ms }) {
  run.data = data;
  functions = plan.scenarios.map(({ name, exec }) => ({ name, work: scenario[exec] }));
  engine.begin(JSON.stringify(plan.load), run.number, run.of, in_ms);
  setInterval(tick, tick_ms);
}

// An engine's call: a user's time has come. `late_ms`: how much later than was intended this is.
async function user(number, which) {
  const { name, work } = functions[which];
  const began = performance.now();
  ++run.users;
  try {
    await work(new User(number, name, run), run.data);
    metrics.count('iterations', 1, { scenario: name });
    metrics.trend('iteration_duration', performance.now() - began, { scenario: name });
  } catch (error) {
    fault(error, name);
  } finally {
    --run.users;
    ++run.finished;
    engine.done(number);
  }
}

// The same fault is told once; all are counted.
const faults = new Map();
function fault(error, name) {
  const words = in_words(error);
  const key = `${words.what}\n${words.at}`;
  metrics.count('errors', 1, { phase: error?.phase ?? 'script', scenario: name });
  const known = faults.get(key);
  if (known) return void ++known.count;
  if (faults.size < 100) faults.set(key, { ...words, scenario: name, count: 1, told: 0 });
}

const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
let gc_ms = 0;
new PerformanceObserver((list) => { for (const one of list.getEntries()) gc_ms += one.duration; }).observe({ entryTypes: ['gc'] });
let last_cpu = process.cpuUsage(), last_tick = performance.now();

function tick() {
  const now = performance.now(), cpu = process.cpuUsage(last_cpu);
  const news = [...faults.values()].filter((one) => one.count > one.told);
  tell({
    tick: {
      users: run.users,
      finished: run.finished,
      sockets: engine.sockets(),
      lag_ms: Math.max(0, delay.max / 1e6 - 5),
      gc_ms,
      cpu: (cpu.user + cpu.system) / 1000 / (now - last_tick),
      resident_mb: process.memoryUsage.rss() / 2 ** 20,
      faults: news.map(({ told, ...rest }) => ({ ...rest, count: rest.count - told })),
    },
    metrics: JSON.parse(engine.take()),
  });
  for (const one of news) one.told = one.count;
  delay.reset();
  gc_ms = 0;
  last_cpu = process.cpuUsage();
  last_tick = now;
}

// Users are told, and have so long; then what is left is closed.
async function stop({ within_ms }) {
  run.is_stopping = true;
  engine.end();
  run.stop();
  const until = performance.now() + within_ms;
  while (run.users > 0 && performance.now() < until) await new Promise((go_on) => setTimeout(go_on, 20));
  metrics.count('iterations_interrupted', run.users);
  tick();
  tell({ done: 'stop' });
}

const orders = {
  load,
  setup: async () => tell({ done: 'setup', data: (await scenario.setup?.()) ?? null }),
  teardown: async ({ data }) => tell({ done: 'teardown', data: (await scenario.teardown?.(data)) ?? null }),
  start,
  stop,
};

process.on('uncaughtException', (error) => fault(error, 'outside of a user'));
process.on('unhandledRejection', (error) => fault(error, 'outside of a user'));

engine.start({ opened: WebSocket.opened, message: WebSocket.message, ended: WebSocket.ended, user });
Object.assign(globalThis, { WebSocket, self: globalThis });
take_browser_builds();

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  Promise.resolve()
    .then(() => orders[order.do](order))
    .catch((error) => tell({ failed: { during: order.do, ...in_words(error) } }));
}
process.exit(0);
