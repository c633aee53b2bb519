// `provider: docker` without an image: the app's folder and this machine's Node become one.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Crowd } from './kit/clients.mjs';
import { start_dockerd, why_not } from './kit/docker.mjs';
import { start_stack } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

const within = 60_000;
const e2e = fileURLToPath(new URL('.', import.meta.url));

describe('an app without an image', { skip: why_not }, () => {
  let engine, app;
  before(async () => {
    engine = await start_dockerd();
  });
  after(() => engine.stop());
  beforeEach((t) => {
    app = mkdtempSync(join(tmpdir(), 'utakata-app-'));
    cpSync(join(e2e, 'kit/app-ws.mjs'), join(app, 'app.mjs'));
    cpSync(join(e2e, 'node_modules/ws'), join(app, 'node_modules/ws'), {
      recursive: true,
      dereference: true,
    });
    t.after(() => rmSync(app, { recursive: true, force: true }));
  });

  const chat =
    (keys = '') =>
    ({ listen, ports, mark }) => `
stack: packed
provider: { docker: { host: "unix://${engine.socket}" } }
api: { listen: "${listen}", ports: ${ports} }
clusters:
  chat:
    app: ${app}
    run: node app.mjs
    env: { E2E_MARK: "${mark}" }
    ready: { http: /healthz, within: 30s }
    count: { http: /stats, field: connections, accepted: accepted }
    capacity: 50
    instances: 2
    drain: { tell: "POST /drain" }
${keys}`;

  const start = async (t, yaml) => {
    const fleet = await start_stack({ yaml, within });
    const crowd = new Crowd(fleet, 'chat');
    t.after(async () => {
      crowd.end();
      await fleet.stop();
      assert.deepEqual(engine.containers('-a'), [], 'containers that are left');
    });
    return { fleet, crowd };
  };
  const images = () =>
    engine
      .docker('images', '--format', '{{.Repository}}:{{.Tag}}', 'utakata.local/*')
      .stdout.split('\n')
      .filter(Boolean);
  const packings = (fleet) => fleet.output().match(/packing chat: \d+ MB/g) ?? [];

  test('is packed once, runs, and is packed and rolled out anew when its folder has changed', async (t) => {
    const { fleet, crowd } = await start(t, chat());
    const first = await fleet.serving('chat', 2, within);
    assert.equal(packings(fleet).length, 1, fleet.output());
    await crowd.add(6);
    const [image] = images();

    const again = await fleet.command('up', fleet.stack_file);
    assert.match(again.stdout, /changes nothing/, again.stderr);
    await fleet.restart();
    await fleet.serving('chat', 2, within);
    assert.equal(packings(fleet).length, 1, 'an unchanged folder');
    assert.deepEqual(crowd.cuts, []);

    writeFileSync(join(app, 'greeting.txt'), 'hello');
    const changed = await fleet.command('up', fleet.stack_file);
    assert.match(changed.stdout, /chat: rolled out anew/, changed.stderr);
    await crowd.leave();
    await wait_for(
      async () => {
        const now = await fleet.serving('chat', 2, within);
        return now.every((one) => first.every((elder) => elder.id !== one.id));
      },
      { within, what: 'two instances of the changed folder' },
    );
    assert.equal(packings(fleet).length, 2);
    const [container] = engine.containers();
    assert.equal(engine.docker('exec', container, 'sh', '-c', 'read x < greeting.txt; echo $x').stdout, 'hello\n');
    assert.ok(!images().includes(image) || images().length === 2, 'no more than is in use');
  });

  test('a link out of the folder is refused, and the running cluster goes on', async (t) => {
    const { fleet, crowd } = await start(t, chat());
    await fleet.serving('chat', 2, within);
    await crowd.add(4);
    symlinkSync('/etc/passwd', join(app, 'users'));
    const refused = await fleet.command('up', fleet.stack_file);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /clusters\.chat: docker: the link .*users points to \/etc\/passwd/);
    writeFileSync(join(app, '.dockerignore'), 'users\n');
    const taken = await fleet.command('up', fleet.stack_file);
    assert.match(taken.stdout, /changes nothing/, `${taken.stderr}${taken.stdout}`);
    assert.deepEqual(crowd.cuts, []);
  });

  test('what `install` leaves is packed with it', async (t) => {
    const { fleet } = await start(t, chat('    install: echo $((20 + 22)) > answer\n'));
    await fleet.serving('chat', 2, within);
    const [container] = engine.containers();
    assert.equal(engine.docker('exec', container, 'sh', '-c', 'read x < answer; echo $x').stdout, '42\n');
  });
});
