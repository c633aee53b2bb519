// One worker of `utakata load`: a process that runs virtual users. Its parent tells it what to do by lines on stdin, and hears of it by
// lines on descriptor 3; when stdin ends, so does this.
//
//   parent: { "do": "load", file, folder, seed, env, is_shipped, ... }
//                                                          here: { "loaded": { load, functions, files, resolved } }
//                                                                or { "failed": { during, what, at } }
//           { "do": "setup" } / { "do": "teardown", data }       { "done": "setup", data } or { "failed": {...} }
//           { "do": "start", plan, worker, workers, data, at_ms, clock_offset_ms }
//                                                                { "tick": {...} }, then `metrics {...}`, each second
//           { "do": "clock", offset_ms }, when it is known better
//           { "do": "pause", is_paused } / { "do": "more", factor }
//                                                                { "over": true }, when nobody is busy and nobody will begin
//           { "do": "stop", within_ms }                          a last tick, { "done": "stop", left_open: sockets of who has ended }
//                                                                { "alive": true } each second
//
// On another host than the parent's the first argument is the folder where the scenario was unpacked, under the names that its files have
// on the parent's: all names of files are the parent's here as there, what is said of faults included.
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { current, everyone } from './current.mjs';
import { engine } from './engine.mjs';
import { fault, faults_are_in, in_words, take_faults } from './faults.mjs';
import { FileReader } from './file_reader.mjs';
import { health } from './health.mjs';
import { Exchange, trust } from './http.mjs';
import * as metrics from './metrics.mjs';
import { may_import_packages, take_browser_builds } from './packages.mjs';
import { limit_printing, unshown_lines } from './printing.mjs';
import { turn_keeping } from './turns.mjs';
import { User, clock_ms } from './user.mjs';
import { defaults, WebSocket } from './web_socket.mjs';
import { XMLHttpRequest } from './xml_http_request.mjs';

const root = process.argv[2] ?? '';
const run = { seed: 1, data: null, clock_offset_ms: 0 };
const users = new Map();  // busy ones, by number
const turns = new Map();  // how often they have begun before, by number; who is new is not in it
let scenario = null;      // the module
const flows = [];         // as the engine numbers them
let workers = 1;
let finished = 0, late_ms = 0;
let is_over = () => {};
let ticking;
let stops = 0;

const parent = new Socket({ fd: 3, readable: false });
parent.on('error', () => exit(0));
// A character without its other half is none that a parent reads.
const tell = (line) => parent.write(`${JSON.stringify(line).replace(/(?<!\\)((?:\\\\)*)\\ud[89a-f]../g, '$1\\ufffd')}\n`);

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

async function load({ file, folder, seed, ca = '', is_insecure = false, source = '', compression = false, env = {}, is_shipped = false }) {
  Object.assign(run, { seed, source });
  Object.assign(process.env, env);
  engine.sources(source, 0, 1);
  defaults.compression = compression;
  trust(ca && root + ca, is_insecure);
  const { href } = pathToFileURL(root + file);
  faults_are_in(href, root);
  const shipping = root || is_shipped ? await import('./shipping.mjs') : null;
  const resolved = root ? shipping.unpacked(root, folder) : undefined;
  const shipment = is_shipped ? new shipping.Shipment(file, folder) : undefined;
  if (shipment || resolved?.size > 0 || (!root && may_import_packages(file))) take_browser_builds(shipment, resolved);
  scenario = await import(href).catch((error) => {
    if (error.code !== 'ERR_UNKNOWN_FILE_EXTENSION' || !/"\.[cm]?tsx?"/.test(error.message)) throw error;
    throw new Error(`this Node (${process.version}) runs no TypeScript: 22.18 and later do (--node), or make JavaScript of it first`);
  });
  const functions = Object.keys(scenario).filter((name) => typeof scenario[name] === 'function');
  tell({ loaded: { load: scenario.load ?? {}, functions, ...(await shipment?.all()) } });
}

// `at_ms` is of the parent's clock, which may be another host's; who hears of it too late begins at once, and says how late.
function start({ plan, worker, workers: all, data, at_ms, clock_offset_ms }) {
  health();  // what importing and setting up took is nobody's latency
  Object.assign(run, { data, clock_offset_ms });
  workers = all;
  engine.sources(run.source, worker, workers);
  const in_ms = at_ms - clock_ms(run);
  late_ms = Math.max(0, -in_ms);
  const list = engine.begin(plan, worker, workers, Math.max(0, in_ms));
  for (let k = 0; k < list.length; k += 4) {
    const name = list[k], given = list[k + 3].length > 0 ? pairs_of(list[k + 3]) : null;
    flows.push({ name, given, tags: { ...given, scenario: name }, work: scenario[list[k + 1]] ?? scenario.default, is_open: list[k + 2] === 'open' });
  }
  // A threshold may ask for none of them.
  for (const name of ['iterations', 'iterations_interrupted', 'errors', 'http_errors', 'ws_errors', 'ws_closed']) metrics.count(name, 0);
  ticking = setInterval(tick, 1000);
}

function pairs_of(list) {
  const pairs = {};
  for (let k = 0; k < list.length; k += 2) pairs[list[k]] = list[k + 1];
  return pairs;
}

// A user's time has come; it was meant to `late` milliseconds ago, and what it takes is counted from then.
function user(number, which, late) {
  const flow = flows[which];
  late_ms = Math.max(late_ms, late);
  const one = new User(number, flow, pool_of(number), run, turns.get(number));
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
  fault(error, one);
  ended(one, flow);
}
// Requests of a user who begins anew go over the connections that it had.
const pool_of = (number) => Math.floor(number / workers) + 1;

function ended(one, { is_open }) {
  users.delete(one.number);
  ++finished;
  one.is_gone = is_open || one.is_leaving;
  if (one.is_gone) engine.close_pool(one.pool);
  if (!is_open) turns.set(one.number, (turns.get(one.number) ?? 0) + 1);
  engine.done(one.number);
}
const leave = (number) => users.get(number)?.leave();

function tick() {
  tell({ tick: { users: users.size, finished, sockets: engine.sockets(), backlog_bytes: engine.unsent(), late_ms, unshown: unshown_lines(), ...health(), faults: take_faults() } });
  parent.write(`metrics ${engine.take()}\n`);
  late_ms = 0;
}

// Users are told, and have so long.
async function stop({ within_ms }) {
  const turn = ++stops;
  if (flows.length > 0) {
    const over = new Promise((go_on) => { is_over = go_on; });
    engine.end();
    await Promise.race([over, new Promise((go_on) => setTimeout(go_on, within_ms))]);
  }
  if (turn < stops) return;  // it was told again, to hurry
  if (users.size > 0) metrics.count('iterations_interrupted', users.size);
  clearInterval(ticking);
  tick();
  tell({ done: 'stop', left_open: WebSocket.left_open((user) => user !== everyone && users.get(user.number) !== user) });
}

const orders = {
  load,
  setup: async () => tell({ done: 'setup', data: (await scenario.setup?.()) ?? null }),
  teardown: async ({ data }) => tell({ done: 'teardown', data: (await scenario.teardown?.(data)) ?? null }),
  start,
  clock: ({ offset_ms }) => void (run.clock_offset_ms = offset_ms),
  pause: ({ is_paused }) => engine.pause(is_paused),
  more: ({ factor }) => engine.more(factor),
  stop,
};

process.on('uncaughtException', (error) => fault(error));
process.on('unhandledRejection', (error) => fault(error));
const exit = process.exit;
process.exit = (code) => {
  try {
    writeSync(2, `utakata: the scenario called process.exit(), which ends its worker: ${in_words(new Error()).at}\n`);
  } catch {}  // nobody listens
  exit(code);
};

engine.start({
  opened: WebSocket.opened, message: WebSocket.message, ended: WebSocket.ended, answered: Exchange.answered, failed: Exchange.failed,
  user, leave,
  over: () => {
    tell({ over: true });
    is_over();
  },
});
setInterval(() => tell({ alive: true }), 1000);
Object.assign(globalThis, { WebSocket, XMLHttpRequest, FileReader, fetch, self: globalThis });
turn_keeping();
limit_printing();

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  current.user = everyone;
  Promise.resolve()
    .then(() => orders[order.do](order))
    .catch((error) => tell({ failed: { during: order.do, ...in_words(error) } }));
}
exit(0);
