// `network: published`: containers with networks of their own, whose sockets are counted in there.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Crowd } from './kit/clients.mjs';
import { start_dockerd, why_not } from './kit/docker.mjs';
import { start_stack } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

const within = 60_000;

describe('containers with networks of their own', { skip: why_not }, () => {
  let engine;
  before(async () => {
    engine = await start_dockerd({ bridge: true });
  });
  after(() => engine.stop());

  const start = async (t, keys) => {
    const yaml = ({ listen, ports, mark }) => `
stack: published
provider: { docker: { host: "unix://${engine.socket}", network: published } }
api: { listen: "${listen}", ports: ${ports} }
clusters:
  chat:
    image: ${engine.image}
    run: exec node app-ws.mjs
    env: { E2E_MARK: "${mark}" }
    capacity: 50
    instances: 2
    heal: { clients_wait: 5s }
${keys}`;
    const fleet = await start_stack({ yaml });
    const crowd = new Crowd(fleet, 'chat');
    t.after(async () => {
      crowd.end();
      await fleet.stop();
      assert.deepEqual(engine.containers('-a'), [], 'containers that are left');
    });
    await fleet.serving('chat', 2, within);
    return { fleet, crowd };
  };
  const counts = async (fleet) =>
    Object.fromEntries((await fleet.instances('chat')).map(({ id, connections }) => [id, connections]));
  const are_counted = (fleet, crowd) =>
    wait_for(
      async () => {
        const told = await counts(fleet);
        return Object.entries(crowd.by_instance()).every(([id, count]) => told[id] === count);
      },
      { within, what: `the counts of ${JSON.stringify(crowd.by_instance())}` },
    );

  // With a readiness path our own probes have connections there, too: they are not to be counted.
  test('the kernel counts their clients, and neither its proxy nor our probes', async (t) => {
    const { fleet, crowd } = await start(
      t,
      '    ready: { http: /healthz, within: 30s }\n    count: { sockets: true }\n',
    );
    assert.deepEqual(Object.values(await counts(fleet)), [0, 0]);
    await crowd.add(9);
    await are_counted(fleet, crowd);
    await crowd.leave({ count: 4 });
    await are_counted(fleet, crowd);
    await fleet.restart();
    await fleet.serving('chat', 2, within);
    await are_counted(fleet, crowd);
    assert.deepEqual(crowd.cuts, []);
  });

  test('one that is frozen is knocked at in there, and replaced', async (t) => {
    const { fleet, crowd } = await start(t, '    count: { sockets: true }\n');
    await crowd.add(6);
    await are_counted(fleet, crowd);
    const [victim] = Object.keys(crowd.by_instance());
    const [container] = engine.containers('--filter', `label=utakata.instance=${victim}`);
    assert.equal(engine.docker('pause', container).status, 0);
    for (const client of crowd.on(victim)) client.socket.send('is anybody there?');
    await wait_for(
      async () => {
        const now = await fleet.serving('chat', 2, within);
        return now.every((one) => one.id !== victim);
      },
      { within, what: 'another instance' },
    );
    assert.ok(crowd.cuts.every((one) => one.instance === victim));
  });
});
