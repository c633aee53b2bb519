// Starts `utakata load players.mjs`, hears what the players tell, and adds it up: what clients saw, for `make demo` and the tests.
//
//   const run = start_players({ program: 'utakata', players: 400, api: 'http://127.0.0.1:7070' });
//   run.snapshot()      so far; instances[...].here: who is connected there now
//   run.stop()          everybody leaves;  await run.done: the same at the end
//
// For every instance `connects` is the sum of `left` (the player went), `moved` (the instance asked it to go elsewhere) and `losses`
// (the connection ended otherwise: it was cut). `cuts` has one entry for each loss.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const scenario = fileURLToPath(new URL('players.mjs', import.meta.url));
// What is counted for each kind of event, in all and of its instance.
const counted = {
  placed: ['placements'], refused: ['refused'], api_failure: ['api_failures'], connected: ['connects'], connect_failed: ['connect_failures'],
  matched: ['matches'], started: ['starts'], finished: ['rounds'], gave_up: ['rooms_given_up'], left: ['left'], moved: ['moved'],
  lost: ['losses'], back: [],
};

export class Witness {
  constructor() {
    this.count = Object.fromEntries(Object.values(counted).flat().map((name) => [name, 0]));
    this.count.frames = 0;
    this.instances = {};
    this.cuts = [];
    this.last_problem = null;
  }

  hear(event) {
    const { kind, instance, cluster } = event;
    for (const name of counted[kind]) this.count[name]++;
    if (instance) {
      const one = (this.instances[instance] ??= { cluster, url: null, here: 0, connects: 0, connect_failures: 0, left: 0, moved: 0, losses: 0 });
      for (const name of counted[kind]) if (name in one) one[name]++;
      one.here = one.connects - one.left - one.moved - one.losses;
      if (kind === 'placed') one.url = event.url;
    }
    this.count.frames += event.frames ?? 0;
    if (kind === 'api_failure') this.last_problem = event.what;
    if (kind === 'lost') this.cuts.push({ ...event, url: this.instances[instance].url, back_ms: null });
    if (kind === 'back') this.back(event);
  }

  // One for each loss in that cluster, in their order.
  back({ player, cluster, after_ms }) {
    this.cuts.find((one) => one.player === player && one.cluster === cluster && one.back_ms === null).back_ms = after_ms;
  }

  summary() {
    const back = this.cuts.filter((cut) => cut.back_ms !== null).map((cut) => cut.back_ms).sort((a, b) => a - b);
    return structuredClone({
      ...this.count,
      back: { count: back.length, not_back: this.cuts.length - back.length, worst_ms: back.at(-1) ?? null },
      last_problem: this.last_problem,
      instances: this.instances,
      cuts: this.cuts,
    });
  }
}

// onEvent: (event) => ...: { at_ms, kind, player, ... }. `done` fails if the run does.
export function start_players({ program, players = 4, api = 'http://127.0.0.1:7070', onEvent = () => {} }) {
  const witness = new Witness();
  const child = spawn(program, ['load', scenario], {
    env: { ...process.env, PLAYERS: players, SECONDS: '24h', TELL: '1', UTAKATA_URL: api, UTAKATA_STACK: 'lobby-game' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (bytes) => { errors = (errors + bytes).slice(-10_000); });
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (!line.startsWith('{"at_ms"')) return;
    const event = JSON.parse(line);
    witness.hear(event);
    onEvent(event);
  });
  let is_stopping = false;
  const done = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (is_stopping && code === 130) resolve(witness.summary());
      else reject(new Error(`utakata load ended with ${signal ?? code}: ${errors}`));
    });
  });
  const stop = () => {
    is_stopping = true;
    child.kill('SIGINT');
  };
  return { stop, snapshot: () => witness.summary(), done };
}
