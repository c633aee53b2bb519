// Clients that ask for a place, connect and stay, and write down who ended each connection: the
// witness of "nobody is cut".
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { monotonic_ms, wait_for } from './wait.mjs';

// One connection. `closed` is null while it stands, then {at_ms, by: 'us' | 'them', code, reason}.
class Client {
  constructor(placement) {
    Object.assign(this, {
      placement,
      instance: placement.instance,
      url: placement.url,
      opened_ms: null,
      closed: null,
      is_leaving: false,
    });
    this.echoes = [];
  }

  get is_open() {
    return this.opened_ms !== null && this.closed === null;
  }

  ended(code, reason) {
    this.closed ??= {
      at_ms: monotonic_ms(),
      by: this.is_leaving ? 'us' : 'them',
      code,
      reason: String(reason ?? ''),
    };
  }
}

export class WsClient extends Client {
  async open(within = 10_000) {
    const socket = new WebSocket(this.url.replace(/^http/, 'ws'), {
      handshakeTimeout: within,
      perMessageDeflate: false,
    });
    this.socket = socket;
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.on('error', reject); // stays: an error after this is followed by `close`
      socket.on('close', (code, reason) => {
        this.ended(code, reason);
        reject(new Error(`${this.url} closed with ${code}`));
      });
    });
    this.opened_ms = monotonic_ms();
    socket.on('message', (data) => this.echoes.shift()?.(String(data)));
    return this;
  }

  // Sends a text and answers what comes back.
  echo(text) {
    return new Promise((resolve) => {
      this.echoes.push(resolve);
      this.socket.send(text);
    });
  }

  leave() {
    this.is_leaving = true;
    return new Promise((resolve) => {
      if (this.closed) return resolve();
      this.socket.once('close', resolve);
      this.socket.close(1000);
    });
  }

  cut() {
    this.is_leaving = true;
    this.socket?.terminate();
  }
}

export class SocketIoClient extends Client {
  async open(within = 10_000, auth = {}) {
    const socket = io(this.url, {
      auth,
      transports: ['websocket'],
      reconnection: false,
      forceNew: true,
      timeout: within,
    });
    this.socket = socket;
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('connect_error', reject);
      socket.once('disconnect', (reason) => this.ended(null, reason));
    });
    this.opened_ms = monotonic_ms();
    return this;
  }

  async leave() {
    this.is_leaving = true;
    this.socket.disconnect();
  }

  cut() {
    this.is_leaving = true;
    this.socket?.io.engine?.close();
  }
}

// Many clients of one cluster. `fleet` is what start_stack answers; its end judges what they saw.
export class Crowd {
  constructor(fleet, cluster, { kind = WsClient } = {}) {
    Object.assign(this, { fleet, cluster, kind, clients: [], refused: 0 });
    fleet.crowds.push(this);
  }

  get open() {
    return this.clients.filter((one) => one.is_open);
  }

  // Those whose connection ended though they had not left.
  get cuts() {
    return this.clients.filter((one) => one.closed?.by === 'them');
  }

  // How many are open on each instance.
  by_instance() {
    const count = {};
    for (const { instance } of this.open) count[instance] = (count[instance] ?? 0) + 1;
    return count;
  }

  on(instance) {
    return this.open.filter((one) => one.instance === instance);
  }

  // `count` more clients, at most `at_once` on their way; those refused ask again until `within` is
  // over.
  async add(count, { body = {}, at_once = 50, within = 60_000 } = {}) {
    let left = count;
    const one_after_another = async () => {
      while (left-- > 0) {
        let line; // its place in line, which it keeps by naming it
        const placement = await wait_for(
          async () => {
            const answer = await this.fleet.place(this.cluster, { seats: 1, ...body, line });
            if (answer.status < 300) return answer.body;
            this.refused++;
            line = answer.body?.line ?? line;
            throw new Error(`${answer.status} ${answer.body?.title ?? ''}`);
          },
          { within, every: 200, what: `a place in ${this.cluster}` },
        );
        const client = new this.kind(placement);
        this.clients.push(client);
        await client.open();
      }
    };
    await Promise.all(Array.from({ length: Math.min(count, at_once) }, one_after_another));
    return this;
  }

  // Those who match leave and give their place back; at most `count` of them.
  async leave({ count = Infinity, instance = null } = {}) {
    const leaving = this.open
      .filter((one) => !instance || one.instance === instance)
      .slice(0, count);
    await Promise.all(
      leaving.map(async (one) => {
        await one.leave();
        await this.fleet.give_back(this.cluster, one.placement.id);
      }),
    );
  }

  // For the end of a test: nothing of ours stays connected.
  end() {
    for (const one of this.clients) if (!one.closed) one.cut();
  }
}
