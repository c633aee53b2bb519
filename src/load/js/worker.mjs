// One worker of `utakata load`: a process that runs virtual users. Its parent tells it what to do by lines on stdin, and hears of it by
// lines on descriptor 3; when stdin ends, so does this.
//
//   parent: { "do": "load", file, seed, ... }           here: { "loaded": { load, functions } } or { "failed": { during, what, at } }
//           { "do": "setup" } / { "do": "teardown", data }       { "done": "setup", data } or { "failed": {...} }
//           { "do": "start", plan, worker, workers, data, in_ms }  { "tick": {...} }, then `metrics {...}`, each second
//           { "do": "pause", is_paused } / { "do": "more", factor }
//                                                                { "over": true }, when nobody is busy and nobody will begin
//           { "do": "stop", within_ms }                          a last tick, { "done": "stop" }
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { current, everyone } from './current.mjs';
import { engine } from './engine.mjs';
import { FileReader } from './file_reader.mjs';
import { health } from './health.mjs';
import { Exchange, trust } from './http.mjs';
import * as metrics from './metrics.mjs';
import { has_packages, take_browser_builds } from './packages.mjs';
import { turn_keeping } from './turns.mjs';
import { User } from './user.mjs';
import { defaults, WebSocket } from './web_socket.mjs';
import { XMLHttpRequest } from './xml_http_request.mjs';

const run = { seed: 1, data: null, clock_offset_ms: 0 };
const users = new Map();  // busy ones, by number
let scenario = null;      // the module
let scenario_file = '\0';
const flows = [];         // as the engine numbers them
let workers = 1;
let finished = 0, late_ms = 0;
let is_over = () => {};

const parent = new Socket({ fd: 3, readable: false });
parent.on('error', () => process.exit(0));
const tell = (line) => parent.write(`${JSON.stringify(line)}\n`);

// What the scenario's author can find the place by.
function in_words(error) {
  const stack = String(error?.stack ?? error);
  const at = stack.split('\n').find((line) => line.includes(scenario_file)) ?? '';
  return { what: String(error?.message ?? error).slice(0, 2000), at: at.trim().replace(/^at /, '').slice(0, 500), stack: stack.slice(0, 4000) };
}

// Node's own Response and Request, which fetch.mjs is built on, are 4 MB that not each scenario needs.
let fetch_for = null;
function fetch(input, init) {
  const { user } = current;
  if (fetch_for) return fetch_for(user)(input, init);
  return import('./fetch.mjs').then((loaded) => {
    ({ fetch_for } = loaded);
    return fetch_for(user)(input, init);
  });
}

async function load({ file, seed, ca = '', is_insecure = false, source = '', compression = false }) {
  Object.assign(run, { seed, source });
  engine.sources(source, 0, 1);
  defaults.compression = compression;
  trust(ca, is_insecure);
  scenario_file = resolve(file);
  if (has_packages(scenario_file)) take_browser_builds();
  scenario = await import(pathToFileURL(scenario_file).href);
  const functions = Object.keys(scenario).filter((name) => typeof scenario[name] === 'function');
  tell({ loaded: { load: scenario.load ?? {}, functions } });
}

function start({ plan, worker, workers: all, data, in_ms }) {
  health();  // what importing and setting up took is nobody's latency
  run.data = data;
  workers = all;
  engine.sources(run.source, worker, workers);
  const list = engine.begin(plan, worker, workers, in_ms);
  for (let k = 0; k < list.length; k += 3) {
    const name = list[k];
    flows.push({ name, tags: { scenario: name }, work: scenario[list[k + 1]] ?? scenario.default, is_open: list[k + 2] === 'open' });
  }
  setInterval(tick, 1000);
}

// A user's time has come; it was meant to `late` milliseconds ago, and what it takes is counted from then.
function user(number, which, late) {
  const flow = flows[which];
  late_ms = Math.max(late_ms, late);
  const one = new User(number, flow.name, pool_of(number), run);
  one.meant = performance.now() - late;
  users.set(number, one);
  current.user = one;
  begun(flow.work, one).then(() => done(one, flow), (error) => failed(one, flow, error));
}
// An async function around it would keep 300 bytes more for each user who stays.
function begun(work, one) {
  try {
    return Promise.resolve(work(one, run.data));
  } catch (error) {
    return Promise.reject(error);
  }
}
function done(one, flow) {
  metrics.count('iterations', 1, flow.tags);
  metrics.trend('iteration_duration', performance.now() - one.meant, flow.tags);
  ended(one, flow);
}
function failed(one, flow, error) {
  fault(error, flow.name);
  ended(one, flow);
}
// Requests of a user who begins anew go over the connections that it had.
const pool_of = (number) => Math.floor(number / workers) + 1;

function ended(one, { is_open }) {
  users.delete(one.number);
  ++finished;
  one.is_gone = is_open || one.is_leaving;
  if (one.is_gone) engine.close_pool(one.pool);
  engine.done(one.number);
}
const leave = (number) => users.get(number)?.leave();

// The same fault is told once a second; all are counted.
const faults = new Map();
function fault(error, name) {
  const words = in_words(error);
  const key = `${words.what}\n${words.at}`;
  metrics.count('errors', 1, { phase: error?.phase ?? 'script', scenario: name });
  const known = faults.get(key);
  if (known) ++known.count;
  else if (faults.size < 100) faults.set(key, { ...words, scenario: name, count: 1 });
}

function tick() {
  tell({ tick: { users: users.size, finished, sockets: engine.sockets(), late_ms, ...health(), faults: [...faults.values()].filter((one) => one.count > 0) } });
  parent.write(`metrics ${engine.take()}\n`);
  for (const one of faults.values()) one.count = 0;
  late_ms = 0;
}

// Users are told, and have so long.
async function stop({ within_ms }) {
  if (flows.length > 0) {
    const over = new Promise((go_on) => { is_over = go_on; });
    engine.end();
    await Promise.race([over, new Promise((go_on) => setTimeout(go_on, within_ms))]);
  }
  if (users.size > 0) metrics.count('iterations_interrupted', users.size);
  tick();
  tell({ done: 'stop' });
}

const orders = {
  load,
  setup: async () => tell({ done: 'setup', data: (await scenario.setup?.()) ?? null }),
  teardown: async ({ data }) => tell({ done: 'teardown', data: (await scenario.teardown?.(data)) ?? null }),
  start,
  pause: ({ is_paused }) => engine.pause(is_paused),
  more: ({ factor }) => engine.more(factor),
  stop,
};

process.on('uncaughtException', (error) => fault(error, 'outside of a user'));
process.on('unhandledRejection', (error) => fault(error, 'outside of a user'));

engine.start({
  opened: WebSocket.opened, message: WebSocket.message, ended: WebSocket.ended, answered: Exchange.answered, failed: Exchange.failed,
  user, leave,
  over: () => {
    tell({ over: true });
    is_over();
  },
});
Object.assign(globalThis, { WebSocket, XMLHttpRequest, FileReader, fetch, self: globalThis });
turn_keeping();

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  current.user = everyone;
  Promise.resolve()
    .then(() => orders[order.do](order))
    .catch((error) => tell({ failed: { during: order.do, ...in_words(error) } }));
}
process.exit(0);
