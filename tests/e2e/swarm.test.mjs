// `provider: swarm`: the same app as services of a real Swarm of three Engines, which the test makes
// itself, each in a network namespace of its own.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { cut_line } from './kit/cut_line.mjs';
import { start_stack } from './kit/stack.mjs';
import { chat_on, start_on, start_swarm, why_not } from './kit/swarm.mjs';
import { wait_for } from './kit/wait.mjs';

const within = 60_000;

describe('provider: swarm', { skip: why_not }, () => {
  let swarm;
  before(async () => {
    swarm = await start_swarm({ zones: ['east', 'west', 'west'] });
    swarm.make_image();
  });
  after(() => swarm.stop());
  const host_of = (one) => swarm.host_at(one.address.split(':')[0]);
  const containers_of = (id) => swarm.hosts.flatMap((host) => host.containers('--filter', `label=utakata.instance=${id}`));

  test('instances are spread over the hosts, are stopped by SIGTERM, and leave nothing', async (t) => {
    const { fleet, crowd } = await start_on(swarm, t, chat_on(swarm));
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

  test('secrets and configs are files of an instance; one that is not there is named', async (t) => {
    const make = (kind, name, text) => swarm.manager.docker(kind, 'create', name, '-', { input: text });
    make('secret', 'db-password', 'open sesame');
    make('config', 'greeting', 'hello from a config');
    const keys = '    secrets: [db-password]\n    configs: [greeting]\n';
    const yaml = chat_on(swarm, { keys, instances: 1 });
    const { fleet } = await start_on(swarm, t, (words) => yaml(words).replace('run: exec', 'run: cat /run/secrets/db-password /greeting; echo; exec'));
    const [one] = await fleet.serving('chat', 1, within);
    await wait_for(async () => /open sesamehello from a config/.test((await fleet.command('logs', one.id)).stdout), { within, what: 'both to be read' });
  });

  test('a secret or an image that is not there is named, and the cluster that runs goes on', async (t) => {
    const { fleet } = await start_on(swarm, t, chat_on(swarm, { keys: `  lost:
    image: nowhere:7
    count: { http: /stats, field: connections }
    instances: 1
  mute:
    image: app:1
    run: exec node app-ws.mjs
    secrets: [nobody-knows]
    count: { http: /stats, field: connections }
    instances: 1
` }));
    await fleet.serving('chat', 3, within);
    const said = (cluster, words) =>
      wait_for(async () => (await fleet.activities({ cluster })).find((one) => words.test(one.because)), { within, what: `${cluster}: ${words}` });
    await said('lost', /there is no image nowhere:7 on host worker-\d/);
    await said('mute', /the Swarm has no secret nobody-knows/);
    assert.equal((await fleet.serving('chat', 3, within)).length, 3);
  });

  test('`exec` reaches the containers beside the manager, and says where the others are', async (t) => {
    const { fleet } = await start_on(swarm, t, chat_on(swarm));
    const all = await fleet.serving('chat', 3, within);
    for (const one of all) {
      const said = await fleet.command('exec', one.id, '--', 'sh', '-c', 'echo $UTAKATA_INSTANCE');
      const host = host_of(one);
      if (host === swarm.manager) assert.deepEqual(said, { code: 0, stdout: `${one.id}\n`, stderr: '' });
      else assert.match(said.stderr, new RegExp(`it runs on ${host.name}, and from here only containers of worker-1`));
    }
  });

  test('with `network: published` each has a network of its own, and its port is that of its host', async (t) => {
    const { fleet, crowd } = await start_on(swarm, t, chat_on(swarm, { provider: swarm.provider(', network: published') }));
    const all = await fleet.serving('chat', 3, within);
    for (const one of all) {
      const [container] = containers_of(one.id);
      const [told] = JSON.parse(host_of(one).docker('inspect', container).stdout);
      assert.match(told.NetworkSettings.Networks.bridge?.IPAddress ?? '', /^172\.31\./);
    }
    await crowd.add(9);
  });

  test('an Engine that is no manager is named with the remedy', async (t) => {
    const provider = `provider: { swarm: { host: "unix://${swarm.host('worker-2').socket}" } }`;
    const fleet = await start_stack({ yaml: chat_on(swarm, { provider }) });
    t.after(() => fleet.stop());
    await wait_for(() => /is no manager of a Swarm: name one that is by/.test(fleet.output()), { within, what: 'it to be said' });
  });

  test('a manager that is away: instances go on, and what it did not hear is done when it is back', async (t) => {
    const line = await cut_line(swarm.manager.socket);
    const provider = `provider: { swarm: { host: "${line.url.replace('http', 'tcp')}" } }`;
    const { fleet, crowd } = await start_on(swarm, t, chat_on(swarm, { provider }));
    t.after(() => line.close());
    const all = await fleet.serving('chat', 3, within);
    await crowd.add(30);
    line.leads_to(1);
    line.cut();
    await wait_for(() => /nothing is launched or stopped until it answers/.test(fleet.output()), { within, what: 'it to be said' });
    await crowd.add(3);
    const [victim] = all.filter((one) => host_of(one) !== swarm.manager);
    assert.equal(host_of(victim).docker('kill', containers_of(victim.id)[0]).status, 0);
    line.leads_to(swarm.manager.socket);
    await wait_for(() => /the manager answers again/.test(fleet.output()), { within, what: 'it to be said' });
    await wait_for(async () => (await fleet.serving('chat', 3, within)).every((one) => one.id !== victim.id), { within, what: 'a substitute' });
    const [gone] = await fleet.activities({ instance: victim.id, kind: 'gone' });
    assert.match(gone.because, /killed by signal 9/);
    assert.ok(crowd.cuts.every((one) => one.instance === victim.id));
  });
});
