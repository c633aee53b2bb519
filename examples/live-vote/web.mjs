// The web server of a live vote: the page, votes, names, and what all pages are told. No packages.
import { createHash, createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const app = { id: 'vote', key: 'vote', secret: process.env.VOTE_SECRET };
const stack = `${process.env.UTAKATA_URL}/v1/stacks/${process.env.UTAKATA_STACK}`;
const question = 'What shall we drink?';
const options = { tea: 'Tea', coffee: 'Coffee', cocoa: 'Cocoa', water: 'Just water' };
const entries_max = 20; // older ones are had from the channels

const hmac = (text) => createHmac('sha256', app.secret).update(text).digest('hex');
const asked = async (url, more) => {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2000), ...more });
  if (!answer.ok) throw new Error(`${url.split('?')[0]} answered ${answer.status}`);
  return answer.json();
};

// ---- the instances of utakata-realtime ----
let instances = []; // host:port of each that may have clients

async function find_instances() {
  const { clusters } = await asked(stack);
  const all = clusters.find(({ name }) => name === 'channels').instances;
  const found = all.filter((one) => ['serving', 'draining'].includes(one.lifecycle) && !one.suspect).map((one) => one.address);
  if (found.some((address) => !instances.includes(address))) has_changed = true; // of a new Redis, it knows no tally yet
  instances = found;
}

// One call of the HTTP API, signed.
function call(address, method, path, body, more = '') {
  const whole = `/apps/${app.id}/${path}`;
  let query = `auth_key=${app.key}&auth_timestamp=${Math.floor(Date.now() / 1000)}&auth_version=1.0`;
  if (body) query += `&body_md5=${createHash('md5').update(body).digest('hex')}`;
  query += more; // what comes later in the alphabet
  const signature = hmac(`${method}\n${whole}\n${query}`);
  const headers = { 'content-type': 'application/json' };
  return asked(`http://${address}${whole}?${query}&auth_signature=${signature}`, { method, body, headers });
}

// To any one of them: the others hear of it. What is lost with an instance that dies just then pages notice by the numbers, and ask
// for it here; what two of them were told is shown once.
async function anywhere(method, path, body, more) {
  for (const address of instances)
    try {
      return await call(address, method, path, body && JSON.stringify(body), more);
    } catch (problem) {
      console.error(problem.message);
    }
  throw new Error('no instance takes it');
}
const publish = (channel, name, data) =>
  anywhere('POST', 'events', { name, channels: [channel], data: JSON.stringify(data) }).catch((problem) => console.error(problem.message));

// ---- the vote ----
const votes = new Map(); // id of a person -> choice
const signed_in = new Set(); // at the channels: ids of persons who may be told something
const entries = []; // what was said, and who took the lead; the newest last
let here = 0, leader = null, has_changed = true;
let last_entry = Date.now(), version = Date.now(); // so that they go on rising when another process takes over

const counts = Object.fromEntries(Object.keys(options).map((choice) => [choice, 0]));
const tally = () => ({ version, counts, here, last_entry: entries.at(-1)?.number ?? 0 });

let told = Promise.resolve(); // one after the other, so that the channel has them in their order
function tell(entry) {
  entries.push({ number: ++last_entry, at: new Date().toISOString(), ...entry });
  if (entries.length > entries_max) entries.shift();
  has_changed = true;
  const last = entries.at(-1);
  told = told.then(() => publish('presence-room', 'entry', last));
}

function vote(person, choice) {
  if (votes.has(person.id)) counts[votes.get(person.id)]--;
  votes.set(person.id, choice);
  counts[choice]++;
  has_changed = true;
  if (signed_in.has(person.id)) publish(`#server-to-user-${person.id}`, 'voted', { choice }); // their other tabs
  const [first, second] = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  if (first[0] === leader || first[1] === second[1]) return;
  leader = first[0];
  tell({ kind: 'lead', text: `${options[leader]} takes the lead, ${first[1]} to ${second[1]}` });
}

async function count_people() {
  const { users } = await anywhere('GET', 'channels/presence-room/users');
  if (users.length !== here) has_changed = true;
  here = users.length;
}

async function tell_tally() {
  if (!has_changed) return;
  has_changed = false;
  version++;
  publish('cache-tally', 'tally', tally()); // not waited for: an instance that hangs must not keep the next one waiting
}

async function forever(every_ms, work) {
  for (;;) {
    await work().catch((problem) => console.error(problem.message));
    await sleep(every_ms);
  }
}
forever(500, find_instances);
forever(1000, count_people);
forever(500, tell_tally); // however many vote

// ---- people: an id in a signed cookie, and a name if they gave one; a real one has passwords ----
const seal = (text) => `${text}.${hmac(`cookie:${text}`)}`;
const is_same = (a, b) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

function person_of(request) {
  const [, text] = /(?:^|; )who=([\w-]+)\.[0-9a-f]{64}(?:;|$)/.exec(request.headers.cookie ?? '') ?? [];
  if (text && is_same(/who=([\w.-]+)/.exec(request.headers.cookie)[1], seal(text)))
    return JSON.parse(Buffer.from(text, 'base64url'));
  return { id: randomUUID(), name: null };
}
const cookie_of = (person) =>
  `who=${seal(Buffer.from(JSON.stringify(person)).toString('base64url'))}; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000`;

// ---- what is asked ----
class Refusal extends Error {
  constructor(status, message, headers = {}) {
    super(message);
    Object.assign(this, { status, headers });
  }
}
const text_in = (body, key, bytes_max) => {
  const text = typeof body[key] === 'string' ? body[key].trim() : '';
  if (text && Buffer.byteLength(text) <= bytes_max) return text;
  throw new Refusal(400, `\`${key}\` must be a text of 1 to ${bytes_max} bytes.`);
};
function for_host({ headers }) {
  if (!is_same(headers.authorization ?? '', `Bearer ${app.secret}`)) throw new Refusal(403, 'That is for who hosts the show.');
}
const spoke = new Map(); // id -> when: one sentence a second

const routes = {
  'GET /api/info': ({ person }) =>
    ({ question, options, key: app.key, tally: tally(), entries, you: person, choice: votes.get(person.id) ?? null }),
  async 'POST /api/place'() {
    const answer = await fetch(`${stack}/clusters/channels/endpoint`, { signal: AbortSignal.timeout(2000) });
    const later = { 'retry-after': answer.headers.get('retry-after') ?? '1' };
    if (!answer.ok) throw new Refusal(503, 'There is no place just now.', later);
    const { url, instance } = await answer.json();
    return { url, instance };
  },
  'POST /api/vote'({ person, body }) {
    const choice = text_in(body, 'choice', 50);
    if (!Object.hasOwn(options, choice)) throw new Refusal(400, 'That is not one of the options.');
    vote(person, choice);
    return { choice };
  },
  'POST /api/say'({ person, body }) {
    const text = text_in(body, 'text', 400);
    if (Date.now() - (spoke.get(person.id) ?? 0) < 1000) throw new Refusal(429, 'One sentence a second, please.');
    if (spoke.size > 10_000) spoke.clear();
    spoke.set(person.id, Date.now());
    tell({ kind: 'said', who: person.name ?? 'a guest', text });
    return { number: last_entry };
  },
  'POST /api/login': ({ person, body }) => ({ you: Object.assign(person, { name: text_in(body, 'name', 40) }) }),
  'DELETE /api/login': ({ person }) => ({ you: Object.assign(person, { name: null }) }),
  // Whoever hosts the show calls for votes, or (`is_on: false`) not any more. `cache-`: who comes late is told, too.
  async 'POST /api/call'({ request, body: { is_on = true, sent } }) {
    for_host(request);
    await anywhere('POST', 'events', { name: 'call', channels: ['cache-call'], data: JSON.stringify({ is_on, sent }) });
    return {};
  },
  async 'GET /api/readers'({ request }) { // of calls
    for_host(request);
    const { subscription_count } = await anywhere('GET', 'channels/cache-call', undefined, '&info=subscription_count');
    return { readers: subscription_count ?? 0 };
  },
  // Without a channel: who the socket's owner is.
  'POST /api/auth'({ person, body }) {
    const socket = text_in(body, 'socket_id', 50);
    if (!/^\d+\.\d+$/.test(socket)) throw new Refusal(400, 'That is no socket_id.');
    if (body.channel === undefined) {
      const user_data = JSON.stringify({ id: person.id });
      signed_in.add(person.id);
      return { auth: `${app.key}:${hmac(`${socket}::user::${user_data}`)}`, user_data };
    }
    if (body.channel !== 'presence-room') throw new Refusal(403, 'There is no such channel.');
    const channel_data = JSON.stringify({ user_id: person.id });
    return { auth: `${app.key}:${hmac(`${socket}:${body.channel}:${channel_data}`)}`, channel_data };
  },
};

const types = { html: 'text/html; charset=utf-8', js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8' };
const file = (name) => ({ type: types[name.split('.')[1]], body: readFileSync(new URL(`page/${name}`, import.meta.url)) });
const files = {
  '/': file('index.html'), '/page.js': file('page.js'), '/channels.js': file('channels.js'), '/style.css': file('style.css'),
};
const only_ours = { 'content-security-policy': "default-src 'self'; connect-src *" };

async function body_of(request) {
  let text = '';
  for await (const chunk of request) if ((text += chunk).length > 4096) throw new Refusal(413, 'That is too much.');
  try {
    return Object(JSON.parse(text || '{}'));
  } catch {
    throw new Refusal(400, 'That is not JSON.');
  }
}

async function answer(request, response) {
  const path = new URL(request.url, 'http://page').pathname;
  const send = (status, headers, body) => response.writeHead(status, { 'cache-control': 'no-store', ...headers }).end(body);
  const json = { 'content-type': 'application/json' };
  try {
    const route = routes[`${request.method} ${path}`];
    if (request.method === 'GET' && Object.hasOwn(files, path))
      return send(200, { 'content-type': files[path].type, ...only_ours }, files[path].body);
    if (!route) throw new Refusal(404, 'There is nothing here.');
    const person = person_of(request);
    const done = await route({ request, person, body: await body_of(request) });
    send(200, { ...json, 'set-cookie': cookie_of(person) }, JSON.stringify(done));
  } catch (problem) {
    if (!(problem instanceof Refusal)) console.error(problem);
    const { status, headers, message } = problem instanceof Refusal ? problem : { status: 502, message: 'Try again.' };
    send(status, { ...json, ...headers }, JSON.stringify({ detail: message }));
  }
}

// For Utakata, on the port that it gave; nobody stays connected here.
createServer((request, response) => response.end(request.url === '/stats' ? '{"connections":0}' : 'well'))
  .listen(process.env.PORT, process.env.LISTEN);
// For people, always on the same one: while a new version takes over, the old one still has it.
const page = createServer(answer).on('error', (problem) => {
  if (problem.code !== 'EADDRINUSE') throw problem;
  console.error(`port ${process.env.PAGE_PORT} is taken; trying again`);
  setTimeout(listen, 500);
});
// Thousands may come in the same second; how many wait at most is the system's say (net.core.somaxconn).
const listen = () => page.listen({ port: process.env.PAGE_PORT, host: process.env.LISTEN, backlog: 65_535 });
listen();
process.once('SIGTERM', () => process.exit(0));
