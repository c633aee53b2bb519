// What is known beforehand, and clients who are sent elsewhere: functions, shows, paced drains, the
// disconnect budget, the weekly show.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Crowd } from './kit/clients.mjs';
import { start_stack, utakata_program } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

const yaml_of =
  (cluster, more = '') =>
  ({ listen, ports, kit }) => `
stack: ahead
api: { listen: "${listen}", ports: ${ports} }
store: ./ahead.db
clusters:
  app:
    run: exec node ${kit}/app-ws.mjs
    url: "ws://\${host}:\${port}"
    ready: { http: /healthz, within: 100s }
    count: { http: /stats, field: connections, accepted: accepted }
    capacity: 20
${cluster}
${more}`;

test('the number that a program sends is followed while it is fresh', async (t) => {
  const fleet = await start_stack({
    yaml: yaml_of(`    instances: { min: 1, max: 4 }
    scale: [ { function: forecast, stale: 5s } ]
    settle: 1s`),
  });
  t.after(() => fleet.stop());
  await fleet.serving('app', 1, 100_000);
  const path = `${fleet.path}/clusters/app/functions`;
  const wrong = await fleet.call('POST', `${path}/forcast`, { want: 3 });
  assert.equal(wrong.status, 404);
  assert.match(JSON.stringify(wrong.body), /did you mean `forecast`/);
  for (const body of [{}, { want: -1 }, { want: 'many' }])
    assert.equal((await fleet.call('POST', `${path}/forecast`, body)).status, 400);
  await fleet.wants_ok('POST', `${path}/forecast`, { want: 2.5, because: 'tickets sold' });
  await fleet.serving('app', 3, 100_000);
  const said = await fleet.command('explain', 'app');
  assert.match(said.stdout, /forecast said 2.5 \d+s ago/);
});

test('a show on air is ready, and frozen unless an operator overrides it', async (t) => {
  const now = new Date(Date.now() - 60_000).toISOString().slice(11, 16);
  const fleet = await start_stack({
    yaml: yaml_of(
      '    instances: { min: 1, max: 4 }',
      `shows: { final: { at: "${now}", for: 1h, freeze: true, clusters: { app: { connections: 50 } } } }`,
    ),
  });
  t.after(() => fleet.stop());
  await fleet.serving('app', 3, 100_000);
  const explained = await fleet.command('explain', 'app');
  assert.match(explained.stdout, /show final, on air: go: 3 of 3 serve; on air until/);
  assert.match(explained.stdout, /frozen: show final is on air until/);
  writeFileSync(fleet.stack_file, readFileSync(fleet.stack_file, 'utf8').replace('max: 4', 'max: 5'));
  const refused = await fleet.command('up', fleet.stack_file);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /on air until .* nothing is changed meanwhile.*--override-freeze/);
  const done = await fleet.command('up', fleet.stack_file, '--override-freeze');
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /instances.max 4 -> 5/);
  const [applied] = await fleet.activities({ kind: 'apply' });
  assert.match(applied.because, /by override although show final is on air/);
});

test('a drain sends clients elsewhere at its pace, within the disconnect budget', async (t) => {
  const fleet = await start_stack({
    yaml: yaml_of(`    instances: { min: 4, max: 8 }
    drain: { tell: POST /drain, pace: 10/s, budget: 10% }`),
  });
  t.after(() => fleet.stop());
  await fleet.serving('app', 4, 100_000);
  const crowd = new Crowd(fleet, 'app');
  t.after(() => crowd.end());
  await crowd.add(20);
  const [first, second, third] = Object.keys(crowd.by_instance()).sort();
  const on_first = crowd.on(first).length;
  const drained = await fleet.command('drain', first);
  assert.equal(drained.code, 0, drained.stderr);
  await wait_for(() => crowd.cuts.length === on_first, { within: 20_000, what: 'all to be sent' });
  assert.ok(
    crowd.cuts.every((one) => one.instance === first && one.closed.code === 1012),
    'and nobody elsewhere',
  );
  const [closing] = await fleet.activities({ kind: 'close' });
  assert.equal(closing.instance, first);
  assert.match(closing.because, /it drains: \d+ clients? go elsewhere, 10 a second/);
  // Nobody of them asks for another place: they are lost, and more than a tenth of all.
  await wait_for(
    async () => {
      const explained = JSON.parse((await fleet.command('explain', 'app', '--json')).stdout);
      return explained.disconnect_budget.lost > 0;
    },
    { within: 30_000, what: 'the budget to notice' },
  );
  assert.equal((await fleet.command('drain', second)).code, 0);
  await wait_for(async () => /disconnect budget: /.test((await fleet.cluster('app')).held_back), {
    within: 20_000,
    what: 'the budget to hold it back',
  });
  assert.equal(crowd.cuts.length, on_first, 'nobody else was asked to go');
  const on_third = crowd.on(third).length;
  const overridden = await fleet.command('drain', third, '--override-budget');
  assert.equal(overridden.code, 0, overridden.stderr);
  await wait_for(() => crowd.cuts.length === on_first + on_third, {
    within: 20_000,
    what: 'those of the third to be sent',
  });
  const closings = await fleet.activities({ kind: 'close' });
  assert.match(closings.at(-1).because, /by an operator, whatever the disconnect budget says/);
});

test('the weekly show: who knows it beforehand refuses nobody and pays less', () => {
  const file = fileURLToPath(new URL('../../examples/weekly-show/compare.mjs', import.meta.url));
  const done = spawnSync(process.execPath, [file], {
    encoding: 'utf8',
    timeout: 300_000,
    env: { ...process.env, UTAKATA: utakata_program() },
  });
  assert.equal(done.status, 0, done.stdout + done.stderr);
  assert.match(done.stdout, /^show +0 +0 /m);
});
