// `utakata adopt`: what somebody else started becomes an instance, its clients stay, and it is
// drained and ended like any other.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { WsClient } from './kit/clients.mjs';
import { start_dockerd, why_not } from './kit/docker.mjs';
import { free_ports } from './kit/ports.mjs';
import { start_stack } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

const app = new URL('./kit/app-ws.mjs', import.meta.url).pathname;

const docs = readFileSync(new URL('../../docs/adopt.md', import.meta.url), 'utf8');
// A block's commands, with what is another one here.
const commands = (name, words) =>
  docs
    .match(new RegExp(`<!-- tested: ${name} -->\n\`\`\`sh\n([^]*?)\n\`\`\``))[1]
    .split('\n')
    .map((line) => line.split(' ').slice(1).map((word) => words[word] ?? word));

test('every command of docs/adopt.md is tested', () => {
  assert.equal(docs.match(/^<!-- tested: \w+ -->\n```sh$/gm).length, docs.match(/^```sh$/gm).length);
});

// By hand, as it would be by a shell or another supervisor.
async function started(t, port, { line = ['node', app], env = {} } = {}) {
  const child = spawn(line[0], line.slice(1), {
    env: { ...process.env, PORT: String(port), ...env },
    stdio: 'ignore',
  });
  t.after(() => child.kill('SIGKILL'));
  await wait_for(async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok, {
    what: `a server on ${port}`,
  });
  return child;
}
const ended = (child) =>
  wait_for(() => child.exitCode !== null || child.signalCode !== null, {
    what: 'its end',
    within: 30_000,
  });
const has_ended = (pid) =>
  wait_for(
    () => {
      try {
        return !process.kill(pid, 0);
      } catch {
        return true;
      }
    },
    { what: `the end of ${pid}` },
  );

const yaml =
  (keys, settle = '2s') =>
  ({ listen, ports, kit }) => `stack: mixed
provider: process
api: { listen: ${listen}, ports: ${ports} }
clusters:
  game:
    run: exec node ${kit}/app-ws.mjs
    ready: { http: /healthz }
    capacity: 10
    settle: ${settle}
    hold: 3s
${keys}
`;

for (const [how, count] of [
  ['by HTTP', 'count: { http: /stats, field: connections, accepted: accepted }'],
  ['by its sockets', 'count: { sockets: true }'],
])
  test(`an adopted process, counted ${how}, is placed on and drained, and nobody is cut`, async (t) => {
    const [port] = await free_ports(1);
    const child = await started(t, port);
    const fleet = await start_stack({ yaml: yaml(`    ${count}\n    instances: { min: 1, max: 3 }`) });
    t.after(() => fleet.stop());
    const [own] = await fleet.serving('game', 1);
    const open = () => new WsClient({ url: `ws://127.0.0.1:${port}` }).open();
    const clients = await Promise.all([open(), open(), open()]);
    const [plain] = commands('process', { 4711: String(child.pid) });
    const adopted = await fleet.command(...plain);
    assert.equal(adopted.code, 0, adopted.stderr);
    assert.match(adopted.stdout, /^game-2 adopted: pid \d+ started \d+/);
    const [intent] = await fleet.activities({ kind: 'adopt' });
    assert.equal(intent.by, 'operator');
    assert.equal(intent.instance, 'game-2');
    // Its three clients count, so the one without any is let go: nobody is cut by that.
    const [left] = await wait_for(
      async () => {
        const all = await fleet.serving('game', 1);
        return all[0].id === 'game-2' && all[0].connections === 3 && all;
      },
      { what: 'the launched one to be scaled in', within: 30_000 },
    );
    assert.equal(left.address, `127.0.0.1:${port}`);
    await wait_for(
      async () => (await fleet.activities({ kind: 'gone', instance: own.id })).length === 1,
      { what: 'the end of it' },
    );

    // The next life of the controller has it by its record, and clients are sent to it.
    await fleet.restart();
    await fleet.serving('game', 1);
    const placed = await wait_for(async () => {
      const answer = await fleet.place('game');
      return answer.status < 300 && answer.body;
    });
    assert.equal(placed.url, `ws://127.0.0.1:${port}`);
    const late = await new WsClient(placed).open();
    assert.ok(clients.every((client) => client.is_open));

    const drained = await fleet.command('drain', 'game-2');
    assert.equal(drained.code, 0, drained.stderr);
    await wait_for(async () => (await fleet.instance('game-2')).lifecycle === 'draining');
    await fleet.serving('game', 1); // another one in its stead
    for (const client of clients) assert.equal(await client.echo('still here'), 'still here');
    assert.equal(child.exitCode, null);
    [...clients, late].forEach((client) => client.cut());
    await ended(child);
    assert.equal(child.exitCode, 0, 'it was told to end, and did');
    await wait_for(async () => !(await fleet.instance('game-2')));
    const [end] = await fleet.activities({ kind: 'gone', instance: 'game-2' });
    assert.match(end.because, /because it is no child of this controller/);
    assert.ok(!end.cut);
  });

test('what an adopted process started ends with it, and so does everything with down', async (t) => {
  const ports = await free_ports(2);
  const folder = mkdtempSync(join(tmpdir(), 'utakata-adopt-'));
  t.after(() => rmSync(folder, { recursive: true }));
  // Neither hears of SIGTERM: that comes to an end by the grace alone.
  const line = ['sh', '-c', `trap "" TERM; node ${app} & echo $! >${folder}/pid; wait; wait`];
  const child = await started(t, ports[0], { line });
  const other = await started(t, ports[1]);
  const fleet = await start_stack({
    yaml: yaml(
      '    count: { http: /stats, field: connections }\n    drain: { grace: 1s }\n    instances: 3',
      '10m', // those without clients would be the first to be let go
    ),
  });
  t.after(() => fleet.stop());
  await fleet.serving('game', 3);
  const full = await fleet.command('adopt', 'game', '--pid', String(child.pid));
  assert.equal(full.code, 1);
  assert.match(full.stderr, /game would have 4 instances, and `instances.max` is 3: raise it/);
  const inner = Number(readFileSync(join(folder, 'pid'), 'utf8'));
  writeFileSync(
    fleet.stack_file,
    readFileSync(fleet.stack_file, 'utf8').replace('instances: 3', 'instances: { min: 3, max: 6 }'),
  );
  assert.equal((await fleet.command('up', fleet.stack_file)).code, 0);
  for (const pid of [child.pid, other.pid]) {
    const done = await fleet.command('adopt', 'game', '--pid', String(pid));
    assert.equal(done.code, 0, done.stderr);
  }
  const both = (await fleet.instances('game')).filter(({ handle }) =>
    [child.pid, other.pid].some((pid) => handle.startsWith(`pid ${pid} `)),
  );
  assert.equal(both.length, 2);
  const wrapped = both.find(({ handle }) => handle.startsWith(`pid ${child.pid} `));
  await wait_for(async () => (await fleet.instance(wrapped.id)).lifecycle === 'serving');
  assert.equal((await fleet.command('drain', wrapped.id, '--now')).code, 0);
  await has_ended(inner);
  await ended(child);
  assert.equal(other.exitCode, null);
  await fleet.stop();
  await ended(other);
});

test('what cannot be adopted is told in a sentence, and nothing changes', async (t) => {
  const [port, second, third] = await free_ports(3);
  const child = await started(t, port);
  const silent = spawn('sleep', ['1000']);
  t.after(() => silent.kill('SIGKILL'));
  const two = spawn(process.execPath, [
    '-e',
    `for (const port of [${second}, ${third}]) require('http').createServer((_, r) => r.writeHead(404).end()).listen(port, '127.0.0.1')`,
  ]);
  t.after(() => two.kill('SIGKILL'));
  await wait_for(async () => (await fetch(`http://127.0.0.1:${third}`)).status === 404);
  const fleet = await start_stack({
    yaml: yaml('    count: { http: /stats, field: connections }\n    instances: { min: 1, max: 3 }'),
  });
  t.after(() => fleet.stop());
  const [own] = await fleet.serving('game', 1);
  const own_pid = own.handle.split(' ')[1];
  const refused = async (code, said, ...words) => {
    const done = await fleet.command('adopt', ...words);
    assert.equal(done.code, code, `${words.join(' ')}: ${done.stdout}${done.stderr}`);
    assert.match(done.stderr, said);
    assert.equal(done.stderr.trim().split('\n').length, 1);
  };
  const gone = spawn('true');
  await ended(gone);
  await refused(2, /say which: --pid of a process, or --label of containers/, 'game');
  await refused(2, /say which/, 'game', '--pid', '7', '--label', 'app=game');
  await refused(1, /there is no cluster `gme`; did you mean `game`/, 'gme', '--pid', '7');
  await refused(1, /process 1 cannot be adopted/, 'game', '--pid', '1');
  await refused(1, /is this controller itself, or has started it/, 'game', '--pid', String(fleet.child.pid));
  await refused(1, /is this controller itself, or has started it/, 'game', '--pid', String(process.pid));
  await refused(1, /there is no process \d+ on this host/, 'game', '--pid', String(gone.pid));
  await refused(1, /listens on no port: name the one that does/, 'game', '--pid', String(silent.pid));
  await refused(1, /is of game-1, an instance of Utakata's already/, 'game', '--pid', own_pid);
  await refused(1, /listens on \d+, \d+: name one of them by --port/, 'game', '--pid', String(two.pid));
  await refused(1, /listens on \d+: name one of them/, 'game', '--pid', String(child.pid), '--port', String(second));
  await refused(1, /is not ready as game is to be: .*404.*; nothing was adopted/, 'game', '--pid', String(two.pid), '--port', String(second));
  await refused(1, /with `provider: process` instances are processes: name one by --pid/, 'game', '--label', 'app=game');
  assert.deepEqual((await fleet.instances('game')).map(({ id }) => id), ['game-1']);
  const [, whole] = commands('process', { 4711: String(child.pid), 3000: String(port) });
  const done = await fleet.command(...whole);
  assert.equal(done.code, 0, done.stderr);
  await refused(1, /process \d+ is of game-2 already/, 'game', '--pid', String(child.pid));
  const path = `${fleet.path}/clusters/game/adopt`;
  assert.equal((await fleet.call('POST', path, {})).status, 400);
  assert.equal((await fleet.call('POST', path, { pid: 'x' })).status, 400);
  assert.equal((await fleet.call('POST', path, { pid: 7, pod: 8 })).status, 400);
  assert.equal((await fleet.call('POST', path, { pid: child.pid }, { token: '' })).status, 401);
  for (const one of [silent, two]) assert.equal(one.exitCode, null);
});

test('containers by label: adopted, kept over a restart, drained, stopped and left there', { skip: why_not }, async (t) => {
  const engine = await start_dockerd();
  let fleet;
  t.after(async () => {
    await fleet?.stop();
    await engine.stop();
  });
  const ports = await free_ports(2);
  const run = (name, port, ...words) => {
    const { status, stdout, stderr } = engine.docker(
      'run', '-d', '--name', name, '--network', 'host', '-e', `PORT=${port}`, ...words,
      engine.image, 'node', 'app-ws.mjs',
    ); // prettier-ignore
    assert.equal(status, 0, stderr);
    return stdout.trim();
  };
  const container = run('theirs', ports[0], '--label', 'app=game');
  run('eternal', ports[1], '--label', 'app=eternal', '--restart', 'always');
  fleet = await start_stack({
    yaml: ({ listen, ports, mark }) => `stack: mixed
provider: docker
docker: { socket: ${engine.socket} }
api: { listen: "${listen}", ports: ${ports} }
clusters:
  game:
    image: ${engine.image}
    run: exec node app-ws.mjs
    env: { E2E_MARK: "${mark}" }
    ready: { http: /healthz }
    count: { sockets: true }
    capacity: 10
    instances: { min: 1, max: 3 }
`,
  });
  await fleet.serving('game', 1);
  await wait_for(async () => (await fetch(`http://127.0.0.1:${ports[0]}/healthz`)).ok);
  const refused = async (said, ...words) => {
    const done = await fleet.command('adopt', 'game', ...words);
    assert.equal(done.code, 1, done.stdout);
    assert.match(done.stderr, said);
  };
  await refused(/no running container has the label app=none/, '--label', 'app=none');
  await refused(/theirs is in the host's network: name the port/, '--label', 'app=game');
  await refused(/start container eternal anew \(always\): first say `docker update --restart=no eternal`/, '--label', 'app=eternal', '--port', String(ports[1])); // prettier-ignore
  await refused(/instances are containers: name them by --label/, '--pid', String(process.pid));

  const client = await new WsClient({ url: `ws://127.0.0.1:${ports[0]}` }).open();
  const [words] = commands('containers', { 3000: String(ports[0]) });
  const done = await fleet.command(...words);
  assert.equal(done.code, 0, done.stderr);
  await refused(/are adopted already/, ...words.slice(2));
  const counted = () =>
    wait_for(async () => {
      const one = await fleet.instance('game-2');
      return one.lifecycle === 'serving' && one.connections === 1 && one;
    });
  assert.equal((await counted()).handle, `docker ${container}`);
  await fleet.restart();
  await counted();
  assert.equal((await fleet.command('drain', 'game-2')).code, 0);
  assert.equal(await client.echo('still here'), 'still here');
  client.cut();
  await wait_for(async () => !(await fleet.instance('game-2')), { within: 30_000 });
  const [left] = JSON.parse(engine.docker('inspect', container).stdout);
  assert.equal(left.State.Status, 'exited');
  assert.equal(left.State.ExitCode, 0);

  // One that dies by itself is heard of at once, as any other.
  engine.docker('start', container);
  await wait_for(async () => (await fetch(`http://127.0.0.1:${ports[0]}/healthz`)).ok);
  assert.equal((await fleet.command(...words)).code, 0);
  const again = (await fleet.instances('game')).find(({ handle }) => handle.endsWith(container));
  engine.docker('kill', container);
  await wait_for(async () => !(await fleet.instance(again.id)), { what: 'its death to be heard' });
  const [death] = await fleet.activities({ kind: 'gone', instance: again.id });
  assert.match(death.because, /killed|137/);
});
