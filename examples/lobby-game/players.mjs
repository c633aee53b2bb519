// The players, as a scenario of `utakata load`: each asks for a place in a lobby, connects, is matched, asks for a place in the game
// with the room as the key, plays a round, leaves, gives the place back, and starts again. Whoever loses a connection asks for a new
// place. socket.io-client as it is.
//
//   PLAYERS=400 SECONDS=60 utakata load players.mjs
//
// They are also the witness: what they count is what clients saw, whatever the controller's record says. With TELL=1 they say it line by
// line, as it happens (witness.mjs reads it).
import { Lost, Sent, Stopping, Visit, stack, tell } from './players-visit.mjs';

const players = Number(process.env.PLAYERS ?? 4);
const ramp_s = players / Number(process.env.RAMP ?? 40);  // so many come each second
const moves_per_second = 5;

export const load = {
  users: { stages: [{ duration: ramp_s, target: players }, { duration: process.env.SECONDS ?? '30s', target: players }] },
};

export default async function user(u) {
  const player = new Player(u);
  u.stay().then(() => player.visit?.wake());
  while (!u.is_leaving) await player.plays();
}

class Player {
  constructor(u) {
    this.u = u;
    this.name = `player-${u.number + 1}`;
    this.losses = []; // that we have not come back from: { cluster, at }
    this.visit = null;
  }

  // Back from a lost lobby is in a lobby; back from a lost game is in a room where the round runs.
  back(cluster) {
    for (const { at } of this.losses.filter((one) => one.cluster === cluster)) {
      const after_ms = Math.round(this.u.clock() - at);
      this.u.trend('back', after_ms, { cluster });
      tell(this, 'back', { cluster, after_ms });
    }
    this.losses = this.losses.filter((one) => one.cluster !== cluster);
  }

  async plays() {
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

  // In a lobby, until there is a room.
  async is_matched() {
    await Visit.open(this, 'lobby', {}, { player: this.name });
    this.back('lobby');
    for (;;) {
      const answer = await this.visit.asks('match');
      // Not waiting: the lobby closes, or cannot match just now.
      if (answer && !answer.waiting) await this.visit.hears('elsewhere', 2000);
      const matched = await this.visit.hears('matched', 10_000); // null: ask again, it may be lost
      if (!matched) continue;
      this.visit.note('matched', { room: matched.room });
      await this.visit.leave();
      return matched.room;
    }
  }

  // In the game, until the round is over. If the connection is lost the same room meets again, on another instance if need be.
  async plays_in(room) {
    for (let tries = 1; tries <= 5; tries++) {
      await Visit.open(this, 'game', { key: room, within: 60 }, { room, player: this.name });
      try {
        return await this.plays_round(room);
      } catch (reason) {
        await this.visit.leave();
        if (!(reason instanceof Lost)) {
          if (reason instanceof Sent) this.visit.note('gave_up', { room });
          throw reason;
        }
      }
    }
  }

  async plays_round(room) {
    const { visit, u } = this;
    // The others may have heard the results just before the game was lost, and be elsewhere: then nobody comes any more.
    const start = await visit.hears('start', 20_000);
    if (!start) throw new Sent('the game never said start');
    visit.in_room = true;
    visit.note('started', { room });
    this.back('game');
    let x = u.between(0, 500), y = u.between(0, 500);
    const moves = setInterval(() => {
      x += u.between(-5, 5);
      y += u.between(-5, 5);
      visit.socket.volatile.emit('move', Math.round(x), Math.round(y));
    }, 1000 / moves_per_second);
    try {
      const results = await visit.hears('results', 1000 * start.seconds + 60_000);
      if (!results) throw new Sent('the game never gave results');
      u.count('rounds');
      visit.note('finished', { room, winner: results.winner });
    } finally {
      clearInterval(moves);
      visit.in_room = false;
      const answer = visit.ended ? null : await visit.asks('leave');
      if (answer?.last) await fetch(`${stack}/game/keys/${encodeURIComponent(room)}`, { method: 'DELETE' });
    }
  }
}
