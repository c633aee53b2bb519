// `provider: observe` of what Docker and PM2 run: found, counted, gone when stopped, and never
// touched.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { WsClient } from './kit/clients.mjs';
import { start_dockerd, why_not } from './kit/docker.mjs';
import { free_ports } from './kit/ports.mjs';
import { start_stack } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const app = join(here, 'kit/app-ws.mjs');

const yaml =
  (observe, more = '') =>
  ({ listen, ports }) => `stack: shadow
provider: observe
${more}
api: { listen: ${listen}, ports: ${ports} }
clusters:
  game:
    observe: ${observe}
    count: { http: /stats, field: connections, accepted: accepted }
    ready: { http: /healthz }
    drain: { tell: POST /drain }
    capacity: 10
    instances: { min: 3, max: 8 }
`;

const port_of = (one) => Number(one.address.split(':').at(-1));
const of_cluster = async (fleet) => (await fleet.cluster('game')).instances;
async function connected(fleet, ports) {
  const clients = await Promise.all(
    ports.map((port) => new WsClient({ url: `ws://127.0.0.1:${port}` }).open()),
  );
  await wait_for(
    async () =>
      (await of_cluster(fleet)).reduce((sum, one) => sum + one.connections, 0) === clients.length,
    { what: 'the clients to be counted' },
  );
  return clients;
}

// What a shadow comes to: reported, and nobody was told anything.
async function judged(fleet, { clients, ports, ends }) {
  await sleep(9_000); // ticks are written four seconds at a time
  const reported = await fleet.command('shadow', 'report', '--stack', 'shadow', '--json');
  assert.ok(reported.code <= 1, reported.stderr);
  const [game] = JSON.parse(reported.stdout).clusters;
  assert.ok(game.happened.instance_hours > 0, reported.stdout);
  assert.ok(game.happened.ends.length >= ends, reported.stdout);
  const down = await fleet.command('down', 'shadow');
  assert.match(down.stdout, /others run them, and they go on/);
  for (const port of ports)
    assert.deepEqual((await (await fetch(`http://127.0.0.1:${port}/told`)).json()).told, []);
  for (const client of clients) assert.equal(await client.echo('still here'), 'still here');
  clients.forEach((client) => client.cut());
}

// Passes on what the Engine is asked, and remembers it.
async function listener(engine, path) {
  const asked = [];
  const server = createServer((from) => {
    const to = connect(engine.socket);
    from.on('data', (data) => asked.push(...String(data).matchAll(/^([A-Z]+) (\/\S+) HTTP/gm)));
    from.pipe(to).pipe(from);
    for (const end of [from, to]) end.on('error', () => (from.destroy(), to.destroy()));
  });
  await new Promise((done) => server.listen(path, done));
  return { asked, close: () => server.close() };
}

test('containers of others by label, name and image', { skip: why_not }, async (t) => {
  const engine = await start_dockerd({ bridge: true });
  const ports = await free_ports(2);
  const proxy = await listener(engine, join(engine.folder, 'heard.sock'));
  let fleet;
  t.after(async () => {
    await fleet?.stop();
    proxy.close();
    await engine.stop();
  });
  const run = (...words) => {
    const { status, stdout, stderr } = engine.docker('run', '-d', ...words);
    assert.equal(status, 0, stderr);
    return stdout.trim();
  };
  const inside = ['-e', 'HOST=0.0.0.0', '-e', 'PORT=3000', engine.image, 'node', 'app-ws.mjs'];
  const published = run('--name', 'game-a', '--label', 'app=game', '-p', `${ports[0]}:3000`, ...inside);
  const own = run('--name', 'game-b', '--label', 'app=game', ...inside);
  run('--name', 'lobby', '--label', 'app=lobby', ...inside);
  run('--name', 'game-c', '--label', 'app=other', '--network', 'host', '-e', `PORT=${ports[1]}`,
    engine.image, 'node', 'app-ws.mjs'); // prettier-ignore
  const began = engine.docker('inspect', '-f', '{{.State.StartedAt}}', published).stdout;

  fleet = await start_stack({
    yaml: yaml('{ docker: { label: app=game, port: 3000 } }',
      `docker: { socket: ${join(engine.folder, 'heard.sock')} }`), // prettier-ignore
  });
  const both = await fleet.serving('game', 2);
  assert.deepEqual(
    both.map((one) => one.handle).sort(),
    [published, own].map((id) => `container ${id.slice(0, 12)}`).sort(),
  );
  const at = (id) => both.find((one) => one.handle.includes(id.slice(0, 12)));
  assert.equal(at(published).address, `127.0.0.1:${ports[0]}`);
  assert.match(at(own).address, /^10\.213\.\d+\.\d+:3000$/);
  const clients = await connected(fleet, [ports[0], ports[0]]);

  engine.docker('stop', '-t', '1', own);
  await fleet.serving('game', 1);
  const [gone] = await fleet.activities({ kind: 'gone' });
  assert.equal(gone.because, 'it is not listed any more');
  engine.docker('start', own);
  await fleet.serving('game', 2);

  // The Engine away: what was there stays, and that is said; a file that names others is applied.
  const rewrite = async (observe) => {
    writeFileSync(
      fleet.stack_file,
      yaml(observe, `docker: { socket: ${join(engine.folder, 'heard.sock')} }`)({
        listen: `127.0.0.1:${fleet.ports.last}`,
        ports: `${fleet.ports.first}-${fleet.ports.last - 1}`,
      }),
    );
    const applied = await fleet.command('up', fleet.stack_file);
    assert.equal(applied.code, 0, applied.stderr);
  };
  await rewrite('{ docker: { image: "app:*", port: 3000 } }');
  await wait_for(
    async () => {
      const all = await of_cluster(fleet); // game-c listens elsewhere: it is silent
      assert.equal(all.length, 4, JSON.stringify(all) + fleet.output());
      return true;
    },
    { what: 'all of the image to be found' },
  );
  await rewrite(`{ docker: { name: game-c, port: ${ports[1]} } }`);
  const [host] = await fleet.serving('game', 1);
  assert.equal(host.address, `127.0.0.1:${ports[1]}`);
  await rewrite('{ docker: { label: app=game, port: 3000 } }');
  await fleet.serving('game', 2);
  assert.deepEqual([...new Set(proxy.asked.map(([, method]) => method))], ['GET']);
  assert.ok(proxy.asked.every(([, , path]) => path.startsWith('/v1.41/containers/json?')));
  assert.equal(engine.docker('inspect', '-f', '{{.State.StartedAt}}', published).stdout, began);
  await judged(fleet, { clients, ports, ends: 5 });
});

test('processes of PM2 by the name of their app', async (t) => {
  const bin = join(here, 'node_modules/.bin');
  assert.ok(existsSync(join(bin, 'pm2')), 'pm2 is missing: `npm ci` in tests/e2e');
  const home = mkdtempSync(join(tmpdir(), 'utakata-pm2-'));
  const env = { PM2_HOME: home, PATH: `${bin}:${process.env.PATH}` };
  const pm2 = (...words) => {
    const done = spawnSync('pm2', words, { env: { ...process.env, ...env }, encoding: 'utf8' });
    assert.equal(done.status, 0, done.stdout + done.stderr);
    return done.stdout;
  };
  let fleet;
  t.after(async () => {
    await fleet?.stop();
    if (existsSync(join(home, 'pm2.pid'))) pm2('kill');
    rmSync(home, { recursive: true, force: true });
  });
  // A PM2 that does not run is not started by being asked.
  fleet = await start_stack({ yaml: yaml('{ pm2: game }'), env });
  await wait_for(() => /cannot be listed: .*no PM2 runs whose home is/.test(fleet.output()), {
    what: 'the missing PM2 to be told',
  });
  assert.ok(!existsSync(join(home, 'pm2.pid')));

  const ports = await free_ports(3);
  const apps = ['game', 'game', 'lobby'].map((name, i) => ({
    name, script: join(home, 'serve.cjs'), exec_mode: 'fork', env: { PORT: ports[i] },
  })); // prettier-ignore
  const served = `import(${JSON.stringify(app)}).then((app) => app.serve());`;
  writeFileSync(join(home, 'serve.cjs'), served); // PM2 loads it: it is not the main module
  writeFileSync(join(home, 'all.config.cjs'), `module.exports = ${JSON.stringify({ apps })};`);
  pm2('start', join(home, 'all.config.cjs'));
  const both = await fleet.serving('game', 2);
  assert.deepEqual(both.map((one) => port_of(one)).sort(), ports.slice(0, 2).sort());
  assert.match(both[0].handle, /^pm2 \d+ pid \d+ started \d+$/);
  const clients = await connected(fleet, [ports[0], ports[0], ports[1]]);

  // Restarted by PM2 it is another instance.
  const victim = both.find((one) => port_of(one) === ports[1]);
  pm2('stop', victim.handle.split(' ')[1]);
  await fleet.serving('game', 1);
  pm2('start', victim.handle.split(' ')[1]);
  const after = await fleet.serving('game', 2);
  assert.ok(after.every((one) => one.id !== victim.id));
  pm2('restart', victim.handle.split(' ')[1]);
  const at = (all) => all.find((one) => port_of(one) === ports[1])?.id;
  await wait_for(
    async () => {
      const now = await fleet.serving('game', 2);
      return at(now) !== at(after);
    },
    { what: 'the restart to be seen' },
  );
  await judged(fleet, { clients: clients.slice(0, 2), ports, ends: 2 });
  assert.equal(JSON.parse(pm2('jlist').trim().split('\n').at(-1)).length, 3);
});
