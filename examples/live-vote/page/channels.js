// Channels of utakata-realtime (Pusher Channels, protocol 7) for a page that asks for a place before each connection, and misses
// nothing that the instances have kept. Needs nothing; in Node: `WebSocket` of the package ws.
//
//   place()                            answers the address of an instance: "ws://host:port"; asked before each connection. If it
//                                      throws, it is asked again, after `retry_after` seconds where the error has them
//   authorize({ socket_id, channel })  answers { auth, channel_data }; without a channel { auth, user_data }
//   changed(state, code)               "connected", "away" (and coming back), or "refused" (and not coming back)
const silent = 4201;

export class Channels {
  #subscriptions = new Map(); // name -> { hears, position }
  #user = null; // what hears events to whoever is signed in
  #socket = null;
  #socket_id = null;
  #failures = 0;
  #timer = null;
  #is_closed = false;

  constructor({ key, place, authorize, changed = () => {}, WebSocket = globalThis.WebSocket }) {
    Object.assign(this, { key, place, authorize, changed, WebSocket });
  }

  // Before connect(). `hears(event, data, offset)`; first, and after each reconnection, `subscribed` with `recovered`: true if all that
  // was missed follows. If not, ask whoever knows the whole.
  subscribe(name, hears) {
    this.#subscriptions.set(name, { hears, position: null });
    return this;
  }
  sign_in(hears) {
    this.#user = hears;
    return this;
  }

  // What was said before an offset; none: the newest. Comes as `utakata:history`, if there is a connection: { messages, more }.
  history(channel, asked) {
    this.#say('utakata:history', { channel, ...asked });
  }

  async connect() {
    let url;
    try {
      url = await this.place();
    } catch (problem) {
      return this.#come_again(1000 * (problem.retry_after ?? 0));
    }
    if (this.#is_closed) return;
    const socket = new this.WebSocket(`${url}/app/${this.key}?protocol=7&client=live-vote&version=1`);
    this.#socket = socket;
    socket.onmessage = ({ data }) => socket === this.#socket && this.#hear(socket, JSON.parse(data));
    socket.onclose = ({ code }) => this.#ended(socket, code);
    socket.onerror = () => {}; // `close` follows
    this.#timer = setTimeout(() => this.#ended(socket, silent), 8000);
  }

  close() {
    this.#is_closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
    this.#socket = null;
  }

  #say(event, data = {}) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify({ event, data }));
  }

  #hear(socket, { event, channel, data, offset, epoch }) {
    if (typeof data === 'string') data = JSON.parse(data);
    if (event === 'pusher:connection_established') this.#established(socket, data);
    this.#heard(socket);
    if (event === 'pusher:ping') return this.#say('pusher:pong');
    if (channel?.startsWith('#server-to-user-')) return this.#user?.(event, data);
    const subscription = this.#subscriptions.get(channel);
    if (!subscription) return;
    if (event === 'pusher_internal:subscription_succeeded') {
      // If it is recovered, what was missed is still to come: until then we stand where we stood.
      if (!data.recovered) subscription.position = data.position ?? null;
      subscription.hears('subscribed', data);
    } else {
      // The first of a timeline names it.
      if (epoch) subscription.position = { epoch, offset };
      else if (offset && subscription.position) subscription.position.offset = offset;
      subscription.hears(event, data, offset);
    }
  }

  async #established(socket, { socket_id, activity_timeout }) {
    this.#socket_id = socket_id;
    this.patience_ms = 1000 * activity_timeout;
    this.#failures = 0;
    this.changed('connected');
    try {
      const wants = [...this.#subscriptions].map(async ([channel, { position }]) => {
        const rights = /^(private|presence)-/.test(channel) ? await this.authorize({ socket_id, channel }) : {};
        if (socket === this.#socket) this.#say('pusher:subscribe', { channel, ...rights, recover: position ?? true });
      });
      const signs_in = async () => {
        const rights = await this.authorize({ socket_id });
        if (socket === this.#socket) this.#say('pusher:signin', rights);
      };
      await Promise.all([...wants, this.#user && signs_in()]);
    } catch {
      this.#ended(socket, 1006); // whoever authorizes is away
    }
  }

  // Who hears nothing for long asks whether anybody is there.
  #heard(socket) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#say('pusher:ping');
      this.#timer = setTimeout(() => this.#ended(socket, silent), 5000);
    }, this.patience_ms);
  }

  #ended(socket, code) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    socket.close();
    clearTimeout(this.#timer);
    if (code >= 4000 && code < 4100) return this.changed('refused', code);
    this.changed('away', code);
    this.#come_again(code >= 4100 && code < 4200 ? 1000 : 0);
  }

  // Never to the old address: nobody may be there. Spread, since others have lost the same instance.
  #come_again(least_ms) {
    if (this.#is_closed) return;
    const wait_ms = Math.max(least_ms, Math.min(10_000, 200 * 2 ** this.#failures++)) * (0.5 + Math.random());
    this.#timer = setTimeout(() => this.connect(), wait_ms);
  }
}
