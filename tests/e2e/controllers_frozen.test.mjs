// Owners that stand still for twice their lease and go on, again and again: nothing is recorded by
// them after their time, and what they do late harms nothing. FREEZES=100 in `make soak`.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { cut_line } from './kit/cut_line.mjs';
import { start_etcd, why_not } from './kit/etcd.mjs';
import { owns, start_twins } from './kit/twins.mjs';
import { wait_for } from './kit/wait.mjs';

const freezes = Number(process.env.FREEZES ?? (process.env.SOAK ? 100 : 20));
const lease_ms = 3000,
  frozen_ms = 6000;

const cluster = (name, owner, kit) => `
  ${name}:
    owner: ${owner}
    run: node ${kit}/app-ws.mjs
    url: ws://\${host}:\${port}
    count: { http: /stats, field: connections }
    instances: { min: 1, max: 2 }`;

const stack = (line) => ({ listen, ports, kit }) => `
stack: twins
api: { listen: ${listen}, ports: ${ports} }
store: { etcd: ["${line.url}"], give_back: 1s }
clusters: ${cluster('lobby', 'a', kit)} ${cluster('game', 'b', kit)}
`;

async function start(t) {
  const etcd = await start_etcd();
  const port = new URL(etcd.endpoints[0]).port;
  // Each reaches etcd by a line of its own.
  const lines = [await cut_line(port), await cut_line(port)];
  const { a, b } = await start_twins(t, {
    yaml: stack(lines[0]),
    recorded: () => etcd.activities('twins'),
    file_of_b(a) {
      const file = join(a.folder, 'of_b.yaml');
      writeFileSync(file, readFileSync(a.stack_file, 'utf8').replace(lines[0].url, lines[1].url));
      return file;
    },
    last() {
      for (const line of lines) line.close();
      return etcd.stop();
    },
  });
  await owns(a, { lobby: 'a', game: 'b' });
  await Promise.all([a.serving('lobby', 1), a.serving('game', 1)]);
  return { etcd, lines, a, b };
}

const stands_still = (pid) =>
  readdirSync(`/proc/${pid}/task`).every((thread) =>
    / T /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1')),
  );

// `frozen` owns `name`, and dies for a while; so does the cluster's only instance.
async function freeze_once({ etcd, a, lines }, [name, frozen, other]) {
  const line = lines[frozen === a ? 0 : 1];
  const before = (await other.activities()).at(-1).number;
  const [victim] = await other.instances(name);
  const thawed = new Promise((resolve) => {
    frozen.freeze();
    setTimeout(() => resolve(frozen.thaw()), frozen_ms);
  });
  // etcd's number of the moment when its deadline is over at the latest: it asked before it stood.
  const deadline = new Promise((resolve) => {
    setTimeout(() => resolve(etcd.revision()), lease_ms);
  });
  line.hears_nothing_of(['POST /v3/watch', 'POST /v3/lease/keepalive']);
  // Its owner will hear of it when it goes on: not while it is about to stand still.
  await wait_for(() => stands_still(frozen.pid), { what: 'it to stand still' });
  process.kill(victim.pid, 'SIGKILL');
  const owner = other === a ? 'a' : 'b';
  await owns(other, { lobby: owner, game: owner });
  const taken = await etcd.owner('twins', name);
  assert.equal(taken.controller, owner);
  await wait_for(
    async () => {
      const all = await other.instances(name);
      return all.length === 1 && all[0].id !== victim.id && all[0].lifecycle === 'serving';
    },
    { within: 10_000, what: `a substitute for ${victim.id}` },
  );
  // When it goes on the death is before it, and what it was asked to do meanwhile; that it has lost its
  // cluster it hears from etcd a little later.
  const order = () =>
    frozen.call('POST', `${frozen.path}/clusters/${name}/scale`, { instances: 1 });
  const orders = Promise.all(Array.from({ length: 8 }, order));
  await thawed;
  setTimeout(() => line.hears(), 300);
  for (const { status, body } of await orders)
    assert.ok(status === 200 || status === 409, `carried out by its owner, or refused: ${JSON.stringify(body)}`);
  for (const one of [other, frozen])
    await owns(one, { lobby: 'a', game: 'b' }); // given back, so that it acts again
  await Promise.all([a.serving('lobby', 1), a.serving('game', 1)]);
  await nothing_late(etcd, frozen.controller_name, {
    name,
    after: Math.min(await deadline, taken.revision), // the other one took it later than its deadline
  });
  const since = await other.activities({ cluster: name, after: before });
  const launches = since.filter(({ kind, phase }) => kind === 'launch' && phase === 'intent');
  assert.equal(launches.length, 1, `one substitute, by one of them: ${JSON.stringify(since, null, 1)}`);
  await a.watcher.caught_up();
  assert.equal(a.watcher.instances().length, 2);
}

// Of whatever kind and phase, of whichever cluster: between its deadline and the moment at which it
// owned its cluster again it has recorded nothing; what is recorded there is the other one's.
async function nothing_late(etcd, frozen, { name, after }) {
  const again = await etcd.owner('twins', name);
  assert.equal(again.controller, frozen);
  const all = await etcd.activities('twins');
  assert.ok(all.every(({ controller }) => controller), 'each says who recorded it');
  const late = all.filter(({ revision }) => revision > after && revision < again.revision);
  assert.deepEqual(late.filter(({ controller }) => controller === frozen), []);
  assert.ok(late.some(({ kind, phase }) => kind === 'launch' && phase === 'intent'), 'the other one acted');
}

describe('owners that stand still', { concurrency: 2, skip: why_not }, () => {
  for (const half of ['first', 'second'])
    test(`${freezes / 2} times, the ${half} half`, async (t) => {
      const both = await start(t);
      const turns = [
        ['lobby', both.a, both.b],
        ['game', both.b, both.a],
      ];
      for (let k = 0; k < freezes / 2; k++) await freeze_once(both, turns[k % 2]);
    });
});
