// Two machines and a small third one (docs/etcd.md): on each a member of etcd, kept by a controller
// of its own; on the two a controller of the show. Here all three are this machine.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Crowd } from './kit/clients.mjs';
import { read_etcd, why_not } from './kit/etcd.mjs';
import { free_ports } from './kit/ports.mjs';
import { start_stack } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

const file = new URL('../../examples/etcd-member/stack.yaml', import.meta.url);

const show = (members) => ({ listen, ports, kit }) => `
stack: show
api: { listen: ${listen}, ports: ${ports} }
store: { etcd: [${members.map(({ client }) => `"http://127.0.0.1:${client}"`).join(', ')}] }
clusters:
  game:
    owner: b
    run: node ${kit}/app-ws.mjs
    url: ws://\${host}:\${port}
    count: { http: /stats, field: connections }
    capacity: 50
    instances: { min: 2, max: 3 }
`;

test('a machine is lost with its member of etcd and its controller, and nobody is cut', { skip: why_not }, async (t) => {
  const ports = await free_ports(9);
  const members = ['a', 'b', 'c'].map((name, k) => {
    const [client, peer, api] = ports.slice(3 * k, 3 * k + 3);
    return { name, client, peer, api };
  });
  const all = members.map(({ name, peer }) => `${name}=http://127.0.0.1:${peer}`).join(',');
  const made = { keepers: [] };
  t.after(async () => {
    try {
      await made.a?.stop();
    } finally {
      if (made.b?.runs()) await made.b.kill9();
      for (const keeper of made.keepers) await keeper.stop();
    }
  });
  made.keepers = await Promise.all(
    members.map(({ name, client, peer, api }) => {
      const words = { name, client_port: client, peer_port: peer, members: all, api: `127.0.0.1:${api}` };
      const args = Object.entries(words).flatMap(([key, value]) => ['-p', `${key}=${value}`]);
      return start_stack({ yaml: readFileSync(file, 'utf8'), args });
    }),
  );
  await Promise.all(made.keepers.map((keeper) => keeper.serving('etcd', 1)));

  const a = (made.a = await start_stack({ yaml: show(members), name: 'a' }));
  a.recorded = () => read_etcd(`http://127.0.0.1:${members[0].client}`, 'show');
  const b = (made.b = await a.beside('b'));
  await wait_for(async () => (await a.cluster('game')).owner === 'b', { within: 45_000, what: 'b to own it' });
  await a.serving('game', 2);
  const crowd = new Crowd(a, 'game');
  t.after(() => crowd.end());
  await crowd.add(10);

  // Machine b is lost: the show's controller, the member, and who would start it anew.
  const keeper = made.keepers[1];
  const [member] = await keeper.instances('etcd');
  keeper.signal('SIGKILL');
  b.signal('SIGKILL');
  process.kill(member.pid, 'SIGKILL');
  await wait_for(async () => (await a.cluster('game')).owner === 'a', { within: 15_000, what: 'a to take over' });
  await a.scale('game', 3); // two of three members record it
  await a.serving('game', 3);
  assert.deepEqual(crowd.cuts, []);

  await keeper.up(); // the machine is back: its member is started anew, with its data
  await keeper.serving('etcd', 1);
  const [again] = await keeper.instances('etcd');
  assert.notEqual(again.pid, member.pid);
  assert.equal(again.address, member.address);
});
