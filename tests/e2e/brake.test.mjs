// The brake: when all seem sick at once it is more likely our view of them than their health.
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Crowd } from './kit/clients.mjs';
import { start_stack } from './kit/stack.mjs';
import { monotonic_ms, wait_for } from './kit/wait.mjs';

const yaml = ({ listen, ports, kit, folder }) => `
stack: brake
api: { listen: "${listen}", ports: ${ports} }
store: ./brake.db
clusters:
  app:
    run: exec node ${kit}/odd.mjs
    env: { ODD_FILE: "${folder}/odd" }
    url: "ws://\${host}:\${port}"
    ready: { http: /healthz, within: 60s }
    count: { http: /stats, field: connections, accepted: accepted }
    capacity: 50
    instances: { min: 5, max: 8 }
    heal: { misses: 3, clients_wait: 5s, brake: 30% }
`;

const broken_for_ms = process.env.SOAK ? 75_000 : 20_000;

test('the probe endpoint of all breaks: none is killed, placement goes on', async (t) => {
  const fleet = await start_stack({ yaml });
  t.after(() => fleet.stop());
  const before = (await fleet.serving('app', 5, 120_000)).map((one) => one.id).sort();
  const crowd = new Crowd(fleet, 'app');
  t.after(() => crowd.end());
  await crowd.add(30);

  const odd = join(fleet.folder, 'odd');
  writeFileSync(odd, 'stats-500');
  const broken_ms = monotonic_ms();
  await wait_for(async () => (await fleet.cluster('app')).braked, {
    within: 30_000,
    what: 'the brake',
  });
  const alarms = await fleet.activities({ kind: 'brake' });
  assert.equal(alarms.length, 1, 'the alarm is recorded, once');
  assert.match(alarms[0].because, /5 of 5 suspected/);
  // Far longer than clients wait. (In `make soak` longer than the 60 s in which suspicions are
  // counted, too: the brake must not let go of a fleet that is as unseen as before.) Clients go on
  // coming meanwhile.
  while (monotonic_ms() - broken_ms < broken_for_ms) {
    await crowd.add(1, { within: 20_000 });
    await sleep(2000); // time itself is what is tried here
    await fleet.watcher.caught_up();
    for (const id of before)
      assert.equal(fleet.watcher.died(id), null, `${id} was killed, though it serves`);
  }
  assert.equal(crowd.cuts.length, 0);
  assert.equal(fleet.watcher.ever('app').length <= 10, true, 'no more than total_max were started');

  rmSync(odd);
  await wait_for(
    async () => (await fleet.instances('app')).every((one) => one.misses === 0 && !one.suspect),
    { within: 30_000, what: 'all to be trusted again' },
  );
  assert.equal(crowd.cuts.length, 0, 'nobody was cut');
  for (const id of before) assert.equal(fleet.watcher.died(id), null);
});

test('deaths are facts, brake or not: 3 of 3 killed at once are healed at once', async (t) => {
  const fleet = await start_stack({
    yaml: (words) => yaml(words).replace('min: 5, max: 8', 'min: 3, max: 4'),
  });
  t.after(() => fleet.stop());
  const before = await fleet.serving('app', 3, 120_000);
  const crowd = new Crowd(fleet, 'app');
  t.after(() => crowd.end());
  await crowd.add(12);
  for (const one of before) process.kill(one.pid, 'SIGKILL');
  await wait_for(() => before.every((one) => fleet.watcher.died(one.id) !== null), {
    what: 'the killed to be gone',
  });
  await wait_for(
    async () => {
      const now = (await fleet.instances('app')).filter((one) => one.lifecycle === 'serving');
      return now.length === 3 && now.every((one) => !before.some((old) => old.id === one.id));
    },
    { within: 60_000, what: 'three new ones to serve' },
  );
  assert.equal((await fleet.activities({ kind: 'brake' })).length, 0);
  // Those who were on them ask again and are in.
  const again = new Crowd(fleet, 'app');
  t.after(() => again.end());
  await again.add(12, { within: 30_000 });
  assert.equal(again.cuts.length, 0);
  assert.equal(fleet.watcher.ever('app').length, 6, 'one substitute for each, none twice');
});
