// `utakata load`, whole: scenarios on servers of Node's, which are the witnesses of what was done.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, start_load } from './kit/load.mjs';
import { wait_for } from './kit/wait.mjs';
import { echo, pages } from './kit/witness.mjs';

const echo_user = (url) => `
export default async function user(u) {
  const socket = new WebSocket('${url}/' + u.number);
  await new Promise((go, fail) => { socket.onopen = go; socket.onerror = fail; });
  for (let k = 0; k < 3; ++k) {
    const done = u.measure('echo');
    const heard = new Promise((go) => { socket.onmessage = go; });
    socket.send('message ' + k);
    const { data } = await heard;
    u.check('it says what it heard', data === 'message ' + k);
    done();
  }
  socket.close();
}`;

test('users of several workers do what the scenario says, each once, and the server has seen them', async () => {
  const server = await echo();
  const run = await load(`export const load = { users: 50, iterations: 1, thresholds: { checks: 'rate==1', echo: ['count==150', 'p(95)<5s'] } };${echo_user(server.url)}`,
    ['--workers', '3']);
  assert.equal(run.code, 0, run.err);
  assert.deepEqual(server.paths.sort(), Array.from({ length: 50 }, (_, k) => `/${k}`).sort());
  assert.equal(server.messages, 150);
  await wait_for(() => server.open === 0, { what: 'all sockets closed', within: 2000 });
});

test('in an open model users come as they are meant to, done or not', async () => {
  const server = await echo();
  const run = await load(`export const load = { arrivals: { start: '40/s', stages: [{ duration: '2s', target: '40/s' }, { duration: '1s', target: '0/s', step: true }] } };
    export default async function user(u) {
      const socket = new WebSocket('${server.url}/' + u.number);
      await u.stay();
      socket.close();
    }`, ['--workers', '2']);
  assert.equal(run.code, 0, run.err);
  assert.equal(server.paths.length, 80);
  assert.equal(new Set(server.paths).size, 80);
  assert.equal(server.most, 80, 'nobody left before the end');
});

test('who comes with the last tick of the plan is told to leave, too', async () => {
  const run = await load(`export const load = { arrivals: '100/s', duration: '0.5s', graceful_stop: '1h', thresholds: { iterations: 'count==50' } };
    export default (u) => u.stay();`, ['--workers', '2']);
  assert.equal(run.code, 0, run.out + run.err);
});

test('chance is another for each user and each time it begins, and the same again with the same seed', async () => {
  const text = `export const load = { users: 3, iterations: 4 };
    export default async function user(u) { console.log('drew', u.number, u.random(), u.random()); }`;
  const drawn = async (...words) => (await load(text, words)).out.match(/^drew .*$/gm).sort();
  const [once, again, other] = await Promise.all([drawn('--seed', '7'), drawn('--seed', '7', '--workers', '2'), drawn('--seed', '8')]);
  const numbers = (lines) => lines.flatMap((line) => line.split(' ').slice(2));
  assert.equal(once.length, 12);
  assert.equal(new Set([...numbers(once), ...numbers(other)]).size, 48);
  assert.deepEqual(once, again);
});

test('scenarios share the users by weight; setup runs once, teardown as well, what setup returns all have', async () => {
  const came = { fan: 0, poller: 0, setup: 0, teardown: 0, wrong: 0 };
  const url = await pages((request, response) => {
    const [, who, secret] = request.url.split('/');
    ++came[who];
    if (secret !== undefined && secret !== 'sesame') ++came.wrong;
    response.end('{}');
  });
  const run = await load(`
    export const load = { users: 20, iterations: 1, scenarios: { fans: { exec: 'fan', weight: 80 }, pollers: { exec: 'poller', weight: 20 } } };
    export async function setup() { await fetch('${url}/setup'); return { secret: 'sesame' }; }
    export async function teardown({ secret }) { await fetch('${url}/teardown/' + secret); }
    export const fan = async (u) => void await fetch('${url}/fan/' + u.data.secret);
    export const poller = async (u) => void await fetch('${url}/poller/' + u.data.secret);`, ['--workers', '2']);
  assert.equal(run.code, 0, run.err);
  assert.deepEqual(came, { fan: 16, poller: 4, setup: 1, teardown: 1, wrong: 0 });
});

test('a threshold that is missed, or is on a metric that does not exist, is exit code 3', async () => {
  const url = await pages((request, response) => response.end('x'));
  const work = `export default async function user(u) { await fetch('${url}'); }`;
  for (const [thresholds, code] of [[`{ http_reqs: 'count>=2' }`, 0], [`{ http_reqs: 'count>1000' }`, 3], [`{ http_rex: 'count>1' }`, 3]]) {
    const run = await load(`export const load = { users: 2, iterations: 1, thresholds: ${thresholds} };${work}`);
    assert.equal(run.code, code, `${thresholds}\n${run.out}${run.err}`);
  }
});

test('what is wrong with a scenario is said in a sentence, with its place, before anything is begun', async () => {
  const table = [
    ['export const load = { users: -1 }; export default async function user() {}', 2, /load\.users/],
    ['export const load = { users: 1, duraton: 3 }; export default async function user() {}', 2, /did you mean `duration`/],
    ['export default async function user() {}', 2, /must say how many users/],
    ['export const load = { users: 1, iterations: 1 };', 2, /exports no function `user`/],
    ['export const load = { users: 1, iterations: 1, scenarios: { a: { exec: "b", weight: 1 } } }; export default () => {}', 2, /exports no function `b`/],
    ['import "no-such-package";', 2, /cannot be loaded.*no-such-package/s],
    ['export const load = ;', 2, /cannot be loaded/],
    ['export const load = { users: 1, iterations: 1 }; export const setup = () => { throw new Error("no gold"); }; export default () => {}', 1,
      /setup\(\) failed: no gold \(.*scenario\d+\.mjs:1:/],
    ['process.exit(7)', 1, /exit code 7 before the run began/],
  ];
  for (const [text, code, words] of table) {
    const run = await load(text);
    assert.equal(run.code, code, `${text}\n${run.err}`);
    assert.match(run.err, words);
  }
});

test('Ctrl-C: users are told, have their time, and the run is added up', async () => {
  let farewells = 0;
  const url = await pages((request, response) => {
    if (request.url === '/bye') ++farewells;
    response.end('x');
  });
  const run = start_load(`
    export const load = { users: 5, duration: '1h' };
    export default async function user(u) {
      console.log('here');
      await u.stay();
      await fetch('${url}/bye');
    }`);
  await wait_for(() => run.out.split('here').length === 6, { what: 'all users there', within: 5000 });
  run.child.kill('SIGINT');
  assert.equal(await run.ended, 130, run.err);
  assert.equal(farewells, 5);
});

test('who has gone leaves no connection behind, though an answer came later', async () => {
  let asked = 0, open = 0;
  const server = http.createServer((request, response) => {
    ++asked;
    setTimeout(() => response.end('later'), 300);
  });
  server.keepAliveTimeout = 60_000;
  server.on('connection', (socket) => {
    ++open;
    socket.on('close', () => --open);
  });
  servers.push(() => server.closeAllConnections() ?? server.close());
  const url = `http://127.0.0.1:${await listening(server)}`;
  const run = start_load(`
    export const load = { arrivals: { start: '20/s', stages: [{ duration: '1s', target: '20/s' }, { duration: '1h', target: 0, step: true }] } };
    export default async function user(u) {
      if (u.number === 0) return u.stay();
      void fetch('${url}');
    }`);
  await wait_for(() => asked === 19, { what: 'all to have asked', within: 10_000 });
  await wait_for(() => open === 0, { what: 'their connections to be closed', within: 5000 });
  run.child.kill('SIGINT');
  assert.equal(await run.ended, 130, run.err);
});

test('a user that throws is counted and named; the others go on', async () => {
  const run = await load(`
    export const load = { users: 4, iterations: 2, thresholds: { errors: 'count==2', iterations: 'count==6' } };
    export default async function user(u) {
      await u.think(0.01);
      if (u.number === 2) throw new Error('nobody gave me a ticket');
    }`);
  assert.equal(run.code, 0, run.out + run.err);
});

test('tags of the plan and of a scenario are on what it measures, and thresholds may ask for them', async () => {
  const run = await load(`
    export const load = { users: 4, iterations: 1, tags: { release: 'v2' }, thresholds: {
      'votes{release:v2,kind:loud}': 'count==2', 'votes{kind:quiet}': 'count==2', 'checks{kind:loud}': 'rate==1', 'iterations{release:v2}': 'count==4' },
      scenarios: { a: { exec: 'vote', weight: 1, tags: { kind: 'loud' } }, b: { exec: 'vote', weight: 1, tags: { kind: 'quiet' } } } };
    export function vote(u) {
      u.count('votes');
      u.check('it is a scenario', u.scenario === 'a' || u.scenario === 'b');
    }`);
  assert.equal(run.code, 0, run.out + run.err);
});
