// Sockets survive what the controller does, and what is done to the controller. Judged by the
// clients and the watcher of processes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Asker, chat } from './kit/chat.mjs';
import { Crowd } from './kit/clients.mjs';
import { start_stack } from './kit/stack.mjs';
import { monotonic_ms, wait_for } from './kit/wait.mjs';

const kit = fileURLToPath(new URL('kit/', import.meta.url));
const slow = { within: 60_000 };

// A fleet with a crowd, both gone after the test, and the proof that nothing is left.
async function start(t, keys, serving) {
  const fleet = await start_stack({ yaml: chat(keys) });
  const crowd = new Crowd(fleet, 'chat');
  t.after(async () => {
    crowd.end();
    await fleet.stop();
  });
  await fleet.serving('chat', serving, 60_000);
  return { fleet, crowd };
}

const alive = async (fleet) => {
  await fleet.watcher.caught_up();
  return fleet.watcher.instances('chat');
};
// That something holds all the time for so long.
async function stays(ms, check) {
  const until = monotonic_ms() + ms;
  while (monotonic_ms() < until) {
    await check();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('survival', { concurrency: 3 }, () => {
  test('a scale-in cuts nobody: an instance goes when its own clients have left', async (t) => {
    const keys = { app: 'app-ws.mjs', capacity: 10, instances: '{ min: 1, max: 6 }' };
    const { fleet, crowd } = await start(t, { ...keys, scale: '[ { headroom: 30% } ]' }, 1);
    await crowd.add(30, { at_once: 10 });
    const were = (await fleet.serving('chat', 4, 60_000)).map((one) => one.id);
    const begun = Object.entries(crowd.by_instance()).filter(([id]) => were.includes(id));
    // Two stay on each that has any; the want falls to one.
    for (const [id, there] of begun) await crowd.leave({ instance: id, count: there - 2 });
    assert.ok(begun.length >= 3, `clients on ${begun.length} instances`);
    const left_for_good = await wait_for(
      async () => {
        const all = await fleet.instances('chat');
        const draining = all.filter((one) => one.lifecycle === 'draining').map((one) => one.id);
        return draining.length === begun.length - 1 && all.length === begun.length && draining;
      },
      { ...slow, what: 'all but one to drain, and those without clients to be gone' },
    );
    await stays(5000, async () => {
      assert.deepEqual(crowd.cuts, []);
      const there = await alive(fleet);
      for (const [id] of begun) assert.ok(there.includes(id), `${id} has clients and is gone`);
    });
    for (const client of crowd.open) assert.equal(await client.echo('foam'), 'foam');
    // Who comes now is sent to the one that serves.
    await crowd.add(2);
    for (const client of crowd.open.slice(-2))
      assert.ok(!left_for_good.includes(client.instance), `${client.instance} drains`);

    const [first, ...others] = left_for_good;
    await crowd.leave({ instance: first });
    const last_left = crowd.clients.findLast((one) => one.instance === first).closed.at_ms;
    await wait_for(async () => !(await alive(fleet)).includes(first), slow);
    assert.ok(fleet.watcher.died(first) > last_left);
    for (const id of others) assert.ok(fleet.watcher.instances('chat').includes(id), id);
    await crowd.leave();
    await wait_for(async () => (await alive(fleet)).length === 1, slow);
    assert.deepEqual(crowd.cuts, []);
  });

  test('kill -9 of the controller, twice: nobody is cut, nothing launched twice', async (t) => {
    const run = `echo $UTAKATA_INSTANCE >> ran; exec node ${kit}app-ws.mjs`;
    const keys = { run, env: { BOOT_MS: 300 }, instances: '{ min: 2, max: 8 }' };
    const { fleet, crowd } = await start(t, { ...keys, scale: '[]' }, 2);
    await crowd.add(20);
    const clients_of = crowd.by_instance();
    await fleet.watcher.caught_up();
    const first = new Set(fleet.watcher.living.keys());
    await fleet.kill9();
    await fleet.up();
    await fleet.serving('chat', 2);
    for (const client of crowd.open) assert.equal(await client.echo('foam'), 'foam');
    await fleet.watcher.caught_up();
    assert.deepEqual(new Set(fleet.watcher.living.keys()), first);

    // In the middle of a scale-out.
    await fleet.scale('chat', 6);
    await wait_for(() => fleet.watcher.living.size > 2, { ...slow, every: 1 });
    await fleet.kill9();
    await fleet.up();
    const serving = await fleet.serving('chat', 6, 60_000);
    assert.deepEqual(await alive(fleet), serving.map((one) => one.id).sort());
    for (const one of serving)
      assert.deepEqual(fleet.watcher.pids(one.id), [one.pid], `${one.id} is one process`);
    // Each wrote down that it ran: once, and none that does not live. (Who waited at the gate, its
    // launch not recorded yet, has run nothing and ended by itself.)
    const ran = readFileSync(join(fleet.folder, 'ran'), 'utf8').trim().split('\n').sort();
    assert.deepEqual(ran, serving.map((one) => one.id).sort());
    for (const pid of first) assert.ok(fleet.watcher.living.has(pid), `${pid} was lost`);
    assert.deepEqual(crowd.cuts, []);
    assert.deepEqual(crowd.by_instance(), clients_of);
  });

  test('what drains for scale-in comes back before anything is launched', async (t) => {
    const keys = { app: 'app-ws.mjs', capacity: 20, instances: '{ min: 1, max: 4 }', scale: '[]' };
    const { fleet, crowd } = await start(t, keys, 1);
    await fleet.scale('chat', 3);
    await fleet.serving('chat', 3, 60_000);
    await crowd.add(12);
    await wait_for(async () => (await fleet.cluster('chat')).connections === 12, slow);
    await fleet.scale('chat', 1);
    await fleet.serving('chat', 1, 60_000);
    await fleet.scale('chat', 3);
    await fleet.serving('chat', 3, 60_000);
    await fleet.watcher.caught_up();
    assert.equal(fleet.watcher.ever('chat').length, 3);
    assert.deepEqual(crowd.cuts, []);
  });

  test('frozen for longer than clients wait: stopped, the record says whom it cut', async (t) => {
    const keys = { app: 'app-ws.mjs', capacity: 20, heal: '{ clients_wait: 8s }' };
    const { fleet, crowd } = await start(t, keys, 2);
    await crowd.add(8);
    const lost = crowd.on('chat-1').length;
    await wait_for(async () => (await fleet.instance('chat-1')).connections === lost, slow);
    const frozen_ms = monotonic_ms();
    process.kill(fleet.watcher.pids('chat-1')[0], 'SIGSTOP');
    await wait_for(() => crowd.cuts.length > 0, slow);
    assert.ok(monotonic_ms() - frozen_ms > 8000, 'not before clients themselves give up');
    await wait_for(() => fleet.watcher.died('chat-1') && crowd.cuts.length === lost, slow);
    const [stop] = await fleet.activities({ instance: 'chat-1', kind: 'stop' });
    assert.match(stop.because, /^silent for /);
    assert.equal(stop.cut, lost);
    assert.ok(crowd.cuts.every((one) => one.instance === 'chat-1'));
    await fleet.serving('chat', 2, 60_000);
  });

  test('plain clients that ask again and again do not keep others out of free seats', async (t) => {
    const keys = { app: 'app-ws.mjs', capacity: 5, instances: '{ min: 1, max: 2 }', scale: '[]' };
    const { fleet, crowd } = await start(t, keys, 1);
    await crowd.add(5);
    const asker = new Asker(fleet, { every: 10, keeps_line: false });
    try {
      await wait_for(() => asker.answers.filter((one) => one.status === 503).length > 50, slow);
      await fleet.scale('chat', 2);
      await asker.sent_to('chat-2');
      await crowd.add(3);
    } finally {
      await asker.end();
    }
    assert.deepEqual(crowd.cuts, []);
    assert.deepEqual(crowd.by_instance(), { 'chat-1': 5, 'chat-2': 3 });
  });
});
