// `verify`: nobody serves before the command has succeeded.
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { start_stack } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

const within = 30_000;

const yaml =
  (verify) =>
  ({ listen, ports, kit }) => `
stack: show
api: { listen: ${listen}, ports: ${ports} }
clusters:
  game:
    run: exec node ${kit}/app-ws.mjs
    ready: { http: /healthz }
    verify: ${verify}
    count: { http: /stats, field: connections, accepted: accepted }
    capacity: 10
    instances: { min: 1, max: 2 }
    scale: []
`;

const stops = async (fleet) =>
  (await fleet.activities({ kind: 'stop' })).filter(({ because }) =>
    because.startsWith('`verify` failed'),
  );

test('who fails it never serves, is stopped with its last line, and the next one is tried more slowly', async (t) => {
  const fleet = await start_stack({
    yaml: yaml(
      "'curl -fsS -o /dev/null http://${host}:${port}/healthz && { test -e fit || { echo the cache of ${instance} is cold; exit 3; }; }'",
    ),
  });
  t.after(() => fleet.stop());
  const failed = await wait_for(
    async () => {
      const all = await stops(fleet);
      return all.length >= 3 && all;
    },
    { what: 'three failures', within },
  );
  for (const { because, instance } of failed)
    assert.match(because, new RegExp(`exit code 3; it said: the cache of ${instance} is cold$`));
  assert.equal((await fleet.activities({ kind: 'ready' })).length, 0);
  assert.equal((await fleet.place('game')).status, 503);
  await wait_for(
    async () => /failures in a row, the last: `verify` failed/.test(JSON.stringify(await fleet.explain('game'))),
    { what: 'the back-off to be explained', within },
  );

  writeFileSync(join(fleet.folder, 'fit'), '');
  const [one] = await fleet.serving('game', 1);
  assert.ok(failed.every(({ instance }) => instance !== one.id));
  await wait_for(async () => (await fleet.place('game')).body.instance === one.id, {
    what: 'a place on the one that has passed',
  });

  // Who serves is not asked again.
  rmSync(join(fleet.folder, 'fit'));
  await fleet.restart();
  assert.equal((await fleet.serving('game', 1))[0].id, one.id);
});

test('it is asked of each instance with its own url, and one that does not end is given up', async (t) => {
  const fleet = await start_stack({
    yaml: yaml(
      '{ command: "echo \'${url}\' >> asked; test -e fit || sleep 1000", within: 1s }',
    ),
  });
  t.after(() => fleet.stop());
  await wait_for(
    async () => (await stops(fleet)).some(({ because }) => because.endsWith('did not end within 1s')),
    { what: 'the first to be given up', within },
  );
  writeFileSync(join(fleet.folder, 'fit'), '');
  const [one] = await fleet.serving('game', 1);
  assert.ok(readFileSync(join(fleet.folder, 'asked'), 'utf8').split('\n').includes(one.url));
});
