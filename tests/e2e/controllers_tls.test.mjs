// Several controllers that speak TLS to one another, with an authority of their own: what is asked
// of the wrong one, and what the next owner knows of seats and rooms.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { make_authority, make_certificate } from './kit/certificates.mjs';
import { Crowd } from './kit/clients.mjs';
import { start_etcd, why_not } from './kit/etcd.mjs';
import { start_stack } from './kit/stack.mjs';
import { owns, start_twins } from './kit/twins.mjs';
import { monotonic_ms, wait_for } from './kit/wait.mjs';

// Of this test's own requests, which fetch() makes; whom controllers trust is theirs to say.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

let folder;

const stack = (etcd, { ca = 'ca', who = 'us' }) => ({ listen, ports, kit }) => `
stack: twins
api:
  listen: ${listen}
  ports: ${ports}
  certificate: ${folder}/${who}.pem
  key: ${folder}/${who}.key
  ${ca && `ca: ${folder}/${ca}.pem`}
store: { etcd: [${etcd.endpoints.map((one) => `"${one}"`).join(', ')}], give_back: 4s }
clusters:
${['lobby', 'game']
  .map(
    (name, k) => `
  ${name}:
    owner: ${'ab'[k]}
    run: exec node ${kit}/app-ws.mjs
    url: ws://\${host}:\${port}
    count: { http: /stats, field: connections, accepted: accepted }
    capacity: 2000
    seats: 5
    instances: 2
    scale: []
`,
  )
  .join('')}`;

async function start(t, trust = {}) {
  const etcd = await start_etcd(1);
  const { a, b } = await start_twins(t, {
    yaml: stack(etcd, trust),
    recorded: () => etcd.activities('twins'),
    // Who does not trust the other cannot take it down: each is ended by itself.
    async first({ a, b }) {
      if (!trust.is_apart || !b) return;
      await b.kill9();
      await owns(a, { lobby: 'a', game: 'a' });
    },
    last: () => etcd.stop(),
  });
  for (const one of [a, b]) assert.match(one.api, /^https:/);
  await owns(a, { lobby: 'a', game: 'b' });
  await Promise.all([a.serving('lobby', 2), b.serving('game', 2)]);
  return { a, b };
}

describe('controllers over TLS', { concurrency: 2, skip: why_not }, () => {
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'utakata-controllers-tls-'));
    for (const name of ['ca', 'another']) make_authority(folder, name);
    make_certificate(folder, 'us');
    writeFileSync(join(folder, 'none.pem'), 'no certificate\n');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('what is asked of the wrong one is answered, and its next owner knows all seats and rooms', async (t) => {
    const { a, b } = await start(t);
    const crowd = new Crowd(b, 'game');
    t.after(() => crowd.end());
    await crowd.add(5);
    const rooms = {};
    for (let k = 0; k < 10; k++) {
      const placed = await a.place('game', { key: `room ${k}` });
      assert.equal(placed.status, 200, JSON.stringify(placed.body));
      assert.match(placed.body.instance, /^game-/);
      rooms[`room ${k}`] = placed.body.instance;
      assert.equal((await b.place('lobby')).status, 200);
    }
    // Many at once are answered, too: they go in batches.
    const many = await Promise.all(Array.from({ length: 300 }, () => a.place('game')));
    assert.deepEqual(
      many.filter(({ status }) => status !== 200),
      [],
    );
    assert.equal(new Set(many.map(({ body }) => body.id)).size, 300);
    await b.scale('lobby', 2); // an operator's word goes to its owner
    for (const one of [a, b]) {
      const { others } = await one.status();
      assert.deepEqual(others.map(({ problem }) => problem), ['']);
    }

    const held = (controller) =>
      wait_for(
        async () => {
          assert.equal((await controller.cluster('game')).seats_held, 10 * 5 + 300);
          return true;
        },
        { what: 'the seats of ten rooms and of 300 to be held, and those of who came not' },
      );
    await held(b);
    const killed = monotonic_ms();
    await b.kill9();
    await owns(a, { lobby: 'a', game: 'a' });
    t.diagnostic(`taken over after ${(monotonic_ms() - killed).toFixed(0)} ms`);
    await held(a);
    for (const [key, instance] of Object.entries(rooms))
      assert.equal((await a.place('game', { key })).body.instance, instance, key);
    assert.deepEqual(crowd.cuts, []);
    await b.up();
    await owns(a, { lobby: 'a', game: 'b' });
    assert.equal((await a.place('game', { key: 'room 0' })).body.instance, rooms['room 0']);
  });

  for (const [what, ca] of [
    ['signed by somebody else', 'another'],
    ['of an authority that only they know, and `ca` does not say so', ''],
  ])
    test(`a certificate ${what}: nothing is told or sent, which is said`, async (t) => {
      const { a } = await start(t, { ca, is_apart: true });
      const [other] = (await a.status()).others;
      assert.match(other.problem, /certificate/i);
      const { stdout } = await a.command('ps', '--stack', 'twins');
      assert.match(stdout, /The controller b at https:\S+ does not answer: .*certificate/i);
      const { status, body } = await a.place('game', {}, { timeout: 20_000 });
      assert.equal(status, 503);
      assert.match(body.detail, /The owner of game did not answer.*tls: .*certificate/);
      assert.equal((await a.place('lobby')).status, 200, 'what is its own it answers');
    });

  test('a `ca` that is not there or none is said, by `check` and by `up`', async (t) => {
    const etcd = await start_etcd(1);
    t.after(() => etcd.stop());
    for (const [ca, words] of [
      ['nowhere', /nowhere\.pem/],
      ['none', /`ca` of `api`: tls: the certificates .*none\.pem cannot be used/],
    ]) {
      await assert.rejects(start_stack({ yaml: stack(etcd, { ca }), name: 'a' }), words);
    }
  });
});
