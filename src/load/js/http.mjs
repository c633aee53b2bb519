// Requests over the native engine, as fetch and XMLHttpRequest share them: names, cookies, redirects, codings.
import { isIP } from 'node:net';
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { cookies_for, keep_cookie } from './cookies.mjs';
import { current } from './current.mjs';
import { engine } from './engine.mjs';
import { values_in } from './heads.mjs';
import * as metrics from './metrics.mjs';
import { kind_of, resolve } from './names.mjs';

export const answer_deadline_ms = 120_000;  // a long poll may be held for a minute and a half
const redirects_max = 20;
const decoded_max = 64 * 2 ** 20;
const name_lasts_ms = 30_000;

const exchanges = [];       // by the engine's number of the request under way
const origins = new Map();  // by scheme and host: the engine's number, as long as the name is known

// Whom https: and wss: believe from now on: the authorities of a file (PEM), or '': the system's; or anybody.
export function trust(ca_file, is_insecure = false) {
  engine.trust(ca_file, is_insecure);
  origins.clear();
}

async function origin_of(url) {
  const is_secure = url.protocol === 'https:', host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const number = engine.origin(await resolve(host), Number(url.port || (is_secure ? 443 : 80)), url.host, is_secure ? host : '');
  const is_address = isIP(host) !== 0;
  origins.set(url.origin, { number, until: is_address ? Infinity : performance.now() + name_lasts_ms });
  return number;
}

function known_origin(url) {
  const known = origins.get(url.origin);
  return known && (known.until === Infinity || known.until > performance.now()) ? known.number : undefined;
}

function inflated(bytes) {  // some send it without zlib's header
  return (bytes[0] & 0x0f) === 8 ? inflateSync(bytes, { maxOutputLength: decoded_max }) : inflateRawSync(bytes, { maxOutputLength: decoded_max });
}
const decoders = {
  gzip: (bytes) => gunzipSync(bytes, { maxOutputLength: decoded_max }),
  'x-gzip': (bytes) => gunzipSync(bytes, { maxOutputLength: decoded_max }),
  deflate: inflated,
  br: (bytes) => brotliDecompressSync(bytes, { maxOutputLength: decoded_max }),
};

// A body is text where all of it is ASCII, else an ArrayBuffer.
export const bytes_of = (body) => (typeof body === 'string' ? new Uint8Array(Buffer.from(body, 'latin1')) : new Uint8Array(body));

function decoded(head, body) {
  const codings = values_in(head, 'content-encoding').join(',').toLowerCase().split(',').map((one) => one.trim());
  let bytes = bytes_of(body);
  if (bytes.length === 0) return body;
  for (const coding of codings.reverse()) if (decoders[coding]) bytes = decoders[coding](bytes);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

// What the engine does not know of.
function count_failed(phase, kind) {
  metrics.count('http_reqs');
  metrics.rate('http_req_failed', true);
  metrics.count('http_errors', 1, { phase, error: kind });
}

// One request, and what it is redirected to. `heard` has answered(answer) and failed(phase, what, is_late); one of them is called, once,
// later and as the user's turn, unless abort() comes first. `lines` are headers' lines, Host not needed; `body` is a text, bytes or null.
//
// The answer: { status, status_text, head, body, url, is_redirected, times }; times in ms.
export class Exchange {
  #heard;
  #user;
  #request;
  #id = -1;
  #is_over = false;
  #hops = 0;
  #began = performance.now();

  constructor(user, request, heard) {
    this.#user = user;
    this.#request = request;  // { url (a URL), method, lines, body, redirect, deadline_ms, with_cookies }
    this.#heard = heard;
    this.#ask();
  }
  // `is_late`: by a deadline, which is a failure as others are.
  abort(is_late = false) {
    const was_over = this.#is_over;
    this.#is_over = true;
    if (this.#id >= 0) {
      exchanges[this.#id] = undefined;
      engine.abort(this.#id, is_late);
    } else if (is_late && !was_over) {
      count_failed('resolve', 'timed_out');
    }
  }

  #ask() {
    const number = known_origin(this.#request.url);
    if (number !== undefined) return this.#ask_of(number);
    origin_of(this.#request.url).then(
      (found) => this.#is_over || this.#ask_of(found),
      (error) => this.#is_over || this.#unresolved(error));
  }

  #ask_of(origin) {
    const { url, method, lines, body, deadline_ms = answer_deadline_ms, with_cookies } = this.#request;
    let headers = /(^|\n)host:/i.test(lines) ? lines : `Host: ${url.host}\r\n${lines}`;
    if (with_cookies && !/(^|\n)cookie:/i.test(lines)) {
      const cookies = cookies_for(this.#user.cookies, url);
      if (cookies) headers += `Cookie: ${cookies}\r\n`;
    }
    const left_ms = this.#hops === 0 ? deadline_ms : Math.max(1, Math.ceil(deadline_ms - (performance.now() - this.#began)));
    this.#id = engine.http(origin, this.#user.pool, method, url.pathname + url.search, headers, body, left_ms);
    exchanges[this.#id] = this;
  }

  #answered(answer) {
    const { url, redirect, with_cookies } = this.#request;
    if (with_cookies && this.#user.cookies && /\r\nset-cookie:/i.test(answer.head))
      for (const line of values_in(answer.head, 'set-cookie')) keep_cookie(this.#user.cookies, url, line);
    if ([301, 302, 303, 307, 308].includes(answer.status) && redirect !== 'manual') {
      const [location] = values_in(answer.head, 'location');
      if (location !== undefined) return this.#redirected(answer.status, location);
    }
    if (/\r\ncontent-encoding:/i.test(answer.head)) {
      try {
        answer.body = decoded(answer.head, answer.body);
      } catch (error) {
        return this.#fault('receive', error.code === 'ERR_BUFFER_TOO_LARGE' ? 'too_big' : 'malformed', `the body is not what Content-Encoding says: ${error.message}`);
      }
    }
    answer.url = url;
    answer.is_redirected = this.#hops > 0;
    this.#is_over = true;
    this.#heard.answered(answer);
  }

  #redirected(status, location) {
    const { url, method, redirect } = this.#request;
    if (redirect === 'error') return this.#fault('redirect', 'refused', `it was redirected to ${location}`);
    if (++this.#hops > redirects_max) return this.#fault('redirect', 'too_many', `it was redirected more than ${redirects_max} times`);
    let to;
    try {
      to = new URL(location, url);
    } catch {
      return this.#fault('redirect', 'malformed', `it was redirected to what is no URL: ${location}`);
    }
    if (to.protocol !== 'http:' && to.protocol !== 'https:') return this.#fault('redirect', 'malformed', `it was redirected to ${to.protocol}`);
    if (!to.hash) to.hash = url.hash;
    const next = { ...this.#request, url: to };
    if ((status === 303 && method !== 'GET' && method !== 'HEAD') || (status <= 302 && method === 'POST')) {
      Object.assign(next, { method: 'GET', body: null });
      next.lines = next.lines.replace(/^content-[^:]*:.*\r\n/gim, '');
    }
    if (to.origin !== url.origin) next.lines = next.lines.replace(/^(authorization|cookie|host|proxy-authorization):.*\r\n/gim, '');
    this.#request = next;
    this.#ask();
  }

  // What the engine does not know of, and so has not counted.
  #unresolved(error) {
    count_failed('resolve', kind_of(error));
    this.#fail('resolve', error.message, false);
  }
  #fault(phase, kind, what) {
    metrics.count('http_errors', 1, { phase, error: kind });
    this.#fail(phase, what, false);
  }
  #fail(phase, what, is_late) {
    this.#is_over = true;
    current.user = this.#user;
    this.#heard.failed(phase, what, is_late);
  }

  // Calls of the engine.
  static answered(id, status, status_text, head, body, connect, tls, sent, first_byte, whole) {
    const exchange = exchanges[id];
    exchanges[id] = undefined;
    exchange.#id = -1;
    current.user = exchange.#user;
    if (exchange.#user.is_gone) engine.close_pool(exchange.#user.pool);  // its last words: a long poll, a goodbye
    exchange.#answered({ status, status_text, head, body, times: { connect, tls, sent, first_byte, whole } });
  }
  static failed(id, phase, what, is_late) {
    const exchange = exchanges[id];
    exchanges[id] = undefined;
    exchange.#id = -1;
    exchange.#fail(phase, what, is_late);
  }
}
