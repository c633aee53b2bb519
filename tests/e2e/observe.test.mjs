// `provider: observe`: instances that somebody else runs, here the test. They are found, counted,
// placed into, and never touched.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { WsClient } from './kit/clients.mjs';
import { free_ports } from './kit/ports.mjs';
import { start_stack } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

const app = new URL('./kit/app-ws.mjs', import.meta.url).pathname;

async function serve(t, port) {
  const child = spawn(process.execPath, [app], {
    env: { ...process.env, PORT: String(port) },
    stdio: 'ignore',
  });
  t.after(() => child.kill('SIGKILL'));
  await wait_for(async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok, {
    what: `a server on ${port}`,
  });
  return child;
}

const yaml =
  (observe, powers = '') =>
  ({ listen, ports, folder }) => `stack: shadow
provider: observe
${powers}
api: { listen: ${listen}, ports: ${ports} }
clusters:
  game:
    observe: ${observe(folder)}
    count: { http: /stats, field: connections, accepted: accepted }
    ready: { http: /healthz }
    drain: { tell: POST /drain }
    capacity: 10
    instances: { min: 3, max: 8 }
`;
const told = async (port) => (await fetch(`http://127.0.0.1:${port}/told`)).json();

test('what a command lists is found and gone, is told what it would do, and is untouched by down', async (t) => {
  const ports = await free_ports(2);
  const servers = [await serve(t, ports[0]), await serve(t, ports[1])];
  const print = (fleet, list) =>
    writeFileSync(
      join(fleet.folder, 'list.json'),
      typeof list === 'string'
        ? list
        : JSON.stringify(list.map((port) => ({ host: '127.0.0.1', port, id: `box-${port}` }))),
    );
  const fleet = await start_stack({ yaml: yaml(() => '{ command: cat list.json }') });
  t.after(() => fleet.stop());
  await wait_for(() => /its instances cannot be listed: .*No such file/.test(fleet.output()), {
    what: 'the missing list to be told',
  });
  print(fleet, ports);
  let both = await fleet.serving('game', 2);
  assert.deepEqual(both.map((one) => one.handle).sort(), ports.map((port) => `box-${port}`).sort());
  const explained = await fleet.explain('game');
  assert.match(explained.withheld.join(), /launch game-\d+: /);
  const client = await new WsClient({ instance: 'x', url: `ws://127.0.0.1:${ports[0]}` }).open();
  await wait_for(
    async () => (await fleet.instances('game')).some((one) => one.connections === 1),
    { what: 'the client to be counted' },
  );
  // Without the power to place nobody is placed, and by hand nothing is touched either.
  assert.equal((await fleet.place('game')).status, 503);
  assert.equal((await fleet.call('POST', `${fleet.path}/instances/game-1/drain`, {})).status, 409);
  const shown = await fleet.command('ps', '--stack', 'shadow');
  assert.match(shown.stdout, /game-1 +serving/);
  assert.match((await fleet.command('explain', 'game', '--stack', 'shadow')).stdout, /launch/);

  // The controller's death changes nothing: what it knew it knows again, by the same names.
  await fleet.restart();
  both = await fleet.serving('game', 2);
  assert.deepEqual(both.map((one) => one.id).sort(), ['game-1', 'game-2']);

  print(fleet, 'not a list');
  await wait_for(() => /cannot be listed: not a JSON list/.test(fleet.output()), {
    what: 'the bad list to be told',
  });
  assert.equal((await fleet.instances('game')).length, 2);

  print(fleet, [ports[0]]);
  await fleet.serving('game', 1);
  const gone = (await fleet.activities({ kind: 'gone' })).at(-1);
  assert.equal(gone.because, 'it is not listed any more');

  const down = await fleet.command('down', 'shadow');
  assert.equal(down.code, 0, down.stderr);
  assert.match(down.stdout, /others run them, and they go on/);
  assert.ok(client.is_open);
  assert.equal(await client.echo('still here'), 'still here');
  for (const [i, port] of ports.entries()) {
    assert.equal(servers[i].exitCode, null);
    assert.deepEqual((await told(port)).told, []);
  }
  client.cut();
});

test('with the power to place, handed over while it runs, clients get observed instances', async (t) => {
  const ports = await free_ports(2);
  for (const port of ports) await serve(t, port);
  const list = () => `{ list: [${ports.map((port) => `"127.0.0.1:${port}"`)}] }`;
  const fleet = await start_stack({ yaml: yaml(list) });
  t.after(() => fleet.stop());
  await fleet.serving('game', 2);
  assert.equal((await fleet.place('game')).status, 503);
  const text = readFileSync(fleet.stack_file, 'utf8');
  const refused = text.replace('provider: observe\n', 'provider: observe\npowers: [observe, launch]\n');
  writeFileSync(fleet.stack_file, refused);
  const wrong = await fleet.command('up', fleet.stack_file);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /may only be of `observe` and `place`/);
  writeFileSync(
    fleet.stack_file,
    text.replace('provider: observe\n', 'provider: observe\npowers: [observe, place]\n'),
  );
  const applied = await fleet.command('up', fleet.stack_file);
  assert.match(applied.stdout, /powers: observe -> observe, place/);
  const [noted] = await fleet.activities({ kind: 'powers' });
  assert.equal(noted.because, 'observe -> observe, place');
  assert.equal(noted.by, 'operator');
  const seats = [];
  await wait_for(async () => {
    const answer = await fleet.place('game');
    if (answer.status < 300) seats.push(answer.body.url);
    return seats.length === 4;
  });
  assert.deepEqual([...new Set(seats)].sort(), ports.map((port) => `ws://127.0.0.1:${port}`).sort());
});

test('a file of another provider does not take over what this one knows', async (t) => {
  const [port] = await free_ports(1);
  await serve(t, port);
  const fleet = await start_stack({ yaml: yaml(() => `{ list: ["127.0.0.1:${port}"] }`) });
  t.after(() => fleet.stop());
  await fleet.serving('game', 1);
  const text = readFileSync(fleet.stack_file, 'utf8');
  const launching = text
    .replace('provider: observe', 'provider: process')
    .replace(/observe: .*/, 'run: sleep 1000');
  writeFileSync(fleet.stack_file, launching);
  const running = await fleet.command('up', fleet.stack_file);
  assert.equal(running.code, 1);
  assert.match(running.stderr, /`provider` cannot change under a running controller/);
  await fleet.kill9();
  const fresh = await fleet.command('up', fleet.stack_file);
  assert.equal(fresh.code, 2);
  assert.match(fresh.stderr, /still has game-1, which others run/);
  writeFileSync(fleet.stack_file, text);
  assert.ok(existsSync(join(fleet.folder, 'shadow.db')));
});
