// Owners that stand still for twice their lease and go on, again and again: nothing is recorded by
// them after their time, and what they do late harms nothing. FREEZES=100 in `make soak`.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { start_etcd, why_not } from './kit/etcd.mjs';
import { start_stack } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

const freezes = Number(process.env.FREEZES ?? (process.env.SOAK ? 100 : 20));
const frozen_ms = 6000;

const cluster = (name, owner, kit) => `
  ${name}:
    owner: ${owner}
    run: node ${kit}/app-ws.mjs
    url: ws://\${host}:\${port}
    count: { http: /stats, field: connections }
    instances: { min: 1, max: 2 }`;

const stack = (etcd) => ({ listen, ports, kit }) => `
stack: twins
api: { listen: ${listen}, ports: ${ports} }
store: { etcd: ["${etcd.endpoints[0]}"], give_back: 1s }
clusters: ${cluster('lobby', 'a', kit)} ${cluster('game', 'b', kit)}
`;

async function start(t) {
  const etcd = await start_etcd();
  const made = {};
  t.after(async () => {
    try {
      await made.a?.stop(); // and the proof that nothing promised was broken; b ends with it
    } finally {
      if (made.b && made.b.child.exitCode === null && made.b.child.signalCode === null)
        await made.b.kill9();
      await etcd.stop();
    }
  });
  made.a = await start_stack({ yaml: stack(etcd), name: 'a' });
  made.a.recorded = () => etcd.activities('twins');
  made.b = await made.a.beside('b');
  await owns(made.a, { lobby: 'a', game: 'b' });
  await Promise.all([made.a.serving('lobby', 1), made.a.serving('game', 1)]);
  return made;
}

const owns = (asked, expected) =>
  wait_for(
    async () => {
      const now = (await asked.status()).clusters.map(({ name, owner }) => [name, owner]);
      assert.deepEqual(Object.fromEntries(now), expected);
      return true;
    },
    { within: 20_000, every: 50, what: `the owners to be ${JSON.stringify(expected)}` },
  );

const stands_still = (pid) =>
  readdirSync(`/proc/${pid}/task`).every((thread) =>
    / T /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1')),
  );

// `frozen` owns `name`, and dies for a while; so does the cluster's only instance.
async function freeze_once({ a }, [name, frozen, other]) {
  const recorded = () => other.activities({ cluster: name });
  const before = (await recorded()).length;
  const [victim] = await other.instances(name);
  const thawed = new Promise((resolve) => {
    frozen.freeze();
    setTimeout(() => resolve(frozen.thaw()), frozen_ms);
  });
  // Its owner will hear of it when it goes on: not while it is about to stand still.
  await wait_for(() => stands_still(frozen.pid), { what: 'it to stand still' });
  process.kill(victim.pid, 'SIGKILL');
  const owner = other === a ? 'a' : 'b';
  await owns(other, { lobby: owner, game: owner });
  await wait_for(
    async () => {
      const all = await other.instances(name);
      return all.length === 1 && all[0].id !== victim.id && all[0].lifecycle === 'serving';
    },
    { within: 10_000, what: `a substitute for ${victim.id}` },
  );
  await thawed;
  await owns(a, { lobby: 'a', game: 'b' }); // given back, so that it acts again
  await Promise.all([a.serving('lobby', 1), a.serving('game', 1)]);
  const since = (await recorded()).slice(before);
  const launches = since.filter(({ kind, phase }) => kind === 'launch' && phase === 'intent');
  assert.equal(launches.length, 1, `one substitute, by one of them: ${JSON.stringify(since, null, 1)}`);
  await a.watcher.caught_up();
  assert.equal(a.watcher.instances().length, 2);
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
