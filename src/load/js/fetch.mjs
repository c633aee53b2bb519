// fetch() as the web has it (WHATWG Fetch), over the native engine. Not a page's: there is no origin, so nothing is refused for the sake
// of one, and a user's cookies go along unless `credentials` is "omit".
import { sent_body } from './bodies.mjs';
import { current } from './current.mjs';
import { header_line } from './heads.mjs';
import { Exchange } from './http.mjs';
import { Response } from './response.mjs';

const node_fetch = globalThis.fetch;
const usual = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT']);
const refused = new Set(['CONNECT', 'TRACE', 'TRACK']);

function method_of(text) {
  const upper = String(text).toUpperCase();
  if (refused.has(upper) || !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text)) throw new TypeError(`"${text}" is no method that fetch() sends.`);
  return usual.has(upper) ? upper : String(text);
}

function lines_of(headers, type) {
  const fields = !headers ? [] : typeof headers[Symbol.iterator] === 'function' ? headers : Object.entries(headers);
  let lines = '';
  for (const [name, value] of fields) lines += header_line(name, value);
  if (type && !/(^|\n)content-type:/i.test(lines)) lines += `Content-Type: ${type}\r\n`;
  if (!/(^|\n)accept:/i.test(lines)) lines += 'Accept: */*\r\n';
  if (!/(^|\n)user-agent:/i.test(lines)) lines += 'User-Agent: utakata-load\r\n';
  return lines;
}

function url_of(text) {
  let url;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new TypeError(`fetch() takes a whole URL, not ${text}`, { cause });
  }
  if (url.username || url.password) throw new TypeError(`fetch() takes no URL with a user's name in it: ${url.host}`);
  return url;
}

// Told by the await behind it, so that an error has the caller's stack.
function outcome(user, request, signal) {
  return new Promise((resolve) => {
    const stop = () => {
      exchange.abort(signal.reason?.name === 'TimeoutError');
      resolve({ aborted: true });
    };
    const done = (outcome) => {
      signal?.removeEventListener('abort', stop);
      resolve(outcome);
    };
    const exchange = new Exchange(user, request, {
      answered: (answer) => done({ answer }),
      failed: (phase, what) => done({ phase, what }),
    });
    signal?.addEventListener('abort', stop, { once: true });
  });
}

async function fetch_as(user, input, init = {}) {
  const given = input instanceof Request ? input : null;
  const url = url_of(given ? given.url : String(input));
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return node_fetch(input, init);
  const signal = init.signal === undefined ? given?.signal : init.signal;
  signal?.throwIfAborted();
  const method = method_of(init.method ?? given?.method ?? 'GET');
  let content = init.body ?? null;
  if (content === null && given?.body) content = await given.arrayBuffer();
  if (content !== null && (method === 'GET' || method === 'HEAD')) throw new TypeError(`A ${method} has no body.`);
  const sent = sent_body(content);
  const { body, type } = sent instanceof Promise ? await sent : sent;
  signal?.throwIfAborted();
  const request = {
    url, method, body, lines: lines_of(init.headers ?? given?.headers, type),
    redirect: init.redirect ?? given?.redirect ?? 'follow',
    with_cookies: (init.credentials ?? given?.credentials) !== 'omit',
  };
  const { answer, phase, what, aborted } = await outcome(user, request, signal);
  if (aborted) throw signal.reason;
  if (!answer) throw Object.assign(new TypeError(`fetch of ${url.origin} failed: ${what}`), { phase });
  return new Response(answer);
}

// Of one user, whoever calls it.
export const fetch_for = (user) => (input, init) => fetch_as(user, input, init);
// Of the user whose turn it is.
export const fetch = (input, init) => fetch_as(current.user, input, init);
