// `provider: swarm`: the same app as services of a real Swarm of three Engines, which the test makes
// itself, each in a network namespace of its own.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { start_players } from '../../examples/lobby-game/witness.mjs';
import { Crowd } from './kit/clients.mjs';
import { start_stack, utakata_program } from './kit/stack.mjs';
import { start_swarm, why_not } from './kit/swarm.mjs';
import { monotonic_ms, wait_for } from './kit/wait.mjs';

const within = 60_000;
const example = fileURLToPath(new URL('../../examples/lobby-game', import.meta.url));

describe('provider: swarm', { skip: why_not }, () => {
  let swarm;
  before(async () => {
    swarm = await start_swarm({ zones: ['east', 'west', 'west'] });
    swarm.make_image();
  });
  after(() => swarm.stop());

  const chat =
    ({ keys = '', provider = swarm.provider(), instances = 3 } = {}) =>
    ({ ports, mark }) => `
stack: spread
${provider}
${swarm.api({ ports })}
clusters:
  chat:
    image: app:1
    run: exec node app-ws.mjs
    env: { E2E_MARK: "${mark}" }
    url: "http://\${host}:\${port}"
    ready: { http: /healthz, within: 30s }
    count: { http: /stats, field: connections, accepted: accepted }
    capacity: 200
    instances: ${instances}
    drain: { tell: "POST /drain", grace: 3s }
    heal: { clients_wait: 5s, brake: 50% }
${keys}`;
  const start = async (t, yaml) => {
    const fleet = await start_stack({ yaml });
    const crowd = new Crowd(fleet, 'chat');
    t.after(async () => {
      crowd.end();
      await fleet.stop();
      await wait_for(() => swarm.services().length === 0, { within, what: 'no service to be left' });
    });
    return { fleet, crowd };
  };
  const host_of = (one) => swarm.host_at(one.address.split(':')[0]);
  const containers_of = (id) => swarm.hosts.flatMap((host) => host.containers('--filter', `label=utakata.instance=${id}`));

  test('instances are spread over the hosts, are stopped by SIGTERM, and leave nothing', async (t) => {
    const { fleet, crowd } = await start(t, chat());
    const all = await fleet.serving('chat', 3, within);
    assert.deepEqual(all.map((one) => host_of(one).name).sort(), ['worker-1', 'worker-2', 'worker-3']);
    for (const one of all) assert.equal(containers_of(one.id).length, 1);
    await crowd.add(9);
    const logs = await fleet.command('logs', all[0].id);
    assert.equal(logs.code, 0, logs.stderr);
    await fleet.kill9();
    await fleet.up();
    const again = await fleet.serving('chat', 3, within);
    assert.deepEqual(again.map((one) => one.id).sort(), all.map((one) => one.id).sort(), 'the next life has the same');
    assert.equal(crowd.cuts.length, 0);
  });
});
