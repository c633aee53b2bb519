// XMLHttpRequest as browsers have it (WHATWG XHR), over the native engine; asynchronous only. There is no page, so no origin that
// anything is refused for; a user's cookies go along.
import { sent_body } from './bodies.mjs';
import { current } from './current.mjs';
import { Event, EventTarget } from './events.mjs';
import { fields_in, header_line, values_in } from './heads.mjs';
import { Exchange, bytes_of } from './http.mjs';

const UNSENT = 0, OPENED = 1, HEADERS_RECEIVED = 2, LOADING = 3, DONE = 4;
const states = { UNSENT, OPENED, HEADERS_RECEIVED, LOADING, DONE };
const decoder = new TextDecoder();

function invalid_state(sentence) {
  return new DOMException(sentence, 'InvalidStateError');
}

class Upload extends EventTarget {}  // its events are those of the request's body

export class XMLHttpRequest extends EventTarget {
  #user = current.user;
  #method = 'GET';
  #url = null;
  #lines = null;      // by lower-case name: [name, value]
  #exchange = null;   // while it is sent
  #is_sent = false;
  #turn = 0;          // rises with each open() and abort(): what is told then is not of the earlier one
  #answer = null;
  #made = undefined;  // of `response`
  #charset = '';
  #upload = null;

  readyState = UNSENT;
  status = 0;
  statusText = '';
  responseURL = '';
  responseType = '';
  timeout = 0;
  withCredentials = false;
  onreadystatechange = null;
  onloadstart = null;
  onprogress = null;
  onload = null;
  onerror = null;
  onabort = null;
  ontimeout = null;
  onloadend = null;

  get upload() { return (this.#upload ??= new Upload()); }

  open(method, url, is_async = true) {
    if (!is_async) throw new DOMException('A request that blocks would stop all virtual users.', 'InvalidAccessError');
    const upper = String(method).toUpperCase();
    if (['CONNECT', 'TRACE', 'TRACK'].includes(upper)) throw new DOMException(`${upper} is not sent.`, 'SecurityError');
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method)) throw new DOMException(`"${method}" is no method.`, 'SyntaxError');
    let at;
    try {
      at = new URL(url, globalThis.location?.href);
    } catch {
      throw new DOMException(`A whole URL is needed, not ${url}`, 'SyntaxError');
    }
    this.#forget();
    this.#url = at;
    this.#method = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'].includes(upper) ? upper : String(method);
    this.#lines = new Map();
    this.#enter(OPENED);
  }

  setRequestHeader(name, value) {
    if (this.readyState !== OPENED || this.#is_sent) throw invalid_state('Headers are set between open() and send().');
    const key = String(name).toLowerCase();
    try {
      header_line(String(name), value);
    } catch (error) {
      throw new DOMException(error.message, 'SyntaxError');
    }
    const known = this.#lines.get(key);
    this.#lines.set(key, [name, known ? `${known[1]}, ${value}` : String(value).trim()]);
  }

  send(content = null) {
    if (this.readyState !== OPENED || this.#is_sent) throw invalid_state('It is opened first, and sent once.');
    this.#is_sent = true;
    const turn = this.#turn;
    const sent = sent_body(this.#method === 'GET' || this.#method === 'HEAD' ? null : content);
    this.dispatchEvent(new Event('loadstart', { loaded: 0, total: 0, lengthComputable: false }));
    if (turn !== this.#turn) return;
    if (sent instanceof Promise) void sent.then((made) => turn === this.#turn && this.#ask(made));
    else this.#ask(sent);
  }

  #ask({ body, type }) {
    let lines = '';
    for (const [name, value] of this.#lines.values()) lines += header_line(name, value);
    if (type && !this.#lines.has('content-type')) lines += `Content-Type: ${type}\r\n`;
    if (!this.#lines.has('accept')) lines += 'Accept: */*\r\n';
    if (!this.#lines.has('user-agent')) lines += 'User-Agent: utakata-load\r\n';
    const size = body === null ? 0 : body.length ?? body.byteLength;
    if (this.#upload && size > 0) this.#tell_of(this.#upload, 'loadstart', 0, size);
    const request = { url: this.#url, method: this.#method, lines, body, redirect: 'follow', deadline_ms: this.timeout || undefined, with_cookies: true };
    this.#exchange = new Exchange(this.#user, request, {
      answered: (answer) => this.#answered(answer, size),
      failed: (phase, what, is_late) => this.#failed(is_late && this.timeout > 0 ? 'timeout' : 'error', phase, what),
    });
  }

  #answered(answer, sent) {
    const turn = this.#turn;
    this.#answer = answer;
    this.#exchange = null;
    this.status = answer.status;
    this.statusText = answer.status_text;
    this.responseURL = answer.url.hash ? answer.url.href.slice(0, -answer.url.hash.length) : answer.url.href;
    if (this.#upload && sent > 0)
      for (const type of ['progress', 'load', 'loadend']) if (turn === this.#turn) this.#tell_of(this.#upload, type, sent, sent);
    if (turn === this.#turn) this.#enter(HEADERS_RECEIVED);
    const size = typeof answer.body === 'string' ? answer.body.length : answer.body.byteLength;
    if (turn === this.#turn && size > 0) this.#enter(LOADING);
    if (turn === this.#turn && size > 0) this.#tell_of(this, 'progress', size, size);
    if (turn !== this.#turn) return;
    this.#is_sent = false;
    this.#enter(DONE);
    if (turn === this.#turn) this.#tell_of(this, 'load', size, size);
    if (turn === this.#turn) this.#tell_of(this, 'loadend', size, size);
  }

  #failed(type, phase, what) {
    const turn = this.#turn;
    this.#exchange = null;
    this.#is_sent = false;
    this.#answer = null;
    this.status = 0;
    this.statusText = '';
    this.#enter(DONE);
    const told = { loaded: 0, total: 0, lengthComputable: false, message: what, phase };
    for (const target of [this.#upload, this])
      for (const one of [type, 'loadend']) if (target && turn === this.#turn) target.dispatchEvent(new Event(one, { ...told }));
  }

  abort() {
    const was_under_way = this.#is_sent;
    this.#forget();
    if (was_under_way) this.#failed('abort', '', '');
    if (this.readyState === DONE) this.readyState = UNSENT;
  }

  #forget() {
    ++this.#turn;
    this.#exchange?.abort();
    this.#exchange = null;
    this.#is_sent = false;
    this.#answer = null;
    this.#made = undefined;
    this.status = 0;
    this.statusText = '';
    this.responseURL = '';
  }
  #enter(state) {
    this.readyState = state;
    this.dispatchEvent(new Event('readystatechange'));
  }
  #tell_of(target, type, loaded, total) {
    target.dispatchEvent(new Event(type, { loaded, total, lengthComputable: total > 0 }));
  }

  getResponseHeader(name) {
    if (!this.#answer || /^set-cookie2?$/i.test(name)) return null;  // a page does not see them
    const values = values_in(this.#answer.head, String(name));
    return values.length === 0 ? null : values.join(', ');
  }
  getAllResponseHeaders() {
    const all = new Map();
    for (const [name, value] of this.#answer ? fields_in(this.#answer.head) : []) {
      const key = name.toLowerCase();
      if (key !== 'set-cookie' && key !== 'set-cookie2') all.set(key, all.has(key) ? `${all.get(key)}, ${value}` : value);
    }
    return [...all].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}: ${value}\r\n`).join('');
  }
  overrideMimeType(type) {
    if (this.readyState >= LOADING) throw invalid_state('It is loading already.');
    this.#charset = charset_of(type);
  }

  get responseText() {
    if (this.responseType !== '' && this.responseType !== 'text') throw invalid_state(`The response is asked for as ${this.responseType}.`);
    return this.#answer && this.readyState >= LOADING ? this.#text() : '';
  }
  get responseXML() { return null; }
  get response() {
    if (this.responseType === '' || this.responseType === 'text') return this.responseText;
    if (this.readyState !== DONE || !this.#answer) return null;
    if (this.#made === undefined) this.#made = this.#make();
    return this.#made;
  }
  #text() {
    const { body, head } = this.#answer;
    if (typeof body === 'string') return body;
    const charset = this.#charset || charset_of(values_in(head, 'content-type').at(-1) ?? '');
    if (charset === '' || charset === 'utf-8') return decoder.decode(body);
    try {
      return new TextDecoder(charset).decode(body);
    } catch {
      return decoder.decode(body);  // a charset that nobody knows
    }
  }
  #make() {
    const { body, head } = this.#answer;
    switch (this.responseType) {
      case 'arraybuffer':
        return typeof body === 'string' ? bytes_of(body).buffer : body;
      case 'blob':
        return new Blob([body], { type: values_in(head, 'content-type').join(', ') });
      case 'json':
        try {
          return JSON.parse(typeof body === 'string' ? body : decoder.decode(body));
        } catch {
          return null;
        }
      default:
        return null;  // there is no document
    }
  }
}
const charset_of = (type) => /charset\s*=\s*"?([^\s;"]+)/i.exec(type)?.[1].toLowerCase() ?? '';
for (const [name, value] of Object.entries(states))
  for (const of of [XMLHttpRequest, XMLHttpRequest.prototype]) Object.defineProperty(of, name, { value, enumerable: true });
