// One connection of a player to one instance, from its placement to its end.
import { io } from 'socket.io-client';
import { Stopping, monotonic_ms } from './players-run.mjs';

export class Lost extends Error {} // the connection ended and we had not left
export class Sent extends Error {} // the instance asked us to go elsewhere, or our room is no more

export class Visit {
  constructor(run, player, cluster, placement, socket) {
    Object.assign(this, { run, player, cluster, placement, socket, instance: placement.instance });
    this.in_room = false;
    this.is_left = false;
    this.sent = null; // why the instance wants us elsewhere
    this.ended = null; // why, once it has ended
    this.waiter = null;
    this.heard = []; // events that nobody waited for yet
    this.counts = run.at(cluster, placement);
  }

  // Asks for places until a connection to one of them stands.
  static async open(run, player, cluster, wish, auth) {
    for (;;) {
      const placement = await run.place(cluster, wish, player.name, wish.key ? 60_000 : Infinity);
      if (!placement) throw new Sent(`there is no place for ${wish.key}`);
      const socket = io(placement.url, {
        auth,
        transports: run.transports,
        timeout: 5000,
        reconnection: false, // to "ask again" is ours: the old address may be gone
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
    this.run.tell(kind, {
      player: this.player.name,
      cluster: this.cluster,
      instance: this.instance,
      ...details,
    });
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
        at_ms: monotonic_ms(),
        player: this.player.name,
        cluster: this.cluster,
        instance: this.instance,
        url: this.placement.url,
        reason,
        in_room: this.in_room,
        back_ms: null,
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

  // What the instance says under this name. Throws Lost or Sent if that will not come, Stopping
  // when the run ends; null after `milliseconds`.
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
      await this.run.sleep(left, (wake) => {
        this.waiter = wake;
      });
    }
  }

  // A request with an answer; null if none comes within 5 s, or the connection is gone.
  async asks(event) {
    if (this.ended) return null;
    return this.socket
      .timeout(5000)
      .emitWithAck(event)
      .catch(() => null);
  }

  async leave() {
    if (this.is_left) return;
    this.is_left = true;
    if (!this.ended) this.socket.disconnect();
    await this.run.give_back(this.cluster, `placements/${this.placement.id}`);
  }
}
