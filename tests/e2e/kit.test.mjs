// The kit's own tests: a witness that sees nothing would make every other test pass.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WsClient } from './kit/clients.mjs';
import { free_ports, port_range } from './kit/ports.mjs';
import { monotonic_ms, wait_for } from './kit/wait.mjs';
import { Watcher } from './kit/watcher.mjs';

const beside = (name) => fileURLToPath(new URL(`kit/${name}`, import.meta.url));

function app(t, file, { mark = `kit-${process.pid}`, instance = 'app-1', port, ...env } = {}) {
  const child = spawn(process.execPath, [beside(file)], {
    stdio: 'ignore',
    env: {
      ...process.env,
      E2E_MARK: mark,
      UTAKATA_INSTANCE: instance,
      UTAKATA_TOKEN: 'secret',
      PORT: port,
      ...env,
    },
  });
  child.ended = new Promise((done) => {
    child.once('exit', (code, signal) => done({ code, signal }));
  });
  t.after(() => child.kill('SIGKILL'));
  return child;
}
const listens = (port) =>
  wait_for(async () => (await fetch(`http://127.0.0.1:${port}/told`)).ok, { what: `port ${port}` });

async function watch(t, mark) {
  const watcher = new Watcher(mark);
  await watcher.caught_up();
  t.after(() => {
    watcher.kill_all();
    return watcher.stop();
  });
  return watcher;
}

test('a marked process comes and goes: the watcher writes down when', async (t) => {
  const mark = `come-and-go-${process.pid}`;
  const watcher = await watch(t, mark);
  const before = monotonic_ms();
  const [port] = await free_ports(1);
  const child = app(t, 'app-ws.mjs', { mark, port, instance: 'game-7' });
  await listens(port);
  await watcher.caught_up();
  assert.deepEqual(watcher.instances(), ['game-7']);
  assert.deepEqual(watcher.instances('game'), ['game-7']);
  assert.deepEqual(watcher.instances('lobby'), []);
  assert.ok(watcher.born('game-7') >= before);
  assert.equal(watcher.events[0].parent, process.pid);
  assert.equal(watcher.events[0].ran, true);
  assert.equal(watcher.died('game-7'), null);
  const killed = monotonic_ms();
  child.kill('SIGKILL');
  await child.ended;
  await watcher.caught_up();
  assert.deepEqual(watcher.instances(), []);
  assert.ok(watcher.died('game-7') >= killed);
  assert.deepEqual(
    watcher.events.map((event) => event.kind),
    ['birth', 'death'],
  );
});

test('a process of another test is not ours to see', async (t) => {
  const watcher = await watch(t, `mine-${process.pid}`);
  const [port] = await free_ports(1);
  app(t, 'app-ws.mjs', { mark: `theirs-${process.pid}`, port });
  await listens(port);
  await watcher.caught_up();
  assert.deepEqual(watcher.events, []);
});

test('a double fork leaves its parent: the watcher still sees it, until it is ended', async (t) => {
  const mark = `double-${process.pid}`;
  const watcher = await watch(t, mark);
  const [port] = await free_ports(1);
  const child = app(t, 'odd.mjs', { mark, port, ODD: 'double-fork' });
  await listens(port);
  child.kill('SIGKILL');
  await child.ended;
  await wait_for(
    async () => {
      await watcher.caught_up();
      return watcher.pids('app-1').length === 1 && watcher.living.get(watcher.pids('app-1')[0]);
    },
    { what: 'only the forked process to be left' },
  );
  assert.equal(watcher.died('app-1'), null);
  watcher.kill_all();
  await wait_for(
    async () => {
      await watcher.caught_up();
      return watcher.died('app-1');
    },
    { what: 'the death of the last one' },
  );
});

test('a client writes down who ended its connection', async (t) => {
  const [port] = await free_ports(1);
  const child = app(t, 'app-ws.mjs', { port });
  await listens(port);
  const place = { instance: 'app-1', url: `ws://127.0.0.1:${port}` };
  const [leaver, stayer] = [await new WsClient(place).open(), await new WsClient(place).open()];
  assert.equal(await stayer.echo('foam'), 'foam');
  await leaver.leave();
  assert.equal(leaver.closed.by, 'us');
  assert.equal(stayer.closed, null);
  child.kill('SIGKILL');
  await wait_for(() => stayer.closed, { what: 'the cut' });
  assert.equal(stayer.closed.by, 'them');
});

for (const [words, check] of Object.entries({
  'never-ready': async (ask) => assert.equal((await ask('/healthz')).status, 503),
  'stats-html': async (ask) => assert.match(await (await ask('/stats')).text(), /doctype html/),
  'stats-negative': async (ask) =>
    assert.equal((await (await ask('/stats')).json()).connections, -7),
  'stats-huge': async (ask) =>
    assert.equal((await (await ask('/stats')).json()).connections, 1e300),
  'stats-nothing': (ask) => assert.rejects(ask('/stats')),
  'stats-slow': (ask) => assert.rejects(ask('/stats', 1500), { name: 'TimeoutError' }),
})) {
  test(`an odd app told "${words}" by its file misbehaves from then on`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'utakata-kit-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'odd');
    const [port] = await free_ports(1);
    app(t, 'odd.mjs', { port, ODD_FILE: file });
    await listens(port);
    const ask = (path, timeout = 10_000) =>
      fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(timeout) });
    assert.equal((await (await ask('/stats')).json()).connections, 0);
    assert.equal((await ask('/healthz')).status, 200);
    writeFileSync(file, words);
    await check(ask);
  });
}

test('odd apps that crash at start, or ignore SIGTERM', async (t) => {
  assert.deepEqual(await app(t, 'odd.mjs', { ODD: 'crash-start', port: 0 }).ended, {
    code: 1,
    signal: null,
  });
  const [port] = await free_ports(1);
  const stubborn = app(t, 'odd.mjs', { ODD: 'ignores-term', port });
  await listens(port);
  stubborn.kill('SIGTERM');
  assert.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
  stubborn.kill('SIGKILL');
  assert.equal((await stubborn.ended).signal, 'SIGKILL');
});

test('port ranges taken side by side do not overlap, and come back', async () => {
  const ranges = [await port_range(), await port_range(), await port_range()];
  const firsts = ranges.map((range) => range.first).sort();
  assert.equal(new Set(firsts).size, 3);
  ranges.forEach((range) => range.release());
});

test('what never becomes true fails with its last words', async () => {
  await assert.rejects(
    wait_for(
      () => {
        throw new Error('two of three');
      },
      { within: 50, what: 'three' },
    ),
    /waited 50 ms for three; the last answer was: two of three/,
  );
});
