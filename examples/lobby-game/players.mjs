// The players: each asks for a place in a lobby, connects, is matched, asks for a place in the game with the room as the
// key, plays a round, leaves, gives the place back, and starts again. Whoever loses a connection asks for a new place.
//
// They are also the witness: what they count is what clients saw, whatever the controller's record says.
//
//   node players.mjs --players 400 --seconds 60 [--api http://127.0.0.1:7070] [--stack lobby-game] [--json FILE]
//   import { startPlayers, runPlayers } from './players.mjs'
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { io } from 'socket.io-client';

const defaults = {
  players: 4, api: process.env.UTAKATA_API || 'http://127.0.0.1:7070', stack: 'lobby-game',
  token: process.env.UTAKATA_PLACE_TOKEN || '',
  seconds: 30,            // then everybody leaves; Infinity: until stop()
  ramp: 40,               // players that begin each second
  movesPerSecond: 5,
  transports: ['websocket'],
  onEvent: () => {},      // (event) => ...: {at_ms, kind, player, ...}
};

// Milliseconds of the machine's monotonic clock: the same in every process of it, so that records can be laid side by side.
const monotonic_ms = () => Number(process.hrtime.bigint() / 1000n) / 1000;

class Lost extends Error {}     // the connection ended and we had not left
class Sent extends Error {}     // the instance asked us to go elsewhere, or our room is no more
class Stopping extends Error {}

// ---- one run: options, counters, the clock that tells everybody to stop --------------------------------------------
class Run {
  constructor(options) {
    Object.assign(this, defaults, options);
    this.began_ms = monotonic_ms();
    this.is_stopping = false;
    this.sleepers = new Set();   // what to call when the run ends
    this.cuts = [];           // one entry a loss
    this.instances = new Map();
    this.count = {
      placements: 0, refused: 0, api_failures: 0, connects: 0, connect_failures: 0, matches: 0, starts: 0, rounds: 0,
      rooms_given_up: 0, moved: 0, left: 0, losses: 0, frames: 0,
    };
    this.last_problem = null;
  }

  stop() {
    this.is_stopping = true;
    for (const wake of this.sleepers) wake();
  }

  // Until `milliseconds` have passed, the run ends, or the function that `arm` is given is called.
  sleep(milliseconds, arm = () => {}) {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.sleepers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, milliseconds);
      this.sleepers.add(wake);
      arm(wake);
      if (this.is_stopping) wake();
    });
  }

  async pause(milliseconds) {
    await this.sleep(milliseconds);
    if (this.is_stopping) throw new Stopping();
  }

  tell(kind, details) { this.onEvent({ at_ms: monotonic_ms(), kind, ...details }); }

  at(cluster, placement) {
    const name = placement.instance;
    if (!this.instances.has(name)) {
      this.instances.set(name, {
        cluster, url: placement.url, here: 0, connects: 0, connect_failures: 0, left: 0, moved: 0, losses: 0,
      });
    }
    return this.instances.get(name);
  }

  // One call of the placement API. Answers {status, body, wait_ms}; status 0: nobody answered.
  async ask(method, path, body) {
    try {
      const response = await fetch(`${this.api}/v1/stacks/${this.stack}/clusters/${path}`, {
        method,
        headers: { 'content-type': 'application/json', ...(this.token && { authorization: `Bearer ${this.token}` }) },
        body: body && JSON.stringify(body),
        signal: AbortSignal.timeout(10_000),
      });
      const text = await response.text();
      const wait_ms = 1000 * (Number(response.headers.get('retry-after')) || 1);
      return { status: response.status, body: text ? JSON.parse(text) : null, wait_ms };
    } catch (problem) {
      return { status: 0, body: { title: String(problem.cause?.message ?? problem.message) }, wait_ms: 1000 };
    }
  }

  // Asks until there is a place. 503 and 429 mean "later", and say when.
  async place(cluster, wish, player) {
    for (;;) {
      const { status, body, wait_ms } = await this.ask('POST', `${cluster}/placements`, { seats: 1, ...wish });
      if (status >= 200 && status < 300) {
        this.count.placements++;
        return body;
      }
      if (status === 401 || status === 403) throw new Error(`${this.api} refuses to place: ${body?.detail ?? body?.title}`);
      const is_full = status === 503 || status === 429;
      this.count[is_full ? 'refused' : 'api_failures']++;
      if (!is_full) this.last_problem = `${status || 'no answer'}: ${body?.detail ?? body?.title}`;
      this.tell(is_full ? 'refused' : 'api_failure', { player, cluster, status, wait_ms });
      await this.pause(wait_ms * (0.8 + 0.4 * Math.random()));   // spread, so that those refused together do not return together
    }
  }

  give_back(cluster, what) { return this.ask('DELETE', `${cluster}/${what}`); }

  summary() {
    const back = this.cuts.filter((cut) => cut.back_ms !== null).map((cut) => cut.back_ms).sort((a, b) => a - b);
    const quantile = (share) => (back.length ? back[Math.min(back.length - 1, Math.floor(share * back.length))] : null);
    return {
      players: this.players, seconds: Math.round((monotonic_ms() - this.began_ms) / 100) / 10, ...this.count,
      back: { count: back.length, not_back: this.cuts.length - back.length, median_ms: quantile(0.5),
        p95_ms: quantile(0.95), worst_ms: quantile(1) },
      last_problem: this.last_problem,
      instances: Object.fromEntries(this.instances),
      cuts: this.cuts,
    };
  }
}

// ---- one connection to one instance, from its placement to its end -------------------------------------------------
class Visit {
  constructor(run, player, cluster, placement, socket) {
    Object.assign(this, { run, player, cluster, placement, socket, instance: placement.instance });
    this.in_room = false;
    this.is_left = false;
    this.sent = null;        // why the instance wants us elsewhere
    this.ended = null;       // why, once it has ended
    this.waiter = null;
    this.heard = [];         // events that nobody waited for yet
    this.counts = run.at(cluster, placement);
  }

  // Asks for places until a connection to one of them stands.
  static async open(run, player, cluster, wish, auth) {
    for (;;) {
      const placement = await run.place(cluster, wish, player.name);
      const socket = io(placement.url, {
        auth, transports: run.transports, timeout: 5000,
        reconnection: false,   // to "ask again" is ours: the old address may be gone
        forceNew: true,
      });
      const visit = new Visit(run, player, cluster, placement, socket);
      const problem = await visit.connect();
      if (!problem) return visit;
      await run.give_back(cluster, `placements/${placement.id}`);
      if (/^room .* is (full|over)$/.test(problem)) throw new Sent(problem);
      await run.pause(500 + 500 * Math.random());
    }
  }

  connect() {
    return new Promise((resolve) => {
      this.socket.once('connect_error', (problem) => {
        this.ended = problem.message;
        this.socket.disconnect();
        this.run.count.connect_failures++;
        this.counts.connect_failures++;
        this.note('connect_failed', { because: problem.message });
        resolve(problem.message);
      });
      this.socket.once('connect', () => {
        this.socket.off('connect_error');
        this.run.count.connects++;
        this.counts.connects++;
        this.counts.here++;
        this.note('connected');
        resolve(null);
      });
      this.socket.on('disconnect', (reason) => this.end(reason));
      this.socket.onAny((event, body) => this.hear(event, body));
    });
  }

  note(kind, details) {
    this.run.tell(kind, { player: this.player.name, cluster: this.cluster, instance: this.instance, ...details });
  }

  hear(event, body) {
    if (event === 'frame') {
      this.run.count.frames++;
    } else if (event === 'elsewhere' || event === 'abandoned') {
      this.sent = body?.because ?? event;
      if (event === 'abandoned') this.wake();
    } else {
      this.heard.push({ event, body });
      this.wake();
    }
  }

  end(reason) {
    if (this.ended) return;
    this.ended = reason;
    this.counts.here--;
    const how = reason === 'io client disconnect' ? 'left' : this.sent ? 'moved' : 'losses';
    this.counts[how]++;
    this.run.count[how]++;
    if (how === 'losses') {
      const cut = {
        at_ms: monotonic_ms(), player: this.player.name, cluster: this.cluster, instance: this.instance,
        url: this.placement.url, reason, in_room: this.in_room, back_ms: null,
      };
      this.run.cuts.push(cut);
      this.player.losses.push(cut);
      this.note('lost', { reason, in_room: this.in_room });
    } else {
      this.note(how, { reason });
    }
    this.wake();
  }

  wake() {
    const waiter = this.waiter;
    this.waiter = null;
    waiter?.();
  }

  // What the instance says under this name. Throws Lost or Sent if that will not come, Stopping when the run ends;
  // null after `milliseconds`.
  async hears(name, milliseconds) {
    const until = monotonic_ms() + milliseconds;
    for (;;) {
      const found = this.heard.findIndex(({ event }) => event === name);
      if (found >= 0) return this.heard.splice(found, 1)[0].body;
      if (this.sent) throw new Sent(this.sent);
      if (this.ended) throw new Lost(this.ended);
      if (this.run.is_stopping) throw new Stopping();
      const left = until - monotonic_ms();
      if (left <= 0) return null;
      await this.run.sleep(left, (wake) => { this.waiter = wake; });
    }
  }

  // A request with an answer; null if none comes within 5 s, or the connection is gone.
  async asks(event) {
    if (this.ended) return null;
    return this.socket.timeout(5000).emitWithAck(event).catch(() => null);
  }

  async leave() {
    if (this.is_left) return;
    this.is_left = true;
    if (!this.ended) this.socket.disconnect();
    await this.run.give_back(this.cluster, `placements/${this.placement.id}`);
  }
}

// ---- one player ----------------------------------------------------------------------------------------------------
class Player {
  constructor(run, number) {
    this.run = run;
    this.name = `player-${number}`;
    this.losses = [];   // that we have not come back from
    this.visit = null;
  }

  // Back from a lost lobby is in a lobby; back from a lost game is in a room where the round runs.
  back(cluster) {
    for (const cut of this.losses.filter((one) => one.cluster === cluster)) {
      cut.back_ms = Math.round(monotonic_ms() - cut.at_ms);
      this.run.tell('back', { player: this.name, cluster, after_ms: cut.back_ms });
    }
    this.losses = this.losses.filter((one) => one.cluster !== cluster);
  }

  async plays() {
    while (!this.run.is_stopping) {
      try {
        const room = await this.is_matched();
        await this.plays_in(room);
      } catch (reason) {
        if (!(reason instanceof Lost || reason instanceof Sent || reason instanceof Stopping)) throw reason;
      } finally {
        await this.visit?.leave();
        this.visit = null;
      }
    }
  }

  // In a lobby, until there is a room.
  async is_matched() {
    this.visit = await Visit.open(this.run, this, 'lobby', {}, { player: this.name });
    this.back('lobby');
    for (;;) {
      const answer = await this.visit.asks('match');
      if (answer && !answer.waiting) await this.visit.hears('elsewhere', 2000);   // it closes, or cannot match just now
      const matched = await this.visit.hears('matched', 10_000);                  // null: ask again, it may have been lost
      if (!matched) continue;
      this.run.count.matches++;
      this.visit.note('matched', { room: matched.room });
      await this.visit.leave();
      return matched.room;
    }
  }

  // In the game, until the round is over. If the connection is lost the same room meets again, on another instance if need be.
  async plays_in(room) {
    for (let tries = 1; tries <= 5; tries++) {
      this.visit = await Visit.open(this.run, this, 'game', { key: room }, { room, player: this.name });
      try {
        return await this.plays_round(room);
      } catch (reason) {
        await this.visit.leave();
        if (!(reason instanceof Lost)) {
          if (reason instanceof Sent) this.run.count.rooms_given_up++;
          throw reason;
        }
      }
    }
  }

  async plays_round(room) {
    const { visit, run } = this;
    const start = await visit.hears('start', 120_000);
    if (!start) throw new Sent('the game never said start');
    visit.in_room = true;
    run.count.starts++;
    visit.note('started', { room });
    this.back('game');
    let x = 500 * Math.random(), y = 500 * Math.random();
    const moves = setInterval(() => {
      x += 10 * Math.random() - 5;
      y += 10 * Math.random() - 5;
      visit.socket.volatile.emit('move', Math.round(x), Math.round(y));
    }, 1000 / run.movesPerSecond);
    try {
      const results = await visit.hears('results', 1000 * start.seconds + 60_000);
      if (!results) throw new Sent('the game never gave results');
      run.count.rounds++;
      visit.note('finished', { room, winner: results.winner });
    } finally {
      clearInterval(moves);
      visit.in_room = false;
      const answer = visit.ended ? null : await visit.asks('leave');
      if (answer?.last) await run.give_back('game', `keys/${encodeURIComponent(room)}`);
    }
  }
}

// ---- all of them ---------------------------------------------------------------------------------------------------

// Starts the players. `stop()` lets everybody leave, `snapshot()` is the summary so far (instances[...].here: who is
// connected there now), `done` is the summary at the end; it fails only if the API refuses us for good.
export function startPlayers(options = {}) {
  const run = new Run(options);
  const stop = () => run.stop();
  const timer = Number.isFinite(run.seconds) ? setTimeout(stop, run.seconds * 1000) : null;
  const everybody = async () => {
    const playing = [];
    const failed = [];
    for (let number = 1; number <= run.players && !run.is_stopping; number++) {
      playing.push(new Player(run, number).plays().catch((problem) => { failed.push(problem); stop(); }));
      if (run.ramp < Infinity) await run.pause(1000 / run.ramp).catch(() => {});
    }
    await Promise.all(playing);
    clearTimeout(timer);
    if (failed.length) throw failed[0];
    return run.summary();
  };
  return { stop, snapshot: () => run.summary(), done: everybody() };
}

export const runPlayers = (options) => startPlayers(options).done;

function progress_line({ seconds, instances, placements, rounds, losses, refused, back }) {
  const here = (cluster) => Object.values(instances).reduce((sum, one) => sum + (one.cluster === cluster ? one.here : 0), 0);
  return `${String(Math.round(seconds)).padStart(4)} s  ${here('lobby')} in the lobby, ${here('game')} in the game; placements `
    + `${placements}, refused ${refused}; rounds ${rounds}; losses ${losses}, back ${back.count}`;
}

async function main() {
  const { values } = parseArgs({
    options: {
      players: { type: 'string', default: '4' }, seconds: { type: 'string', default: '30' },
      ramp: { type: 'string', default: '40' }, api: { type: 'string', default: defaults.api },
      stack: { type: 'string', default: defaults.stack }, token: { type: 'string', default: defaults.token },
      json: { type: 'string' }, events: { type: 'boolean', default: false },
    },
  });
  const { players, seconds, ramp, api, stack, token } = values;
  const run = startPlayers({
    players: Number(players), seconds: Number(seconds), ramp: Number(ramp), api, stack, token,
    onEvent: values.events ? (event) => console.error(JSON.stringify(event)) : () => {},
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, run.stop);
  const progress = values.events ? null : setInterval(() => console.error(progress_line(run.snapshot())), 2000);
  const summary = await run.done.finally(() => clearInterval(progress));
  const text = `${JSON.stringify(summary, null, 2)}\n`;
  if (values.json) writeFileSync(values.json, text);
  else process.stdout.write(text);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  main().catch((problem) => {
    console.error(`players: ${problem.message}`);
    process.exit(2);
  });
}
