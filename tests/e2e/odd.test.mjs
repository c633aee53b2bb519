// Applications that crash, are never ready, or do not want to die: how often they are started and
// what is left of them is counted by the watcher of processes.
import assert from 'node:assert/strict';
import { writeFileSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { chat } from './kit/chat.mjs';
import { Crowd } from './kit/clients.mjs';
import { start_stack } from './kit/stack.mjs';
import { monotonic_ms, wait_for } from './kit/wait.mjs';

const slow = { within: 60_000 };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function start(t, keys) {
  const fleet = await start_stack({ yaml: chat(keys) });
  const crowd = new Crowd(fleet, 'chat');
  t.after(async () => {
    crowd.end();
    await fleet.stop();
  });
  return { fleet, crowd };
}

// The first process of each instance, in order: a launch may take more than one.
const births = (fleet) =>
  fleet.watcher.events.filter(
    ({ kind, instance }, at, all) =>
      kind === 'birth' &&
      all.findIndex((one) => one.kind === 'birth' && one.instance === instance) === at,
  );
const births_since = (fleet, since) => births(fleet).filter((one) => one.at_ms > since);
// A back-off: each pause is at least a second from the third birth on, and they grow.
function check_back_off(all) {
  const pauses = all.slice(1).map((one, k) => one.at_ms - all[k].at_ms);
  for (const [k, pause] of pauses.entries())
    assert.ok(k === 0 || pause > Math.min(2 ** (k - 1), 60) * 1000 - 150, `pauses: ${pauses}`);
}
const edit = async (fleet, change) => {
  writeFileSync(fleet.stack_file, change(readFileSync(fleet.stack_file, 'utf8')));
  const { code, stdout, stderr } = await fleet.command('up', fleet.stack_file, '-d');
  assert.equal(code, 0, stdout + stderr);
};
const recorded = (fleet, kind, words) =>
  wait_for(
    async () =>
      (await fleet.activities({ kind })).find((one) => words.test(one.because)),
    { ...slow, what: `the record of a ${kind} because of ${words}` },
  );

describe('odd applications', { concurrency: 4 }, () => {
  test('two crash-looping versions back off while the good one serves', async (t) => {
    const { fleet, crowd } = await start(t, { env: { ODD: '' } });
    const first = (await fleet.serving('chat', 2, 60_000)).map((one) => one.id).sort();
    await crowd.add(10);
    const odd = /\bODD: "[^"]*"/;
    for (const words of ['crash-start', 'crash-later']) {
      const since = monotonic_ms();
      await edit(fleet, (text) => text.replace(odd, `ODD: "${words}"`));
      await wait_for(() => births_since(fleet, since).length >= 4, {
        ...slow,
        what: `four starts of ${words}`,
      });
      check_back_off(births_since(fleet, since));
      assert.deepEqual(crowd.cuts, []);
      for (const id of first) assert.ok(fleet.watcher.instances('chat').includes(id), id);
      const { status, body } = await fleet.place('chat');
      assert.equal(status, 200);
      assert.ok(first.includes(body.instance), `sent to ${body.instance}`);
      await fleet.give_back('chat', body.id);
      await recorded(fleet, 'held_back', /back-off/);
    }
    await edit(fleet, (text) => text.replace(odd, 'ODD: "good"'));
    await wait_for(
      async () => {
        const { status, body } = await fleet.place('chat');
        if (status === 200) await fleet.give_back('chat', body.id);
        return status === 200 && !first.includes(body.instance);
      },
      { ...slow, what: 'the good version to serve' },
    );
    await sleep(2500); // The old ones drain, and have clients.
    for (const id of first) assert.ok(fleet.watcher.instances('chat').includes(id), id);
    for (const client of crowd.open) assert.equal(await client.echo('foam'), 'foam');
    await crowd.leave();
    await wait_for(() => first.every((id) => fleet.watcher.died(id)), {
      ...slow,
      what: 'the old version to be gone',
    });
    assert.deepEqual(crowd.cuts, []);
    await fleet.serving('chat', 2);
  });

  test('never ready: given up with the reason, backing off', async (t) => {
    const { fleet } = await start(t, {
      env: { ODD: 'never-ready' },
      instances: 1,
      ready: '{ http: /healthz, within: 1500ms }',
    });
    await wait_for(() => births(fleet).length >= 4, { ...slow, what: 'four starts' });
    check_back_off(births(fleet));
    await recorded(fleet, 'stop', /not ready within/);
    await recorded(fleet, 'held_back', /back-off .* not ready/);
    assert.equal((await fleet.place('chat')).status, 503);
  });

  test('ignores SIGTERM: killed after its grace, not before', async (t) => {
    const { fleet } = await start(t, {
      env: { ODD: 'ignores-term' },
      drain: '{ grace: 2s }',
      instances: 1,
    });
    await fleet.serving('chat', 1, 60_000);
    const before = monotonic_ms();
    await fleet.stop(); // which proves that nothing is left
    const lived = fleet.watcher.died('chat-1') - before;
    assert.ok(lived > 2000, `it lived ${lived} ms`);
  });

  test('double-forks: its whole tree is gone after down', async (t) => {
    const { fleet } = await start(t, { env: { ODD: 'double-fork' } });
    await fleet.serving('chat', 2, 60_000);
    const trees = await wait_for(
      async () => {
        await fleet.watcher.caught_up();
        const all = fleet.watcher.instances('chat').map((id) => fleet.watcher.pids(id));
        return all.length === 2 && all.every((pids) => pids.length === 2) && all;
      },
      { ...slow, what: 'two processes of each' },
    );
    assert.equal(trees.flat().length, 4);
    await fleet.stop();
  });
});
