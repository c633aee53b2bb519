// The players: each asks for a place in a lobby, connects, is matched, asks for a place in the game
// with the room as the key, plays a round, leaves, gives the place back, and starts again. Whoever
// loses a connection asks for a new place.
//
// They are also the witness: what they count is what clients saw, whatever the controller's record
// says.
//
//   node players.mjs --players 400 --seconds 60 [--api URL] [--stack NAME] [--json FILE] [--events]
//   import { startPlayers, runPlayers } from './players.mjs'
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Run, Stopping, defaults, monotonic_ms } from './players-run.mjs';
import { Lost, Sent, Visit } from './players-visit.mjs';

// ---- one player ---------------------------------------------------------------------------------
class Player {
  constructor(run, number) {
    this.run = run;
    this.name = `player-${number}`;
    this.losses = []; // that we have not come back from
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
        if (!(reason instanceof Lost || reason instanceof Sent || reason instanceof Stopping))
          throw reason;
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
      // Not waiting: the lobby closes, or cannot match just now.
      if (answer && !answer.waiting) await this.visit.hears('elsewhere', 2000);
      const matched = await this.visit.hears('matched', 10_000); // null: ask again, it may be lost
      if (!matched) continue;
      this.run.count.matches++;
      this.visit.note('matched', { room: matched.room });
      await this.visit.leave();
      return matched.room;
    }
  }

  // In the game, until the round is over. If the connection is lost the same room meets again, on
  // another instance if need be.
  async plays_in(room) {
    for (let tries = 1; tries <= 5; tries++) {
      this.visit = await Visit.open(
        this.run,
        this,
        'game',
        { key: room },
        { room, player: this.name },
      );
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
    let x = 500 * Math.random(),
      y = 500 * Math.random();
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

// ---- all of them --------------------------------------------------------------------------------

// Starts the players. `stop()` lets everybody leave, `snapshot()` is the summary so far
// (instances[...].here: who is connected there now), `done` is the summary at the end; it fails
// only if the API refuses us for good.
export function startPlayers(options = {}) {
  const run = new Run(options);
  const stop = () => run.stop();
  const timer = Number.isFinite(run.seconds) ? setTimeout(stop, run.seconds * 1000) : null;
  const everybody = async () => {
    const playing = [];
    const failed = [];
    for (let number = 1; number <= run.players && !run.is_stopping; number++) {
      playing.push(
        new Player(run, number).plays().catch((problem) => {
          failed.push(problem);
          stop();
        }),
      );
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
  const here = (cluster) =>
    Object.values(instances).reduce(
      (sum, one) => sum + (one.cluster === cluster ? one.here : 0),
      0,
    );
  return (
    `${String(Math.round(seconds)).padStart(4)} s  ${here('lobby')} in the lobby, ` +
    `${here('game')} in the game; placements ${placements}, refused ${refused}; ` +
    `rounds ${rounds}; losses ${losses}, back ${back.count}`
  );
}

async function main() {
  const { values } = parseArgs({
    options: {
      players: { type: 'string', default: '4' },
      seconds: { type: 'string', default: '30' },
      ramp: { type: 'string', default: '40' },
      api: { type: 'string', default: defaults.api },
      stack: { type: 'string', default: defaults.stack },
      token: { type: 'string', default: defaults.token },
      json: { type: 'string' },
      events: { type: 'boolean', default: false },
    },
  });
  const { players, seconds, ramp, api, stack, token } = values;
  const run = startPlayers({
    players: Number(players),
    seconds: Number(seconds),
    ramp: Number(ramp),
    api,
    stack,
    token,
    onEvent: values.events ? (event) => console.error(JSON.stringify(event)) : () => {},
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, run.stop);
  const progress = values.events
    ? null
    : setInterval(() => console.error(progress_line(run.snapshot())), 2000);
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
