// A shadow beside instances of others: docs/shadow.md command by command, and what damage does to a
// record.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { WsClient } from './kit/clients.mjs';
import { free_ports, port_range } from './kit/ports.mjs';
import { start_stack, utakata_program } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

const docs = readFileSync(new URL('../../docs/shadow.md', import.meta.url), 'utf8');
const app = new URL('./kit/app-ws.mjs', import.meta.url).pathname;
const commands = (name) => {
  const found = docs.match(new RegExp(`<!-- tested: ${name} -->\n\`\`\`sh\n([^]*?)\n\`\`\``));
  assert.ok(found, name);
  return found[1].split('\n').map((line) => line.split(' ').slice(1));
};

async function serve(t, port) {
  const env = { ...process.env, PORT: String(port) };
  const child = spawn(process.execPath, [app], { env, stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  await wait_for(async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok, {
    what: `a server on ${port}`,
  });
  return child;
}

test('every command of docs/shadow.md is tested', () => {
  const blocks = docs.match(/^```sh$/gm).length;
  assert.equal(docs.match(/^<!-- tested: \w+ -->\n```sh$/gm).length, blocks);
});

test('a kill with clients on it is in the report, beside what would have been', async (t) => {
  const [list_port, ...ports] = await free_ports(3);
  const servers = [await serve(t, ports[0]), await serve(t, ports[1])];
  let listed = ports.map((port, i) => ({ host: '127.0.0.1', port, id: `box-${i}` }));
  const lister = createServer((_, response) => response.end(JSON.stringify(listed)));
  await new Promise((resolve) => lister.listen(list_port, '127.0.0.1', resolve));
  t.after(() => {
    lister.close();
    lister.closeAllConnections();
  });
  const text = docs.match(/```yaml\n([^]*?)\n```/)[1].replace('127.0.0.1:4999', `127.0.0.1:${list_port}`);
  const fleet = await start_stack({
    yaml: ({ listen, ports }) => `${text}\napi: { listen: ${listen}, ports: ${ports} }\n`,
  });
  t.after(() => fleet.stop());
  await fleet.serving('game', 2);
  for (const words of commands('watch')) {
    const done = await fleet.command(...words);
    assert.equal(done.code, 0, `${words.join(' ')}\n${done.stdout}${done.stderr}`);
  }
  const clients = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      new WsClient({ url: `ws://127.0.0.1:${ports[i % 2]}` }).open(),
    ),
  );
  await wait_for(
    async () =>
      (await fleet.instances('game')).reduce((sum, one) => sum + one.connections, 0) === 20,
  );
  await sleep(12_000); // recorded
  servers[0].kill('SIGKILL');
  listed = listed.slice(1);
  await fleet.serving('game', 1);
  await sleep(10_000); // recorded, and written: four seconds are gathered

  const report = async (...words) => {
    const done = await fleet.command(...words);
    assert.equal(done.code, 0, `${words.join(' ')}\n${done.stdout}${done.stderr}`);
    return done.stdout;
  };
  const [short, page, json] = commands('report');
  const said = await report(...short);
  assert.match(said, /clients cut +10 +0/);
  assert.match(said, /T\d\d:\d\d:\d\d +game-1 +scaled in +with 10 clients on it/);
  assert.match(said, /instance-hours +0\.0\d/);
  await report(...page);
  assert.match(readFileSync(join(fleet.folder, 'shadow.html'), 'utf8'), /game-1.*scaled in/);
  const whole = JSON.parse(await report(...json));
  const [game] = whole.clusters;
  assert.equal(whole.damaged, 0);
  assert.equal(game.happened.ends[0].cut, 10);
  assert.ok(game.minutes.every((one) => one.had > 0 && one.would[0].instances >= 2));
  assert.match(game.minutes[0].would[0].why, /^launch game-\d/);

  writeFileSync(join(fleet.folder, 'new.yaml'), text.replace('min: 2', 'min: 4'));
  writeFileSync(join(fleet.folder, 'other.yaml'), text.replace('min: 2', 'min: 3'));
  const [plain, with_new, both] = commands('replay');
  assert.match(await report(...plain), /happened +replayed/);
  assert.match(await report(...with_new), /instances at most +2 +4/);

  // The controller is gone, and so is a part of the record: neither keeps it from being read.
  await fleet.command('down', '--stack', 'shadow');
  await fleet.exited;
  const damage = spawnSync('python3', [
    '-c',
    `import sqlite3, sys
store = sqlite3.connect(sys.argv[1])
store.execute("UPDATE observations SET blob = substr(blob, 1, 9) WHERE number % 7 = 0")
store.execute("UPDATE observations SET blob = x'ff00ff' WHERE number % 7 = 1")
store.execute("UPDATE observations SET blob = x'' WHERE number % 7 = 2")
store.commit()
print(store.execute("SELECT count(*) FROM observations WHERE number % 7 < 3").fetchone()[0])`,
    join(fleet.folder, 'shadow.db'),
  ]);
  const damaged = Number(String(damage.stdout));
  assert.ok(damaged > 5, String(damage.stderr));
  const replayed = JSON.parse(await report(...both));
  assert.equal(replayed.damaged, damaged);
  assert.deepEqual(replayed.names, ['new.yaml', 'other.yaml']);
  assert.deepEqual(
    replayed.clusters[0].would.map((one) => one.instances_most),
    [4, 3],
  );
  assert.match(
    await report('replay', '--store', 'shadow.db'),
    new RegExp(`${damaged} recorded observations could not be read, and were passed over`),
  );
  clients.forEach((one) => one.cut());
});

test('what is wrong with a replay is told in a sentence, with 2 or 1', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'utakata-replay-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'text.db'), 'not a database, but long enough to look at, and more\n'.repeat(20));
  const cases = [
    [['replay'], 2, /no stack is known here: name the file of its record with --store/],
    [['replay', '--since', 'soon'], 2, /--since must be a time such as 24h, yesterday or 2026/],
    [['replay', '--stack', 'gone'], 1, /nothing is known here of a stack gone/],
    [['replay', '--store', 'absent.db'], 1, /absent\.db: there is no such file/],
    [['replay', '--store', 'text.db'], 2, /text\.db/],
    [['shadow'], 2, /report|subcommand/],
  ];
  for (const [words, code, said] of cases) {
    const done = spawnSync(utakata_program(), words, {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, UTAKATA_HOME: join(folder, 'home') },
    });
    assert.equal(done.status, code, `${words.join(' ')}: ${done.stdout}${done.stderr}`);
    assert.match(done.stderr, said);
  }
});

test('the example shows what the home-made autoscaler cut', async (t) => {
  const ports = await port_range();
  t.after(() => ports.release());
  const folder = mkdtempSync(join(tmpdir(), 'utakata-shadow-example-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const program = new URL('../../examples/shadow/run.mjs', import.meta.url).pathname;
  const child = spawn(process.execPath, [program, '--seconds', '40', '--players', '60'], {
    cwd: folder,
    env: {
      ...process.env,
      UTAKATA_BIN: utakata_program(),
      PORT: String(ports.last),
      API_PORT: String(ports.last - 1),
      FIRST_PORT: String(ports.first),
    },
  });
  let said = '';
  child.stdout.on('data', (data) => (said += data));
  child.stderr.on('data', (data) => (said += data));
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(code, 0, said);
  const cuts = Number(/the players were cut (\d+) times/.exec(said)[1]);
  const told = Number(/clients cut +(\d+) +0/.exec(said)?.[1]);
  assert.ok(cuts > 5, said);
  // Some a second come and go: who left after the last count, or came, is in one of the two alone.
  assert.ok(Math.abs(cuts - told) <= Math.max(8, cuts * 0.4), said);
  assert.match(said, /(scaled in|replaced) +with \d+ clients? on it/);
  assert.ok(existsSync(join(folder, 'shadow.html')));
});
