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

  test('limits and labels are the container\'s, and `exec` and `logs` reach into it', async (t) => {
    const yaml = (words) =>
      chat('    labels: { team: games }\n')(words)
        .replace('files: 1000', 'files: 1000, cpus: 0.5')
        .replace('run: exec', 'run: echo it listens; exec');
    const { fleet } = await start(t, yaml);
    const [one] = await fleet.serving('chat', 2, within);
    const [told] = JSON.parse(engine.docker('inspect', container_of(one.id)).stdout);
    assert.equal(told.HostConfig.NanoCpus, 500_000_000);
    assert.equal(told.HostConfig.Memory, 256 << 20);
    assert.equal(told.Config.Labels.team, 'games');

    const exec = (...command) => fleet.command('exec', one.id, '--', ...command);
    const said = await exec('sh', '-c', 'echo $UTAKATA_INSTANCE; echo oh no >&2; exit 7');
    assert.deepEqual(said, { code: 7, stdout: `${one.id}\n`, stderr: 'oh no\n' });
    const large = await exec('node', '-e', 'process.stdout.write("x".repeat(1_000_000))');
    assert.equal(large.stdout.length, 1_000_000);
    assert.notEqual((await exec('no-such-program')).code, 0);
    const logs = await fleet.command('logs', one.id);
    assert.match(logs.stdout, /it listens/, logs.stderr);
  });

  test('in the host\'s network the kernel counts its sockets', async (t) => {
    const { fleet, crowd } = await start(t, (words) =>
      chat()(words).replace(/count: .*/, 'count: { sockets: true }'),
    );
    await fleet.serving('chat', 2, within);
    await crowd.add(8);
    const counted = async () =>
      (await fleet.instances('chat')).reduce((sum, { connections }) => sum + connections, 0);
    await wait_for(async () => (await counted()) === 8, { within, what: 'eight to be counted' });
    await crowd.leave({ count: 5 });
    await wait_for(async () => (await counted()) === 3, { within, what: 'three to be counted' });
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
