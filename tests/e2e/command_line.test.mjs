// The command line as typed: help, exit codes, --json, the nearest known name, and what each order
// does to a fleet with clients on it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Crowd } from './kit/clients.mjs';
import { port_range } from './kit/ports.mjs';
import { start_stack, utakata_program } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';
import { Watcher } from './kit/watcher.mjs';

const kit = fileURLToPath(new URL('kit', import.meta.url));

// Runs the program in a folder and home of its own: {code, stdout, stderr}; `child` to signal it.
function utakata(home, args, env = {}) {
  const child = spawn(utakata_program(), args, {
    cwd: home,
    env: { ...process.env, NO_COLOR: '1', UTAKATA_HOME: home, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { child, stdout: '', stderr: '' };
  child.stdout.on('data', (data) => (said.stdout += data));
  child.stderr.on('data', (data) => (said.stderr += data));
  said.ended = new Promise((done, failed) => {
    child.once('error', failed);
    child.once('close', (code, signal) => done(Object.assign(said, { code, signal })));
  });
  return said;
}

function empty_home(t) {
  const home = mkdtempSync(join(tmpdir(), 'utakata-e2e-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  return home;
}

const commands = [
  'run up down ps logs activities explain exec place',
  'scale drain undrain replace restart check schema',
].flatMap((line) => line.split(' '));

test('every command has its help', async (t) => {
  const home = empty_home(t);
  const all = await utakata(home, ['--help']).ended;
  assert.equal(all.code, 0);
  for (const name of commands) {
    assert.match(all.stdout, new RegExp(`^ +${name} +[A-Z]`, 'm'), `${name} is listed`);
    const help = await utakata(home, [name, '--help']).ended;
    assert.equal(help.code, 0, `${name} --help: ${help.stderr}`);
    assert.ok(help.stdout.includes(name) && help.stdout.includes('--help'), help.stdout);
    assert.equal(help.stderr, '');
  }
  assert.match((await utakata(home, ['--version']).ended).stdout, /^utakata \d+\.\d+/);
});

test('misuse ends with 2 and one sentence that says how', async (t) => {
  const home = empty_home(t);
  const cases = [
    [[], /Usage|utakata --help/],
    [['explian', 'app'], /`explian` is no command, did you mean `explain`\?/],
    [['frobnicate'], /`frobnicate` is no command/],
    [['deploy', 'x.yaml'], /not yet/],
    [['load', 'x.mjs'], /x\.mjs is no file/],
    [['load', 'x.mjs', '--cluster', 'bees', '--agents', 'a:1'], /--cluster excludes --agents/],
    [['load', fileURLToPath(import.meta.url), '--agents', 'nonsense'], /nonsense is no agent's address: write HOST:PORT/],
    [['load', 'x.mjs', '-e', 'WHO'], /WHO is not NAME=VALUE/],
    [['load', 'agent', '--listen', '0.0.0.0'], /set LOAD_TOKEN/],
    [['ps', '--jason'], /--jason/],
    [['scale', 'app'], /how many instances, or --auto/],
    [['scale', 'app', 'three'], /three/],
    [['drain'], /instance/],
    [['drain', 'app-1', '--deadline', 'soon'], /30s or 10m, not soon/],
    [['run'], /command/],
    [['run', '--instances', '5..2', '--', 'true'], /5\.\.2/],
    [['run', '--listen', 'nowhere', '--', 'true'], /nowhere/],
    [['up', 'absent.yaml'], /absent\.yaml cannot be read/],
    [['check', 'absent.yaml'], /absent\.yaml cannot be read/],
    [['up', 'absent.yaml', '-p', 'x'], /./],
  ];
  for (const [args, words] of cases) {
    const answer = await utakata(home, args).ended;
    const shown = `utakata ${args.join(' ')}: ${answer.code} ${answer.stdout}${answer.stderr}`;
    assert.equal(answer.code, 2, shown);
    assert.match(answer.stderr, words, shown);
    assert.equal(answer.stdout, '', shown);
  }
});

test('without a controller the commands say so, with 1', async (t) => {
  const home = empty_home(t);
  for (const args of [['ps'], ['explain', 'app'], ['down'], ['place', 'app'], ['logs']]) {
    const answer = await utakata(home, args).ended;
    assert.equal(answer.code, 1, args.join(' '));
    assert.match(answer.stderr, /no stack is running here: start one with `utakata up/);
  }
  const named = await utakata(home, ['ps', '--stack', 'show']).ended;
  assert.equal(named.code, 1);
  assert.match(named.stderr, /no stack named show is running here/);
  const [url] = await utakata(home, [
    'ps',
    '--stack',
    'show',
    '--url',
    'http://127.0.0.1:1',
  ]).ended.then((answer) => [answer]);
  assert.equal(url.code, 1);
  assert.match(url.stderr, /no controller answers at http:\/\/127\.0\.0\.1:1/);
});

test('check tells every mistake with its line and column, and as JSON', async (t) => {
  const home = empty_home(t);
  const file = join(home, 'bad.yaml');
  writeFileSync(
    file,
    `stack: show
api: { listen: 127.0.0.1:7070, prots: 20000-29999 }
clusters:
  lobby:
    run: node lobby.js
    capasity: 50
    instances: { min: 5, max: 2 }
    scale:
      - { when: avg(conections) > 400, for: 10s, add: 2 }
    settle: ten minutes
    needs: [reddis]
  redis:
    run: redis-server
    powers: [observe]
`,
  );
  const answer = await utakata(home, ['check', file]).ended;
  assert.equal(answer.code, 2);
  const lines = answer.stderr.split('\n').filter((line) => /^\S*bad\.yaml:\d+:\d+: /.test(line));
  const at = (line, words) =>
    assert.ok(
      lines.some((one) => new RegExp(`bad\\.yaml:${line}:\\d+: .*${words}`).test(one)),
      `line ${line}, ${words}:\n${answer.stderr}`,
    );
  at(2, 'prots.*ports');
  at(6, 'capasity.*capacity');
  at(7, '');
  at(8, 'conections');
  at(10, '');
  at(11, 'reddis.*redis');
  at(14, 'powers');
  const json = await utakata(home, ['check', file, '--json']).ended;
  assert.equal(json.code, 2);
  const { mistakes } = JSON.parse(json.stdout);
  assert.equal(mistakes.length, lines.length);
  for (const one of mistakes) {
    assert.ok(one.line > 0 && one.column > 0 && one.what.length > 10, JSON.stringify(one));
  }

  const good = join(home, 'good.yaml');
  writeFileSync(good, 'stack: show\nclusters:\n  lobby: { run: node lobby.js }\n');
  const well = await utakata(home, ['check', good]).ended;
  assert.equal(well.code, 0, well.stderr);
  assert.match(well.stdout, /good/);
  assert.deepEqual(JSON.parse((await utakata(home, ['check', good, '--json']).ended).stdout), {
    mistakes: [],
    advice: [],
  });
  const schema = await utakata(home, ['schema']).ended;
  assert.equal(schema.code, 0);
  assert.ok(JSON.parse(schema.stdout).properties.clusters);
});

test('run without a file: places, scales, ends with Ctrl-C', async (t) => {
  const home = empty_home(t);
  const mark = `run-${process.pid}`;
  const ports = await port_range();
  t.after(() => ports.release());
  const watcher = new Watcher(mark);
  await watcher.caught_up();
  const running = utakata(
    home,
    [
      'run',
      '--instances',
      '2..4',
      '--capacity',
      '5',
      '--name',
      'bare',
      '--cluster',
      'web',
      '--listen',
      `127.0.0.1:${ports.last}`,
      '--ports',
      `${ports.first}-${ports.last - 1}`,
      '--',
      'perl',
      join(kit, 'listener.pl'),
    ],
    { E2E_MARK: mark },
  );
  t.after(async () => {
    running.child.kill('SIGKILL');
    await running.ended;
    await watcher.caught_up();
    watcher.kill_all();
    await watcher.stop();
  });
  const ps = async () => {
    const answer = await utakata(home, ['ps', '--json']).ended;
    return JSON.parse(answer.stdout).clusters[0];
  };
  await wait_for(async () => (await ps()).serving === 2, { within: 60_000, what: 'two to serve' });
  assert.match(running.stdout, new RegExp(`http://127\\.0\\.0\\.1:${ports.last}/v1/stacks/bare/`));
  // More seats than two can hold, less the headroom: a third comes. What is held ends by itself.
  for (let i = 0; i < 8; i++) {
    const placed = await utakata(home, ['place', 'web', '--hold', '20s', '--json']).ended;
    assert.equal(placed.code, 0, placed.stderr);
    assert.match(JSON.parse(placed.stdout).url, /:\d+/);
  }
  await wait_for(async () => (await ps()).serving >= 3, { within: 60_000, what: 'a third' });
  const second = await utakata(home, ['run', '--name', 'bare', '--', 'true']).ended;
  assert.equal(second.code, 2);
  assert.match(second.stderr, new RegExp(`process ${running.child.pid} already`));
  running.child.kill('SIGINT');
  await wait_for(() => /Ctrl-C again stops at once/.test(running.stdout), { what: 'it to drain' });
  running.child.kill('SIGINT');
  const end = await running.ended;
  assert.ok([0, 130].includes(end.code), `${end.code ?? end.signal}: ${end.stderr}`);
  await watcher.caught_up();
  assert.deepEqual(watcher.instances(), []);
});

// ---- orders to one fleet ------------------------------------------------------------------------
const yaml = ({ listen, ports }) => `
stack: orders
api: { listen: "${listen}", ports: ${ports} }
store: ./orders.db
clusters:
  app:
    run: exec node ${kit}/app-ws.mjs
    env: { IDLE_CLOSE: "0", COLOUR: blue }
    url: "ws://\${host}:\${port}"
    ready: { http: /healthz, within: 100s }
    count: { http: /stats, field: connections, accepted: accepted }
    capacity: 50
    instances: { min: 2, max: 6 }
    settle: 1s
    hold: 10s # a place that nobody comes for keeps its instance for so long
    drain: { deadline: none, tell: "POST /drain" }
  chatty:
    run: 'echo "hello from $UTAKATA_INSTANCE"; exec perl ${kit}/listener.pl'
    count: { sockets: true }
    instances: 1
`;
let fleet;
before(async () => {
  fleet = await start_stack({ yaml });
  await fleet.serving('app', 2, 100_000);
  await fleet.serving('chatty', 1, 100_000);
});
after(() => fleet?.stop());

const well = async (...args) => {
  const answer = await fleet.command(...args);
  assert.equal(answer.code, 0, `utakata ${args.join(' ')}: ${answer.stderr}`);
  return answer.stdout;
};
const gone = (id) =>
  wait_for(() => fleet.watcher.died(id) !== null, { within: 60_000, what: `${id} to be gone` });

test('--json is JSON, and without it a table for people', async () => {
  const ps = JSON.parse(await well('ps', '--json'));
  assert.deepEqual(ps.clusters.map((one) => one.name).sort(), ['app', 'chatty']);
  assert.ok(JSON.parse(await well('activities', '--json')).activities.length > 0);
  assert.ok(JSON.parse(await well('explain', 'app', '--json')).proposals.length > 0);
  const placed = JSON.parse(await well('place', 'app', '--json'));
  assert.match(placed.url, /^ws:/);
  await fleet.give_back('app', placed.id);
  const table = await well('ps');
  assert.match(table, /app-1\b/);
  assert.ok(!table.includes('\u001b'), 'no colours where nobody looks');
  assert.match(await well('activities'), /launch/);
  assert.match(await well('explain', 'app'), /min/);
  assert.match(
    await well('place', 'app', '--key', 'room-1', '--hold', '2s'),
    /^ws:.*\napp-\d+, placement /,
  );
});

test('an unknown name is answered with 1 and the nearest known', async () => {
  for (const [args, words] of [
    [['explain', 'ap'], /`ap`; did you mean `app`\?/],
    [['place', 'chaty'], /`chaty`; did you mean `chatty`\?/],
    [['scale', 'apps', '3'], /`apps`; did you mean `app`\?/],
    [['drain', 'chatty-11'], /`chatty-11`; did you mean `chatty-1`\?/],
    [['exec', 'nobody-1', '--', 'true'], /nobody-1/],
    [['logs', 'nobody'], /nobody/],
    [['ps', '--stack', 'order'], /did you mean orders\?/],
    [['scale', 'app', '99'], /0 to 6/],
  ]) {
    const answer = await fleet.command(...args);
    assert.equal(answer.code, 1, `utakata ${args.join(' ')}: ${answer.stderr}${answer.stdout}`);
    assert.match(answer.stderr, words);
  }
});

test('logs show what was written; exec runs beside an instance, with its environment', async () => {
  assert.equal(await well('logs', 'chatty-1'), 'hello from chatty-1\n');
  assert.match(await well('logs'), /chatty-1 \| hello from chatty-1/);
  const [one] = fleet.watcher.instances('app');
  const beside = await fleet.command(
    'exec',
    one,
    '--',
    'sh',
    '-c',
    'echo $UTAKATA_INSTANCE $COLOUR; exit 7',
  );
  assert.equal(beside.stdout, `${one} blue\n`);
  assert.equal(beside.code, 7, 'its exit code is the command’s');
  const absent = await fleet.command('exec', one, '--', 'no-such-program');
  assert.equal(absent.code, 1);
  assert.match(absent.stderr, /no-such-program cannot be run/);
});

test('what follows ends with 130 at Ctrl-C', async () => {
  for (const args of [
    ['logs', '-f'],
    ['activities', '-f'],
  ]) {
    const following = utakata(fleet.folder, args, fleet.env);
    await wait_for(() => following.stdout.length > 0, { within: 20_000, what: `${args} to speak` });
    following.child.kill('SIGINT');
    assert.equal((await following.ended).code, 130, args.join(' '));
  }
});

test('drain, undrain, replace: by hand, recorded, nobody cut', async (t) => {
  const crowd = new Crowd(fleet, 'app');
  t.after(() => crowd.end());
  await crowd.add(6);
  const [one] = fleet.watcher.instances('app');
  await well('drain', one);
  await wait_for(async () => (await fleet.instance(one)).lifecycle === 'draining', {
    what: 'drain',
  });
  const told = async () =>
    (await (await fetch((await fleet.instance(one)).url.replace('ws', 'http') + '/told')).json())
      .told;
  await wait_for(async () => (await told()).at(-1)?.state === 'draining', {
    what: 'it to be told',
  });
  const again = await fleet.command('drain', one);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /draining/);
  await well('undrain', one);
  await wait_for(async () => (await fleet.instance(one)).lifecycle === 'serving', {
    what: 'undrain',
  });
  await wait_for(async () => (await told()).at(-1)?.state === 'serving', { what: 'it to be told' });
  await well('replace', one); // another serves before it drains
  await wait_for(async () => (await fleet.instance(one)).lifecycle === 'draining', {
    within: 60_000,
    what: 'the replaced to drain',
  });
  assert.equal(crowd.cuts.length, 0);
  await crowd.leave();
  await gone(one);
  const by_hand = (await fleet.activities({ instance: one })).filter((a) => a.by === 'operator');
  assert.ok(by_hand.length >= 3, JSON.stringify(by_hand));
  assert.equal(crowd.cuts.length, 0);
  await fleet.serving('app', 2, 60_000);
});

test('scale keeps a size until --auto', async () => {
  await well('scale', 'app', '4');
  await fleet.serving('app', 4, 100_000);
  assert.match(await well('explain', 'app'), /operator/);
  await well('scale', 'app', '--auto');
  await fleet.serving('app', 2, 60_000);
  await wait_for(() => fleet.watcher.instances('app').length === 2, {
    within: 60_000,
    what: 'the surplus to be gone',
  });
});

test('restart rolls a cluster out and cuts nobody; drain --now cuts and says whom', async (t) => {
  const crowd = new Crowd(fleet, 'app');
  t.after(() => crowd.end());
  await crowd.add(6);
  const old = fleet.watcher.instances('app');
  await well('restart', 'app');
  await wait_for(
    async () => {
      const all = await fleet.instances('app');
      const fresh = all.filter((i) => i.lifecycle === 'serving' && !old.includes(i.id));
      const leaving = all.filter((i) => old.includes(i.id) && i.lifecycle === 'draining');
      return fresh.length === 2 && leaving.length === old.length;
    },
    { within: 100_000, what: 'two new ones to serve and the old to drain' },
  );
  assert.equal(crowd.cuts.length, 0);
  // Those who leave one of the old let it go; on the other they are cut by order.
  const [first, second] = old;
  await crowd.leave({ instance: first });
  await gone(first);
  assert.equal(fleet.watcher.died(second), null);
  const victims = crowd.on(second).length;
  assert.ok(victims > 0);
  const [fresh] = await fleet.serving('app', 2);
  await crowd.add(2);
  const cut = crowd.on(fresh.id).length;
  await wait_for(async () => (await fleet.instance(fresh.id)).connections === cut, {
    what: 'the newcomers to be counted',
  });
  await well('drain', fresh.id, '--now');
  await gone(fresh.id);
  const stop = (await fleet.activities({ instance: fresh.id, kind: 'stop' }))[0];
  assert.equal(stop.cut ?? 0, cut, 'the record says how many');
  await wait_for(() => crowd.cuts.length === cut, { what: 'the cut to notice' });
  assert.equal(crowd.on(second).length, victims);
  await crowd.leave();
  await gone(second);
  assert.ok(readFileSync(fleet.output_file, 'utf8').includes('restart'));
});
