// The API as a stranger meets it, over real sockets: what is refused and how, and ten thousand
// placements at once.
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { createConnection } from 'node:net';
import { after, before, test } from 'node:test';
import { start_stack } from './kit/stack.mjs';
import { monotonic_ms, wait_for } from './kit/wait.mjs';

const yaml = ({ listen, ports, kit }) => `
stack: crowd
api: { listen: "${listen}", ports: ${ports} }
store: ./crowd.db
clusters:
  hall:
    run: exec perl ${kit}/listener.pl
    count: { sockets: true }
    capacity: 600
    instances: 20
    hold: 5m
  rooms:
    run: exec perl ${kit}/listener.pl
    count: { sockets: true }
    capacity: 600
    seats: 4
    instances: 20
    hold: 5m
`;

let fleet, agent;
before(async () => {
  fleet = await start_stack({ yaml });
  agent = new Agent({ keepAlive: true, maxSockets: 200 });
  await fleet.serving('hall', 20, 120_000);
  await fleet.serving('rooms', 20, 120_000);
});
after(async () => {
  agent?.destroy();
  await fleet?.stop();
});

// One request as it is, headers included: {status, headers, body}.
function ask(method, path, { body, headers = {}, over = agent } = {}) {
  return new Promise((done, failed) => {
    const asked = request(
      `${fleet.api}${path}`,
      {
        method,
        agent: over,
        headers: { ...headers, ...(body && { 'content-length': Buffer.byteLength(body) }) },
      },
      (answer) => {
        let text = '';
        answer.on('data', (data) => (text += data));
        answer.on('end', () =>
          done({
            status: answer.statusCode,
            headers: answer.headers,
            body: text && JSON.parse(text),
          }),
        );
      },
    );
    asked.on('error', failed);
    asked.end(body);
  });
}
const places = '/v1/stacks/crowd/clusters/hall/placements';
const bearer = () => ({ authorization: `Bearer ${fleet.token}` });

// Every refusal has one form, and is never kept by a cache.
function assert_problem(answer, status, words, shown) {
  assert.equal(answer.status, status, `${shown}: ${JSON.stringify(answer.body)}`);
  assert.match(answer.headers['content-type'], /^application\/problem\+json/, shown);
  assert.match(answer.headers['cache-control'], /no-store/, shown);
  assert.equal(answer.body.status, status, shown);
  assert.ok(answer.body.title.length > 0, shown);
  assert.match(answer.body.detail, words, shown);
}

test('what is wrong is refused with its place, as problem+json', async () => {
  const foreign = { origin: 'https://evil.example' };
  for (const [method, path, options, status, words] of [
    ['GET', '/v1/stacks/crod', {}, 404, /did you mean `crowd`/],
    [
      'POST',
      '/v1/stacks/crowd/clusters/hal/placements',
      { body: '{}' },
      404,
      /did you mean `hall`/,
    ],
    ['GET', '/v2/nothing', {}, 404, /\/v2\/nothing/],
    ['POST', '/v1/stacks/crowd/instances/hall-99/drain', { headers: bearer() }, 404, /hall-99/],
    ['POST', places, { body: '{"seats": 1,}' }, 400, /line 1, column|byte 1[0-9]/],
    ['POST', places, { body: '{"seats": "two"}' }, 400, /seats/],
    ['POST', places, { body: '{"seats": 0}' }, 400, /seats/],
    ['POST', places, { body: '{"seets": 1}' }, 400, /seats/],
    ['POST', places, { body: '[]' }, 400, /object/],
    [
      'POST',
      '/v1/stacks/crowd/clusters/hall/scale',
      { body: '{"instances": }', headers: bearer() },
      400,
      /line 1, column/,
    ],
    ['POST', places, { body: `{"key": "${'k'.repeat(2 << 20)}"}` }, 413, /./],
    ['PUT', places, { body: '{}' }, 405, /POST/],
    ['GET', '/v1/stacks/crowd/clusters/hall/scale', { headers: bearer() }, 405, /POST/],
    [
      'POST',
      '/v1/stacks/crowd/clusters/hall/scale',
      { body: '{"instances": 1}' },
      401,
      /admin token/,
    ],
    ['POST', '/v1/stacks/crowd/down', {}, 401, /admin token/],
    ['POST', '/v1/stacks/crowd/down', { headers: { authorization: 'Bearer guess' } }, 401, /token/],
    ['GET', '/v1/stacks/crowd', { headers: foreign }, 401, /token/],
    ['POST', '/v1/stacks/crowd/down', { headers: { ...bearer(), ...foreign } }, 403, /other sites/],
    ['GET', '/v1/stacks/crowd', { headers: { host: 'evil.example' } }, 421, /evil\.example/],
    ['POST', places, { body: '{}', headers: { host: 'evil.example' } }, 421, /evil\.example/],
  ]) {
    const shown = `${method} ${path.slice(0, 60)} ${options.body?.slice(0, 30) ?? ''}`;
    // A connection of its own where the refusal may end it.
    const over = status === 413 ? new Agent() : agent;
    const answer = await ask(method, path, { ...options, over });
    assert_problem(answer, status, words, shown);
    if (status === 405) assert.match(answer.headers.allow, /POST/);
    if (status === 401) assert.match(answer.headers['www-authenticate'], /^Bearer/);
  }
  assert.equal((await fleet.cluster('hall')).serving, 20, 'nothing of it did anything');
});

test('pages may ask for places, from any site, and see what they need', async () => {
  const origin = 'https://show.example';
  const before = await ask('OPTIONS', places, {
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    },
  });
  assert.equal(before.status, 204);
  assert.match(before.headers['access-control-allow-origin'], /^(\*|https:\/\/show\.example)$/);
  assert.match(before.headers['access-control-allow-methods'], /POST/);
  assert.match(before.headers['access-control-allow-headers'], /content-type/i);
  const placed = await ask('POST', places, { body: '{"seats": 1}', headers: { origin } });
  assert.equal(placed.status, 200, JSON.stringify(placed.body));
  assert.match(placed.headers['cache-control'], /no-store/);
  assert.ok(placed.headers['access-control-allow-origin']);
  assert.match(placed.headers['access-control-expose-headers'], /retry-after/i);
  for (const name of ['id', 'instance', 'url', 'ticket', 'expires'])
    assert.ok(placed.body[name], name);
  const endpoint = await ask('GET', '/v1/stacks/crowd/clusters/hall/endpoint');
  assert.equal(endpoint.headers['x-utakata-url'], endpoint.body.url);
  assert.match(endpoint.headers['cache-control'], /no-store/);
  for (const { body } of [placed, endpoint])
    assert.equal((await ask('DELETE', `${places}/${body.id}`)).status, 204);
  // A page is a stranger: one seat a call.
  assert_problem(
    await ask('POST', places, { body: '{"seats": 2}', headers: { origin } }),
    401,
    /one seat|for one/,
  );
});

test('who sends slowly is cut, who sends nonsense is told so, and others do not wait', async () => {
  const say = (first, then, every) =>
    new Promise((done) => {
      const began = monotonic_ms();
      let heard = '';
      const socket = createConnection(Number(new URL(fleet.api).port), '127.0.0.1', () =>
        socket.write(first),
      );
      const drip = then && setInterval(() => socket.write(then), every);
      socket.on('data', (data) => (heard += data));
      socket.on('error', () => {});
      socket.on('close', () => {
        clearInterval(drip);
        done({ heard, took_ms: monotonic_ms() - began });
      });
    });
  const slow = Array.from({ length: 20 }, () =>
    say('GET / HTTP/1.1\r\nHost: localhost\r\nX: ', 'a', 500),
  );
  const nonsense = await say('\x16\x03\x01 this is not HTTP\r\n\r\n');
  assert.match(nonsense.heard, /^HTTP\/1\.1 400 /);
  const long = await say(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(64 << 10)}\r\n\r\n`);
  assert.match(long.heard, /^HTTP\/1\.1 4(31|13|00) /);
  const began = monotonic_ms();
  const quick = await ask('GET', '/healthz');
  assert.equal(quick.status, 200);
  assert.ok(monotonic_ms() - began < 2000, 'nobody waits for the slow');
  for (const one of await Promise.all(slow))
    assert.ok(
      one.took_ms > 5000 && one.took_ms < 30_000,
      `cut after ${one.took_ms} ms, 10 s are the limit`,
    );
});

// Runs `work(i)` for i below count, over 200 connections at once.
async function all_at_once(count, work) {
  let next = 0;
  const one_after_another = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: 200 }, one_after_another));
}
const aged = (cluster) =>
  wait_for(async () => (await fleet.instances(cluster)).every((one) => one.age_ms > 15_000), {
    within: 60_000,
    every: 200,
    what: 'the ramp of fresh instances to be over',
  });

test('10,000 placements at once: within 1 of even, none lost, none above capacity', async () => {
  await aged('hall');
  const on = new Map();
  const ids = new Set();
  await all_at_once(10_000, async () => {
    const { status, body } = await ask('POST', places, { body: '{"seats":1}' });
    assert.equal(status, 200, JSON.stringify(body));
    ids.add(body.id);
    on.set(body.instance, (on.get(body.instance) ?? 0) + 1);
  });
  assert.equal(ids.size, 10_000, 'each has its own');
  const counts = [...on.values()];
  assert.equal(counts.length, 20);
  assert.equal(
    counts.reduce((a, b) => a + b),
    10_000,
  );
  assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, counts.join(' '));
  const held = async () => (await fleet.cluster('hall')).seats_held;
  await wait_for(async () => (await held()) === 10_000, { what: '10,000 seats to be held' });

  // 2,000 more fit; of 3,000 that ask, exactly so many are let in, the others told to come back.
  let granted = 0;
  await all_at_once(3000, async () => {
    const { status, headers, body } = await ask('POST', places, { body: '{"seats":1}' });
    if (status === 200) {
      granted++;
      on.set(body.instance, on.get(body.instance) + 1);
    } else {
      assert.equal(status, 503, JSON.stringify(body));
      assert.ok(Number(headers['retry-after']) > 0);
      assert.ok(body.line, 'a place in line');
    }
  });
  assert.equal(granted, 2000);
  for (const [instance, count] of on) assert.equal(count, 600, instance);

  // What is given back is there again, and exactly that.
  await all_at_once(1000, async (i) => {
    assert.equal((await ask('DELETE', `${places}/${[...ids][i]}`)).status, 204);
  });
  await wait_for(async () => (await held()) === 11_000, { what: '11,000 seats to be held' });
});

test('4 callers for each of 2,500 keys at once: one instance each, 10,000 seats', async () => {
  await aged('rooms');
  const rooms = '/v1/stacks/crowd/clusters/rooms/placements';
  const where = new Map();
  // The callers of a key are 2,500 apart and 200 are on their way, and also side by side: both.
  const keys = Array.from({ length: 10_000 }, (_, i) => (i < 5000 ? i >> 1 : (i - 5000) >> 1));
  await all_at_once(10_000, async (i) => {
    const key = `room-${keys[i]}`;
    const { status, body } = await ask('POST', rooms, { body: `{"seats":1,"key":"${key}"}` });
    assert.equal(status, 200, JSON.stringify(body));
    where.set(key, (where.get(key) ?? new Set()).add(body.instance));
  });
  assert.equal(where.size, 2500);
  for (const [key, instances] of where)
    assert.equal(instances.size, 1, `${key}: ${[...instances]}`);
  const held = async () => (await fleet.cluster('rooms')).seats_held;
  await wait_for(async () => (await held()) === 10_000, {
    what: 'exactly 10,000 seats to be held',
  });
  const fifth = await ask('POST', rooms, { body: '{"seats":1,"key":"room-7"}' });
  assert_problem(fifth, 409, /room-7|full|seats/);
  const all = await fleet.instances('rooms');
  for (const one of all) assert.ok(one.seats_held <= 600, `${one.id} holds ${one.seats_held}`);
  assert.equal(
    all.reduce((sum, one) => sum + one.keys, 0),
    2500,
  );
});
