// `make demo`: 400 players through lobby and game, one instance killed, one frozen, everybody back, everything gone again.
// It speaks to the controller as anyone could (its HTTP API), and believes only the players about what happened to them.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { broken_promises } from '../../tests/e2e/kit/promises.mjs';
import { Limits, steady } from '../../tests/e2e/kit/record.mjs';
import { monotonic_ms } from '../../tests/e2e/kit/wait.mjs';
import { start_players } from './witness.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const program = process.env.UTAKATA_BIN ?? join(root, 'build', 'dev', 'utakata');
const players_count = Number(process.env.DEMO_PLAYERS ?? 400);
const folder = mkdtempSync(join(tmpdir(), 'utakata-demo-'));
process.env.UTAKATA_HOME = folder;

const began = Date.now();
const say = (text) => console.log(`${String(Math.round((Date.now() - began) / 1000)).padStart(4)} s  ${text}`);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what, within_s, condition) {
  const end = Date.now() + within_s * 1000;
  while (Date.now() < end) {
    const value = await condition().catch(() => null);
    if (value) return value;
    await sleep(100);
  }
  throw new Error(`${what}: not within ${within_s} s`);
}

const free_port = () => new Promise((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address();
    probe.close(() => resolve(port));
  });
});

// ---- the controller ------------------------------------------------------------------------------------------------
async function start_controller() {
  const port = await free_port();
  const controller = spawn(program, ['up', join(here, 'stack.yaml'), '-d',
    '-p', `api=127.0.0.1:${port}`, '-p', `store=${join(folder, 'lobby-game.db')}`], { stdio: 'inherit' });
  await new Promise((resolve, reject) => {
    controller.once('error', reject);
    controller.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`utakata up ended with ${code}`))));
  });
  const running = await until('the running file', 10, async () => JSON.parse(readFileSync(join(folder, 'stacks', 'lobby-game.json'))));
  const ask = async (path) => (await fetch(`${running.url}/v1/stacks/lobby-game${path}`)).json();
  return { url: running.url, pid: running.pid, ask,
    clusters: async () => Object.fromEntries((await ask('')).clusters.map((one) => [one.name, one])),
    activities: async () => (await ask('/activities?limit=10000')).activities };
}

const utakata = (...words) => new Promise((resolve) => {
  spawn(program, words, { stdio: ['ignore', 'inherit', 'inherit'] }).once('exit', resolve);
});

const is_alive = (pid) => existsSync(`/proc/${pid}`);
const serving = (cluster) => cluster.instances.filter((one) => one.lifecycle === 'serving' && !one.suspect);
// By what the players say, not the controller.
const busiest_game = (run, cluster, but) => serving(cluster)
  .filter((one) => one.id !== but)
  .map((one) => ({ ...one, players: run.snapshot().instances[one.id]?.here ?? 0 }))
  .sort((a, b) => b.players - a.players)[0];

// A fault, then: how long until a substitute serves, and until every player it cut is back in a room.
async function fault(fleet, run, victim, signal) {
  const { number: before } = (await fleet.activities()).at(-1);
  const at = Date.now();
  process.kill(victim.pid, signal);
  say(`${signal} to ${victim.id} with ${victim.players} players on it`);
  const substitute = await until('a substitute serves', 60, async () => {
    const records = (await fleet.activities()).filter((one) => one.number > before);
    const launched = records.find((one) => one.kind === 'launch' && one.cluster === 'game');
    return launched && records.find((one) => one.kind === 'ready' && one.instance === launched.instance);
  });
  const heal_ms = Date.parse(substitute.at) - at;
  say(`${substitute.instance} serves in its stead after ${(heal_ms / 1000).toFixed(1)} s`);
  const cuts = () => run.snapshot().cuts.filter((cut) => cut.instance === victim.id);
  await until('the players have noticed, and are back in a room', 75, async () =>
    !is_connected(run, victim.id) && cuts().every((cut) => cut.back_ms !== null));
  const back = cuts().map((cut) => cut.back_ms).sort((a, b) => a - b);
  say(`${back.length} players lost it; all are back in a room, the last ${((back.at(-1) ?? 0) / 1000).toFixed(1)} s after its loss`);
  return { victim: victim.id, signal, heal_ms, cut: back.length, back_worst_ms: back.at(-1) ?? 0 };
}
const is_connected = (run, id) => (run.snapshot().instances[id]?.here ?? 0) > 0;

// What the players saw of each connection, as the tests' checkers of promises take it.
function connections(events) {
  const open = new Map();
  const all = [];
  for (const { at_ms, kind, player, cluster, instance } of events) {
    const who = `${player} on ${instance}`;
    if (kind === 'connected') {
      open.set(who, { cluster, instance, opened_ms: at_ms, closed: null });
      all.push(open.get(who));
    } else if (['left', 'moved', 'lost'].includes(kind) && open.has(who)) {
      open.get(who).closed = { by: kind === 'lost' ? 'them' : 'us', at_ms };
      open.delete(who);
    }
  }
  return all;
}

// The controller's record against the players' own.
function judge(records, events, moment, clusters) {
  const limits = new Limits();
  limits.note({ clusters: Object.values(clusters) });
  return broken_promises({
    activities: steady(records.map((one) => ({ ...one, wall_ms: Date.parse(one.at) })), moment),
    clients: connections(events),
    processes: [], // nobody watches them here
    clusters: limits.with_patience(join(here, 'stack.yaml')),
  });
}

function table(rows) {
  const width = Math.max(...rows.map(([name]) => name.length));
  console.log(`\n${rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n')}\n`);
}

async function main() {
  const moment = { wall_ms: Date.now(), monotonic_ms: monotonic_ms() };
  const events = [];
  const fleet = await start_controller();
  const up_at = Date.now();
  say(`utakata runs lobby-game at ${fleet.url}`);
  await until('two lobbies and two games serve', 60, async () => {
    const { lobby, game } = await fleet.clusters();
    return serving(lobby).length >= 2 && serving(game).length >= 2;
  });
  say('redis, two lobbies and two games serve; players come');
  const run = start_players({ program, players: players_count, api: fleet.url, onEvent: (event) => events.push(event) });
  let failed = null;
  run.done.catch((problem) => { failed = problem; });
  await until('all play', 60, async () => {
    if (failed) throw failed;
    const { starts, rounds } = run.snapshot();
    return starts >= players_count * 0.95 || rounds > players_count;
  });
  await sleep(2000);
  let { game } = await fleet.clusters();
  say(`${players_count} players are in, on ${serving(game).length} game instances`);

  const killed = await fault(fleet, run, busiest_game(run, game), 'SIGKILL');
  ({ game } = await fleet.clusters());
  const frozen = await fault(fleet, run, busiest_game(run, game, killed.victim), 'SIGSTOP');

  say('the players leave');
  run.stop();
  const witness = await run.done;
  await until('the fleet is back at its smallest', 70, async () => {
    const clusters = await fleet.clusters();
    return ['lobby', 'game'].every((name) => clusters[name].instances.length <= clusters[name].min);
  });
  say('empty instances are drained and gone; what is left is the minimum');
  const records = await fleet.activities();
  const broken = judge(records, events, moment, await fleet.clusters());
  const took_s = Math.round((Date.now() - up_at) / 1000);
  const code = await utakata('down', '--stack', 'lobby-game');
  await until('the controller has ended', 20, async () => !is_alive(fleet.pid));

  const count = (kind, phase) => records.filter((one) => one.kind === kind && one.phase === phase && one.cluster !== 'redis').length;
  const elsewhere = witness.cuts.filter((cut) => ![killed.victim, frozen.victim].includes(cut.instance)).length;
  const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
  table([
    ['players', players_count],
    ['rounds played', witness.rounds],
    ['instances launched', count('launch', 'intent')],
    ['scale-outs (beyond min and substitutes)', count('launch', 'intent') - 4 - 2],
    ['drains', count('drain', 'intent')],
    [`time to heal: ${killed.victim} killed`, seconds(killed.heal_ms)],
    [`time to heal: ${frozen.victim} frozen`, seconds(frozen.heal_ms)],
    ['players back in a room, worst, after a kill', seconds(killed.back_worst_ms)],
    ['players back in a room, worst, after a freeze', seconds(frozen.back_worst_ms)],
    ['players cut on those two instances', killed.cut + frozen.cut],
    ['players cut anywhere else', elsewhere],
    ['promises broken, by what the players saw', broken.length],
    ['placements', witness.placements],
    ['placements refused (asked again later)', witness.refused],
    ['from `up` to the smallest fleet again', `${took_s} s`],
  ]);
  if (!process.env.DEMO_KEEP) rmSync(folder, { recursive: true, force: true });
  if (code !== 0 || elsewhere > 0 || broken.length > 0 || took_s > 180) {
    console.error(`the demo failed: down ended with ${code}, ${elsewhere} cut elsewhere, ${took_s} s of 180`);
    for (const what of broken) console.error(what);
    process.exitCode = 1;
  }
}

main().catch(async (problem) => {
  console.error(`the demo failed: ${problem.message}`);
  await utakata('down', '--now', '--stack', 'lobby-game');
  process.exit(1);
});
