// Faults of instances and of the controller: a port taken by a stranger, kill -9, SIGSTOP, stalls.
// Judged by the clients and the watcher of processes.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Asker, chat } from './kit/chat.mjs';
import { Crowd } from './kit/clients.mjs';
import { start_stack } from './kit/stack.mjs';
import { monotonic_ms, wait_for } from './kit/wait.mjs';

const kit = fileURLToPath(new URL('kit/', import.meta.url));
const slow = { within: 60_000 };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const is_soak = process.env.SOAK === '1';

async function start(t, keys, serving = 2) {
  const fleet = await start_stack({ yaml: chat({ heal: '{ clients_wait: 2m }', ...keys }) });
  const crowd = new Crowd(fleet, 'chat');
  const asker = new Asker(fleet);
  t.after(async () => {
    await asker.end();
    crowd.end();
    await fleet.stop();
  });
  if (serving) await fleet.serving('chat', serving, 60_000);
  return { fleet, crowd, asker };
}

// The first process of each instance, in order: a launch may take more than one.
const births = (fleet) =>
  fleet.watcher.events.filter(
    ({ kind, instance }, at, all) =>
      kind === 'birth' &&
      all.findIndex((one) => one.kind === 'birth' && one.instance === instance) === at,
  );
const pid_of = async (fleet, id) => (await fleet.watcher.caught_up(), fleet.watcher.pids(id)[0]);
const dead_among = (fleet, ids) => ids.filter((id) => fleet.watcher.died(id));

// A stranger that listens and says nothing.
async function stranger(t, port) {
  const one = createServer().listen(port, '127.0.0.1');
  await once(one, 'listening');
  t.after(() => one.close());
  return one;
}

describe('faults', { concurrency: 4 }, () => {
  test('a stranger on ports of the range: instances get others', async (t) => {
    // The range's first port is busy before the fleet starts; as are the third and fourth.
    let taken;
    const { fleet, crowd } = await start(t, {
      ports: ({ first_port }) => {
        taken = [first_port, first_port + 2, first_port + 3];
        for (const port of taken) void stranger(t, port);
        return `${first_port}-${first_port + 9}`;
      },
      instances: 3,
    }, 3);
    await crowd.add(6);
    for (const client of crowd.open) {
      assert.ok(!taken.includes(Number(new URL(client.url).port)), client.url);
      assert.equal(await client.echo('foam'), 'foam');
    }
    await fleet.watcher.caught_up();
    assert.equal(births(fleet).length, 3);
  });

  test('strangers on all ports of the range: the reason is recorded, no hot loop', async (t) => {
    const held = [];
    const { fleet, asker } = await start(t, {
      ports: ({ first_port }) => {
        for (const port of [first_port, first_port + 1]) held.push(stranger(t, port));
        return `${first_port}-${first_port + 1}`;
      },
      instances: 1,
    }, 0);
    const tries = async () => (await fleet.activities({ kind: 'launch_failed' })).slice();
    const since = monotonic_ms();
    await wait_for(async () => (await tries()).length >= 3, { ...slow, what: 'three tries' });
    assert.match((await tries())[0].because, /every port .* is in use/);
    // Pauses of 0, 1, 2, 4 ... s: so many tries fit in the time.
    const seconds = (monotonic_ms() - since) / 1000 + 5;
    assert.ok((await tries()).length <= 3 + Math.log2(seconds), `${(await tries()).length} tries`);
    assert.equal(births(fleet).length, 0);
    for (const one of await Promise.all(held)) one.close();
    await asker.sent_to((await wait_for(async () => births(fleet)[0], slow)).instance);
  });

  test('a stranger takes the port after it was chosen: another try, the reason recorded', async (t) => {
    // The application listens only once there is a file: its port is taken before.
    const run = `while ! test -e gate; do sleep 0.05; done; exec node ${kit}odd.mjs`;
    const { fleet } = await start(t, { run, instances: 1 }, 0);
    const first = await wait_for(async () => (await fleet.instances('chat'))[0]?.address, slow);
    await stranger(t, Number(first.split(':')[1]));
    writeFileSync(join(fleet.folder, 'gate'), '');
    const [second] = await fleet.serving('chat', 1, 60_000);
    assert.notEqual(second.address, first);
    await fleet.watcher.caught_up();
    assert.ok(fleet.watcher.died('chat-1'));
    const gone = (await fleet.activities({ instance: 'chat-1', kind: 'gone' }))[0];
    assert.match(gone.because, /exit code 1/);
    assert.deepEqual(fleet.watcher.ever('chat'), ['chat-1', 'chat-2']);
  });

  test('kill -9 of an instance: a substitute serves, and its clients find a place', async (t) => {
    const { fleet, crowd, asker } = await start(t, {});
    await crowd.add(12);
    const lost = crowd.on('chat-1').length;
    process.kill(await pid_of(fleet, 'chat-1'), 'SIGKILL');
    await wait_for(() => crowd.cuts.length === lost, slow);
    const substitute = await asker.sent_beyond(['chat-1', 'chat-2']);
    assert.ok(fleet.watcher.born(substitute) > fleet.watcher.died('chat-1'));
    await crowd.add(lost);
    assert.deepEqual([...new Set(crowd.cuts.map((one) => one.instance))], ['chat-1']);
    assert.equal(crowd.open.length, 12);
    for (const client of crowd.open) assert.equal(await client.echo('foam'), 'foam');
    assert.ok(asker.last_sent_to('chat-1') < fleet.watcher.died('chat-1') + 1000);
  });

  const ways = {
    'its answers are missed': {},
    // Nothing is asked of it: that it leaves its players' words unread is what is seen.
    'only the kernel counts': { count: '{ sockets: true }', ready: '{ within: 20s }' },
  };
  for (const [way, keys] of Object.entries(ways)) test(`SIGSTOP and SIGCONT within clients_wait, ${way}: replaced, resumed, nobody cut`, async (t) => {
    const { fleet, crowd, asker } = await start(t, { capacity: 20, ...keys });
    await crowd.add(20);
    await crowd.leave({ instance: 'chat-2', count: crowd.on('chat-2').length - 4 });
    await wait_for(async () => (await fleet.instance('chat-2')).connections === 4, slow);
    await asker.sent_to('chat-2'); // it has fewer clients
    const pid = await pid_of(fleet, 'chat-2');
    const before = monotonic_ms();
    process.kill(pid, 'SIGSTOP');
    const echoes = crowd.on('chat-2').map((client) => client.echo('still there?'));
    try {
      const substitute = await asker.sent_beyond(['chat-1', 'chat-2']);
      assert.ok(fleet.watcher.born(substitute));
      await sleep(8000); // silence, and less of it than clients_wait
      const last = asker.last_sent_to('chat-2') - before;
      assert.ok(last < 4000, `sent to it ${last} ms after it froze`);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await asker.sent_to('chat-2');
    assert.deepEqual(await Promise.all(echoes), Array(4).fill('still there?'));
    for (const client of crowd.open) assert.equal(await client.echo('foam'), 'foam');
    assert.deepEqual(crowd.cuts, []);
    assert.equal(crowd.on('chat-2').length, 4);
    await fleet.watcher.caught_up();
    assert.ok(fleet.watcher.living.has(pid));
  });

  test('stalls of the event loop for 2 s: nobody cut, nothing killed', async (t) => {
    const { fleet, crowd } = await start(t, {});
    await crowd.add(10);
    const { url } = crowd.on('chat-1')[0];
    const stalls = is_soak ? 100 : 10;
    for (let count = 0; count < stalls; count++) {
      const answer = await fetch(`${url.replace('ws', 'http')}/stall?ms=2000`, { method: 'POST' });
      assert.equal(answer.status, 202);
      await answer.text();
      for (const client of crowd.on('chat-1')) assert.equal(await client.echo('foam'), 'foam');
      await fleet.watcher.caught_up();
      assert.deepEqual(dead_among(fleet, ['chat-1', 'chat-2']), [], `after stall ${count + 1}`);
      assert.deepEqual(crowd.cuts, []);
    }
  });

  test('a controller frozen for 10 s, and thawed, kills nobody', async (t) => {
    const { fleet, crowd, asker } = await start(t, { heal: '{ clients_wait: 5s }' });
    await crowd.add(10);
    const pids = [await pid_of(fleet, 'chat-1'), await pid_of(fleet, 'chat-2')];
    fleet.freeze();
    await sleep(10_000);
    fleet.thaw();
    await asker.sent_to('chat-1');
    await asker.sent_to('chat-2');
    await sleep(7000); // longer than clients_wait: what it will do, it has done
    await fleet.watcher.caught_up();
    for (const pid of pids) assert.ok(fleet.watcher.living.has(pid));
    assert.deepEqual(crowd.cuts, []);
    for (const client of crowd.open) assert.equal(await client.echo('foam'), 'foam');
  });
});
