// Three members of etcd under two controllers: one member is cut off, then two are lost. The owner
// and its clients notice as little as docs/etcd.md says.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { Crowd } from './kit/clients.mjs';
import { start_etcd, why_not } from './kit/etcd.mjs';
import { start_stack } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

const stack = (etcd) => ({ listen, ports, kit }) => `
stack: twins
api: { listen: ${listen}, ports: ${ports} }
store: { etcd: [${etcd.endpoints.map((one) => `"${one}"`).join(', ')}] }
clusters:
  game:
    owner: a
    run: node ${kit}/app-ws.mjs
    url: ws://\${host}:\${port}
    count: { http: /stats, field: connections }
    capacity: 50
    instances: { min: 2, max: 6 }
    settle: 1s
    drain: { deadline: none }
`;

async function start(t) {
  const etcd = await start_etcd(3);
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
  const a = (made.a = await start_stack({ yaml: stack(etcd), name: 'a' }));
  a.recorded = () => etcd.activities('twins');
  const b = (made.b = await a.beside('b'));
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
    const [one, two] = etcd.members;
    await Promise.all([etcd.kill(one), etcd.kill(two)]);
    await wait_for(() => /until it answers, clusters are as they are/.test(a.output()), {
      within: 15_000,
      what: 'the alarm',
    });
    const [victim] = (await a.instances('game')).filter(({ connections }) => !connections);
    if (victim) process.kill(victim.pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 4000)); // in which nothing is to happen
    for (const controller of [a, b]) assert.equal((await controller.place('game')).status, 200);
    assert.equal(a.output().match(/until it answers, clusters are as they are/g).length, 1, 'said once');
    etcd.start(one);
    await etcd.answers(one);
    await a.serving('game', 3);
    assert.deepEqual(crowd.cuts, []);
  });
});
