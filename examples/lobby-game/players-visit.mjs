// One connection of a player to one instance, from its placement to its end.
import { io } from 'socket.io-client';

export class Lost extends Error {} // the connection ended and we had not left
export class Sent extends Error {} // the instance asked us to go elsewhere, or our room is no more
export class Stopping extends Error {} // the player is to leave

const name = process.env.UTAKATA_STACK ?? 'lobby-game', api = process.env.UTAKATA_URL ?? 'http://127.0.0.1:7070';
export const stack = `${api}/v1/stacks/${name}/clusters`;

// What a player saw, as a line; at_ms is of the machine's monotonic clock, the same in every process of it.
const is_telling = process.env.TELL === '1';
export function tell(player, kind, details) {
  if (is_telling) console.log(JSON.stringify({ at_ms: player.u.clock(), kind, player: player.name, ...details }));
}

export class Visit {
  constructor(player, cluster, placement, socket) {
    Object.assign(this, { player, cluster, placement, socket, u: player.u });
    this.in_room = false;
    this.is_left = false;
    this.sent = null; // why the instance wants us elsewhere
    this.ended = null; // why, once it has ended
    this.waiter = null;
    this.heard = []; // events that nobody waited for yet
    this.frames = 0;
  }

  // Asks for places until a connection to one of them stands: the player's visit.
  static async open(player, cluster, wish, auth) {
    for (let full = 0; ;) {
      if (player.u.is_leaving) throw new Stopping();
      const placement = await Visit.place(player, cluster, wish);
      if (placement === 'full') {
        // A seat just given back may not count yet, so it is asked three times.
        if (++full === 3) throw new Sent(`there is no place for ${wish.key}`);
        await player.u.think(0.8, 1.2);
      }
      if (!placement.id) continue;
      const socket = io(placement.url, {
        auth,
        transports: ['websocket'],
        timeout: 5000,
        reconnection: false, // to "ask again" is ours: the old address may be gone
        forceNew: true,
      });
      const visit = new Visit(player, cluster, placement, socket);
      const problem = await visit.connect();
      player.visit = visit;
      if (!problem) return;
      await visit.leave();
      if (/^room .* is (full|over)$/.test(problem)) throw new Sent(problem);
      await player.u.think(0.5, 1);
    }
  }

  // A placement, 'full' of a room, or 'nobody' where the API did not answer.
  static async place(player, cluster, wish) {
    const refused = (status, what) => tell(player, 'refused', { cluster, status, what });
    try {
      const placement = await player.u.place(cluster, { ...wish, stack: name, refused: ({ detail }) => refused(503, detail) });
      tell(player, 'placed', { cluster, instance: placement.instance, url: placement.url });
      return placement;
    } catch (problem) {
      const { status = 0, message } = problem;
      if (player.u.is_leaving) throw new Stopping();
      if (status === 503) throw new Sent(message); // not within its time
      if (status === 409) {
        refused(status, message);
        return 'full';
      }
      player.u.count('api_failures');
      tell(player, 'api_failure', { cluster, what: `${status || 'no answer'}: ${message}` });
      await player.u.think(0.8, 1.2);
      return 'nobody';
    }
  }

  connect() {
    return new Promise((resolve) => {
      this.socket.once('connect_error', (problem) => {
        this.ended = problem.message;
        this.socket.disconnect();
        this.note('connect_failed', { because: problem.message });
        resolve(problem.message);
      });
      this.socket.once('connect', () => {
        this.socket.off('connect_error');
        this.note('connected');
        resolve(null);
      });
      this.socket.on('disconnect', (reason) => this.end(reason));
      this.socket.onAny((event, body) => this.hear(event, body));
    });
  }

  note(kind, details) {
    tell(this.player, kind, { cluster: this.cluster, instance: this.placement.instance, ...details });
  }

  hear(event, body) {
    if (event === 'frame') {
      this.frames++;
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
    const { u, cluster, frames, in_room } = this;
    const how = reason === 'io client disconnect' ? 'left' : this.sent ? 'moved' : 'lost';
    u.count('frames', frames);
    if (how === 'lost') {
      u.count('losses', 1, { instance: this.placement.instance });
      this.player.losses.push({ cluster, at: u.clock() });
    }
    this.note(how, { reason, in_room, frames });
    this.wake();
  }

  wake() {
    const waiter = this.waiter;
    this.waiter = null;
    waiter?.();
  }

  // What the instance says under this name. Throws Lost or Sent if that will not come, Stopping when the player is to leave; null after
  // `milliseconds`.
  async hears(event_name, milliseconds) {
    const until = this.u.clock() + milliseconds;
    for (;;) {
      const found = this.heard.findIndex(({ event }) => event === event_name);
      if (found >= 0) return this.heard.splice(found, 1)[0].body;
      if (this.sent) throw new Sent(this.sent);
      if (this.ended) throw new Lost(this.ended);
      if (this.u.is_leaving) throw new Stopping();
      const left = until - this.u.clock();
      if (left <= 0) return null;
      await new Promise((resolve) => {
        const timer = setTimeout(() => this.wake(), left);
        this.waiter = () => {
          clearTimeout(timer);
          resolve();
        };
      });
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
    await fetch(`${stack}/${this.cluster}/placements/${this.placement.id}`, { method: 'DELETE' }).catch(() => {}); // it expires
  }
}
