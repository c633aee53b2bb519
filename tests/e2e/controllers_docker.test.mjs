// Two controllers whose instances are containers of one Engine: what one does not own it leaves
// alone, and what it takes over goes on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Crowd } from './kit/clients.mjs';
import { start_dockerd, why_not as why_no_docker } from './kit/docker.mjs';
import { start_etcd, why_not as why_no_etcd } from './kit/etcd.mjs';
import { start_stack } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

const yaml =
  (engine, etcd) =>
  ({ listen, ports, mark }) => `
stack: twins
provider: docker
docker: { socket: ${engine.socket} }
store: { etcd: ["${etcd.endpoints[0]}"] }
api: { listen: "${listen}", ports: ${ports} }
clusters:
  chat:
    image: ${engine.image}
    run: exec node app-ws.mjs
    env: { E2E_MARK: "${mark}" }
    url: ws://\${host}:\${port}
    ready: { http: /healthz, within: 30s }
    count: { http: /stats, field: connections }
    capacity: 50
    instances: 2
`;

test('the next owner takes containers over, and cuts nobody', { skip: why_no_docker || why_no_etcd }, async (t) => {
  const engine = await start_dockerd();
  t.after(() => engine.stop());
  const etcd = await start_etcd();
  t.after(() => etcd.stop());
  const a = await start_stack({ yaml: yaml(engine, etcd), name: 'a' });
  a.recorded = () => etcd.activities('twins');
  await a.serving('chat', 2, 60_000);
  const b = await a.beside('b');
  const crowd = new Crowd(a, 'chat');
  let is_over = false;
  const end = async () => {
    if (is_over) return;
    is_over = true;
    crowd.end();
    await b.stop();
  };
  try {
    await crowd.add(10);
    const were = engine.containers().sort();
    assert.equal(were.length, 2);
    // Long enough for b to list the Engine's containers more than once.
    await new Promise((resolve) => setTimeout(resolve, 11_000));
    assert.deepEqual(engine.containers().sort(), were);
    await a.kill9();
    await wait_for(async () => (await b.cluster('chat')).owner === 'b', {
      within: 15_000,
      what: 'b to take over',
    });
    await b.serving('chat', 2, 30_000);
    assert.deepEqual(engine.containers().sort(), were);
    assert.deepEqual(crowd.cuts, []);
    assert.equal((await b.place('chat')).status, 200);
  } finally {
    await end();
  }
  assert.deepEqual(engine.containers('-a'), []);
});
