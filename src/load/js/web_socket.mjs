// WebSocket as browsers have it (WHATWG, "WebSockets"), over the native engine.
import { cookies_for } from './cookies.mjs';
import { current } from './current.mjs';
import { Event, EventTarget } from './events.mjs';
import { dial_deadline_ms, engine } from './engine.mjs';
import * as metrics from './metrics.mjs';
import { kind_of, resolve } from './names.mjs';

// Of sockets that do not say themselves, such as those that npm packages make.
export const defaults = { compression: false };

const sockets = [];  // by slot
let agreed = '';     // the last extensions: one text serves for all that have the same
const CONNECTING = 0, OPEN = 1, CLOSING = 2, CLOSED = 3;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function syntax_error(sentence) {
  return new DOMException(sentence, 'SyntaxError');
}

export class WebSocket extends EventTarget {
  static CONNECTING = CONNECTING;
  static OPEN = OPEN;
  static CLOSING = CLOSING;
  static CLOSED = CLOSED;

  #slot = -1;
  #user = current.user;  // whose turn its events are
  #behind = 0;  // sent after it was closed: bufferedAmount never falls again (WHATWG)
  url;
  readyState = CONNECTING;
  protocol = '';
  extensions = '';
  binaryType = 'blob';
  onopen = null;
  onmessage = null;
  onerror = null;
  onclose = null;

  // `options` is no part of the web's: `headers`; `compression`, which offers permessage-deflate (RFC 7692); and, as `ws` has it,
  // `handshakeTimeout` in ms. The user's cookies go along, as a browser's do.
  constructor(url, protocols = [], options = {}) {
    super();
    const at = new URL(url);
    if (at.protocol === 'http:') at.protocol = 'ws:';
    if (at.protocol === 'https:') at.protocol = 'wss:';
    if (!['ws:', 'wss:'].includes(at.protocol)) throw syntax_error(`The URL's scheme must be ws or wss, not ${at.protocol.slice(0, -1)}.`);
    if (at.hash) throw syntax_error('The URL of a WebSocket has no fragment.');
    const offered = [protocols].flat().map(String);
    if (offered.some((one) => !token.test(one)) || new Set(offered).size < offered.length)
      throw syntax_error('Each subprotocol is a token, and named once.');
    this.url = at.href;
    void this.#dial(at, offered, options);
  }
  get CONNECTING() { return CONNECTING; }
  get OPEN() { return OPEN; }
  get CLOSING() { return CLOSING; }
  get CLOSED() { return CLOSED; }
  get bufferedAmount() {
    return this.#behind + (this.#slot < 0 ? 0 : engine.backlog(this.#slot));
  }

  async #dial(at, offered, { headers = {}, compression = defaults.compression, handshakeTimeout = dial_deadline_ms }) {
    const user = this.#user;
    const is_secure = at.protocol === 'wss:', port = Number(at.port || (is_secure ? 443 : 80));
    let addresses;
    try {
      addresses = await resolve(at.hostname);
    } catch (error) {
      return this.#unresolved(error.message, kind_of(error));
    }
    if (this.readyState !== CONNECTING) return this.#unresolved('', 'given_up');
    const cookies = cookies_for(user.cookies, at);
    if (cookies && !Object.keys(headers).some((name) => name.toLowerCase() === 'cookie')) headers = { ...headers, Cookie: cookies };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    if (offered.length > 0) lines.push(`Sec-WebSocket-Protocol: ${offered.join(', ')}\r\n`);
    this.#slot = engine.dial(addresses, port, at.host, at.pathname + at.search, lines.join(''), handshakeTimeout,
      is_secure ? at.hostname.replace(/^\[(.*)\]$/, '$1') : '', Boolean(compression));
    sockets[this.#slot] = this;
  }

  send(data) {
    if (this.readyState === CONNECTING) throw new DOMException('It is not open yet.', 'InvalidStateError');
    if (data instanceof Blob) return void data.arrayBuffer().then((bytes) => this.send(bytes));
    if (ArrayBuffer.isView(data) && !(data instanceof Uint8Array)) data = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    else if (typeof data !== 'string' && !(data instanceof ArrayBuffer) && !(data instanceof Uint8Array)) data = String(data);
    if (this.readyState === OPEN) engine.send(this.#slot, data);
    else this.#behind += typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength;
  }

  close(code, reason = '') {
    if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999))
      throw new DOMException(`A code is 1000 or 3000 to 4999, not ${code}.`, 'InvalidAccessError');
    if (Buffer.byteLength(reason) > 123) throw syntax_error('A reason has 123 bytes at most.');
    if (this.readyState >= CLOSING) return;
    this.readyState = CLOSING;
    if (this.#slot >= 0) engine.close(this.#slot, code ?? 1005, reason);
  }

  // How many there are of such users.
  static left_open(is_theirs) {
    return sockets.filter((one) => one && one.readyState <= OPEN && is_theirs(one.#user)).length;
  }

  // Calls of the engine.
  static opened(slot, protocol, extensions) {
    const socket = sockets[slot];
    if (socket.readyState !== CONNECTING) return engine.close(slot, 1005, '');
    socket.readyState = OPEN;
    socket.protocol = protocol;
    socket.extensions = extensions === agreed ? agreed : (agreed = extensions);
    current.user = socket.#user;
    socket.dispatchEvent(new Event('open'));
  }
  static message(slot, data) {
    const socket = sockets[slot];
    if (socket.readyState !== OPEN) return;
    if (typeof data !== 'string' && socket.binaryType === 'blob') data = new Blob([data]);
    current.user = socket.#user;
    socket.dispatchEvent(new Event('message', { data, origin: socket.url, lastEventId: '', ports: [] }));
  }
  static ended(slot, phase, code, reason, was_clean, what, kind) {
    const socket = sockets[slot];
    sockets[slot] = undefined;
    socket.#slot = -1;
    socket.#ended(phase, code, reason, was_clean, what, kind);
  }
  // The engine has not heard of it, and so has counted nothing.
  #unresolved(what, kind) {
    metrics.count('ws_closed', 1, { code: 1006, phase: 'resolve' });
    if (kind !== 'given_up') metrics.count('ws_errors', 1, { phase: 'resolve', error: kind });
    this.#ended('resolve', 1006, '', false, what, kind);
  }
  #ended(phase, code, reason, was_clean, what, kind) {
    this.readyState = CLOSED;
    current.user = this.#user;
    if (!was_clean) this.dispatchEvent(new Event('error', { message: what, phase, kind, error: new Error(what || 'it was cut') }));
    this.dispatchEvent(new Event('close', { code, reason, wasClean: was_clean }));
  }
}
