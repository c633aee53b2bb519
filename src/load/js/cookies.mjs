// Cookies (RFC 6265) in a plain list of objects, one list a user: what a site sets by Domain, Path, Max-Age, Expires and Secure. There is
// no list of public suffixes: a Domain has a dot in it, or is the host itself.
import { isIP } from 'node:net';

const jar_size = 300;  // the oldest goes

const is_within = (host, domain) => host === domain || (host.endsWith(domain) && host.at(-domain.length - 1) === '.' && isIP(host) === 0);
const path_matches = (path, cookie) => path === cookie || (path.startsWith(cookie) && (cookie.endsWith('/') || path[cookie.length] === '/'));
const host_of = (url) => (url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname);

function default_path(path) {
  const end = path.lastIndexOf('/');
  return end <= 0 ? '/' : path.slice(0, end);
}

// The value of one Set-Cookie, as it was heard from `url` (a URL). What is malformed, or another site's, is passed over.
export function keep_cookie(jar, url, line, now = Date.now()) {
  const [pair, ...attributes] = line.split(';');
  const equals = pair.indexOf('=');
  const name = pair.slice(0, equals).trim();
  if (equals < 0 || !name) return;
  const host = host_of(url);
  const cookie = { name, value: pair.slice(equals + 1).trim(), domain: host, host_only: true, path: default_path(url.pathname), expires: null, secure: false };
  let max_age = null;
  for (const attribute of attributes) {
    const at = attribute.indexOf('=');
    const key = (at < 0 ? attribute : attribute.slice(0, at)).trim().toLowerCase();
    const value = at < 0 ? '' : attribute.slice(at + 1).trim();
    if (key === 'secure') cookie.secure = true;
    else if (key === 'path' && value.startsWith('/')) cookie.path = value;
    else if (key === 'max-age' && /^-?\d+$/.test(value)) max_age = Number(value);
    else if (key === 'expires' && !Number.isNaN(Date.parse(value))) cookie.expires = Date.parse(value);
    else if (key === 'domain' && value) {
      cookie.domain = value.replace(/^\./, '').toLowerCase();
      cookie.host_only = cookie.domain === host && isIP(host) !== 0;
    }
  }
  if (!is_within(host, cookie.domain) || (cookie.domain !== host && !cookie.domain.includes('.'))) return;
  if (max_age !== null) cookie.expires = max_age <= 0 ? 0 : now + max_age * 1000;
  const old = jar.findIndex((one) => one.name === name && one.domain === cookie.domain && one.path === cookie.path);
  if (old >= 0) jar.splice(old, 1);
  if (cookie.expires === null || cookie.expires > now) jar.push(cookie);
  if (jar.length > jar_size) jar.shift();
}

// What a request to `url` says of them; empty: none.
export function cookies_for(jar, url, now = Date.now()) {
  if (!jar || jar.length === 0) return '';
  const host = host_of(url), is_secure = url.protocol === 'https:' || url.protocol === 'wss:';
  const sent = jar.filter((one) => (one.host_only ? host === one.domain : is_within(host, one.domain)) && path_matches(url.pathname, one.path) &&
    (is_secure || !one.secure) && (one.expires === null || one.expires > now));
  return sent.sort((a, b) => b.path.length - a.path.length).map((one) => `${one.name}=${one.value}`).join('; ');
}
