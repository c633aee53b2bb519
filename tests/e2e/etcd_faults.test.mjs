// What may happen to etcd under two controllers: one of three members is cut off, two are lost, its
// disk is full, it forgets what a controller has not heard. The owner and its clients notice as little
// as docs/etcd.md says.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Crowd } from './kit/clients.mjs';
import { start_etcd, why_not } from './kit/etcd.mjs';
import { start_twins } from './kit/twins.mjs';
import { monotonic_ms, wait_for } from './kit/wait.mjs';

const stack = (etcd, keys) => ({ listen, ports, kit }) => `
stack: twins
api: { listen: ${listen}, ports: ${ports} }
store: { etcd: [${etcd.endpoints.map((one) => `"${one}"`).join(', ')}], give_back: 1s }
clusters:
  game:
    run: node ${kit}/app-ws.mjs
    url: ws://\${host}:\${port}
    count: { http: /stats, field: connections }
    capacity: 50
    instances: { min: 2, max: 6 }
    settle: 1s
    ${keys}
    drain: { deadline: none }
`;

async function start(t, { members = 3, words = [], keys = 'owner: a' } = {}) {
  const etcd = await start_etcd(members, words);
  const { a, b } = await start_twins(t, {
    yaml: stack(etcd, keys),
    recorded: () => etcd.activities('twins'),
    last: () => etcd.stop(),
  });
  await a.serving('game', 2);
  const crowd = new Crowd(a, 'game');
  await crowd.add(6);
  t.after(() => crowd.end());
  return { etcd, a, b, crowd };
}

// Nothing goes to these ports of this machine any more, nor comes from them.
const rules = (member) =>
  [member.client, member.peer]
    .map((url) => new URL(url).port)
    .flatMap((port) => [`--dport ${port}`, `--sport ${port}`])
    .map((end) => `INPUT -i lo -p tcp ${end} -j DROP`.split(' '));
const iptables = (verb, member) =>
  rules(member).map((rule) => spawnSync('iptables', ['-w', verb, ...rule]).status);
const no_iptables =
  spawnSync('iptables', ['-w', '-L', 'INPUT', '-n']).status === 0
    ? false
    : 'iptables cannot be used here (root, and its package)';

const alarms = (controller) =>
  (controller.output().match(/until it answers, clusters are as they are/g) ?? []).length;

// Two of three: there is no majority, and both controllers have said so.
async function loses_two(etcd, controllers) {
  const [one, two] = etcd.members;
  await Promise.all([etcd.kill(one), etcd.kill(two)]);
  await wait_for(() => controllers.every(alarms), { within: 15_000, what: 'the alarms' });
  return [one, two];
}

describe('etcd of three members', { skip: why_not }, () => {
  test('one is cut off, the one that is asked first: all goes on', { skip: no_iptables }, async (t) => {
    const { etcd, a, b, crowd } = await start(t);
    const [first] = etcd.members;
    t.after(() => iptables('-D', first));
    assert.deepEqual(iptables('-I', first), [0, 0, 0, 0]);
    etcd.members.push(etcd.members.shift()); // what the test itself asks
    // It may have been their leader: for a second or two the others have none, and say so.
    await wait_for(async () => !!(await b.scale('game', 4)), { within: 10_000, what: 'a new leader' });
    await a.serving('game', 4);
    assert.equal((await a.cluster('game')).owner, 'a');
    assert.equal((await b.place('game')).status, 200);
    iptables('-D', first);
    await a.scale('game', 5);
    await a.serving('game', 5);
    assert.deepEqual(crowd.cuts, []);
  });

  test('two are lost: nothing is done, nobody is cut, and it goes on when one is back', async (t) => {
    const { etcd, a, b, crowd } = await start(t);
    await a.scale('game', 3);
    await a.serving('game', 3);
    const [one] = await loses_two(etcd, [a, b]);
    const [victim] = (await a.instances('game')).filter(({ connections }) => !connections);
    if (victim) process.kill(victim.pid, 'SIGKILL');
    await sleep(4000); // in which nothing is to happen
    for (const controller of [a, b]) assert.equal((await controller.place('game')).status, 200);
    etcd.start(one);
    await etcd.answers(one);
    await a.serving('game', 3);
    assert.deepEqual(crowd.cuts, []);
    for (const controller of [a, b]) assert.equal(alarms(controller), 1, 'said once');
  });

  test('two are lost while everybody leaves: nothing is scaled in until one is back', async (t) => {
    const keys = 'owner: a\n    hold: 1s\n    step: 100%\n    scale: [ { target: 2 } ]';
    const { etcd, a, b } = await start(t, { keys });
    const grows = async () => {
      const crowd = new Crowd(a, 'game');
      await crowd.add(8); // 14 with the 6 who stay: `max`
      await a.serving('game', 6);
      return crowd;
    };
    let crowd = await grows();
    await crowd.end();
    const left = monotonic_ms();
    await a.serving('game', 3); // the rule does it, where etcd is there
    const took = monotonic_ms() - left;

    crowd = await grows();
    const [one] = await loses_two(etcd, [a, b]);
    await crowd.end();
    await sleep(2 * took + 2000); // time enough
    await a.watcher.caught_up();
    assert.equal(a.watcher.instances('game').length, 6);
    for (const { lifecycle } of await a.instances('game')) assert.equal(lifecycle, 'serving');
    etcd.start(one);
    await etcd.answers(one);
    await a.serving('game', 3);
    for (const controller of [a, b]) assert.equal(alarms(controller), 1, 'said once');
    t.diagnostic(`with etcd it took ${took.toFixed(0)} ms`);
  });
});

describe('etcd', { concurrency: 2, skip: why_not }, () => {
  test('its disk is full: all that runs goes on, it is said once, and caught up with when there is room', async (t) => {
    const words = ['--quota-backend-bytes=3000000'];
    const { etcd, a, b, crowd } = await start(t, { members: 1, words });
    await etcd.fill();
    const [victim] = await a.instances('game');
    process.kill(victim.pid, 'SIGKILL');
    const times_said = (controller) => (controller.output().match(/database is full/g) ?? []).length;
    await wait_for(() => times_said(a), { what: 'the alarm' });
    await sleep(5000); // leases are kept, and nothing is launched
    for (const controller of [a, b]) {
      assert.equal((await controller.cluster('game')).owner, 'a');
      assert.equal((await controller.place('game')).status, 200);
    }
    assert.equal((await a.activities({ kind: 'launch' })).length, 2);
    await etcd.make_room();
    await a.serving('game', 2);
    await b.scale('game', 3);
    await a.serving('game', 3);
    assert.deepEqual([a, b].map(times_said), [1, 0], 'once, by the one that has something to record');
    const others = crowd.cuts.filter(({ instance }) => instance !== victim.id);
    assert.deepEqual(others, []);
  });

  test('it has forgotten what a controller has not heard: that one lists all anew, and goes on', async (t) => {
    const { etcd, a, b, crowd } = await start(t, { members: 1, keys: '' }); // whoever has it keeps it
    // The owner stands still, its watch ends, and another takes its cluster: it does not hear of that.
    a.freeze();
    await etcd.kill();
    etcd.start(etcd.members[0]);
    await etcd.answers();
    await wait_for(async () => (await b.cluster('game')).owner === 'b', { what: 'b to take it' });
    await etcd.compact();
    a.thaw();
    await wait_for(async () => (await a.cluster('game')).owner === 'b', { what: 'a to know' });
    assert.equal((await a.place('game')).status, 200);
    const [victim] = await a.instances('game');
    process.kill(victim.pid, 'SIGKILL');
    await wait_for(async () => (await a.activities({ kind: 'launch' })).length === 3, { what: 'a substitute' });
    await a.serving('game', 2);
    const others = crowd.cuts.filter(({ instance }) => instance !== victim.id);
    assert.deepEqual(others, []);
  });
});
