// `provider: docker`: the same app in containers of a real Engine, which the test starts itself.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Crowd } from './kit/clients.mjs';
import { start_dockerd, why_not } from './kit/docker.mjs';
import { start_stack } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

const within = 60_000;

describe('provider: docker', { skip: why_not }, () => {
  let engine;
  before(async () => {
    engine = await start_dockerd();
  });
  after(() => engine.stop());

  const chat =
    (keys = '') =>
    ({ listen, ports, mark }) => `
stack: contained
provider: docker
docker: { socket: ${engine.socket} }
api: { listen: "${listen}", ports: ${ports} }
clusters:
  chat:
    image: ${engine.image}
    run: exec node app-ws.mjs
    env: { E2E_MARK: "${mark}" }
    ready: { http: /healthz, within: 30s }
    count: { http: /stats, field: connections, accepted: accepted }
    capacity: 50
    instances: 2
    limits: { memory: 256M, files: 1000 }
    drain: { tell: "POST /drain" }
    heal: { clients_wait: 5s }
${keys}`;

  const start = async (t, yaml) => {
    const fleet = await start_stack({ yaml });
    const crowd = new Crowd(fleet, 'chat');
    t.after(async () => {
      crowd.end();
      await fleet.stop();
      assert.deepEqual(engine.containers('-a'), [], 'containers that are left');
    });
    return { fleet, crowd };
  };
  const container_of = (id) => engine.containers('--filter', `label=utakata.instance=${id}`)[0];

  test('an instance killed by `docker kill` is replaced, and its clients find a place', async (t) => {
    const { fleet, crowd } = await start(t, chat());
    const [victim, other] = await fleet.serving('chat', 2, within);
    await crowd.add(10);
    assert.equal(engine.containers().length, 2);
    assert.equal(engine.docker('kill', container_of(victim.id)).status, 0);
    const all = await wait_for(
      async () => {
        const now = await fleet.serving('chat', 2, within);
        return now.every((one) => one.id !== victim.id) && now;
      },
      { within, what: 'another instance' },
    );
    assert.ok(all.some((one) => one.id === other.id));
    const [gone] = await fleet.activities({ instance: victim.id, kind: 'gone' });
    assert.match(gone?.because ?? '', /killed by signal 9/, JSON.stringify(await fleet.activities({ instance: victim.id })));
    await crowd.add(10);
  });

  test('a controller that was killed adopts its containers', async (t) => {
    const { fleet, crowd } = await start(t, chat());
    await fleet.serving('chat', 2, within);
    const before = engine.containers().sort();
    await crowd.add(5);
    await fleet.restart();
    await fleet.serving('chat', 2, within);
    assert.deepEqual(engine.containers().sort(), before);
    assert.deepEqual(crowd.cuts, []);
  });
});
