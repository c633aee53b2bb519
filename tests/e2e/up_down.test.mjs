// `up`, `down` and the signals: who may hold a stack, how it ends, and what is left then.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { Crowd } from './kit/clients.mjs';
import { start_stack } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

const yaml_of =
  (instances, more = '') =>
  ({ listen, ports, kit }) => `
stack: updown
api: { listen: "${listen}", ports: ${ports} }
store: ./updown.db
clusters:
  app:
    run: exec node ${kit}/app-ws.mjs
    url: "ws://\${host}:\${port}"
    ready: { http: /healthz, within: 100s }
    count: { http: /stats, field: connections, accepted: accepted }
    capacity: 50
    instances: ${instances}
${more}`;

const listens = (port) =>
  new Promise((done) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.once('error', () => done(false));
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
  });

// Nothing of the fleet is left: no process, and no listener on any port that it could have had.
async function assert_all_gone(fleet) {
  await fleet.assert_nothing_left();
  for (let port = fleet.ports.first; port <= fleet.ports.last; port++)
    assert.equal(await listens(port), false, `something listens on ${port}`);
}

// What is taken down within a test is judged as it is; otherwise the kit takes it down.
const end_with = (t, fleet) =>
  t.after(() => (fleet.child.exitCode === 0 ? fleet.was_stopped() : fleet.stop()));

const has_ended = (fleet, within = 60_000) =>
  wait_for(() => fleet.child.exitCode !== null || fleet.child.signalCode !== null, {
    within,
    what: 'the controller to end',
  });

test('down while twenty are starting leaves nothing', async (t) => {
  const fleet = await start_stack({ yaml: yaml_of('{ min: 1, max: 20 }') });
  end_with(t, fleet);
  await fleet.serving('app', 1, 100_000);
  const scaled = await fleet.command('scale', 'app', '20');
  assert.equal(scaled.code, 0, scaled.stderr);
  const down = await fleet.command('down');
  assert.equal(down.code, 0, down.stderr + down.stdout);
  assert.match(down.stdout, /processes: none left of \d+ instances?/);
  assert.match(down.stdout, /ports: nothing listens on/);
  await has_ended(fleet);
  assert.equal(fleet.child.exitCode, 0);
  await assert_all_gone(fleet);
  const ever = fleet.watcher.ever('app').length;
  assert.ok(ever >= 1 && ever <= 25, `${ever} were started, total_max is 25`);
  // After a `down` the next `up` serves again.
  await fleet.up();
  await fleet.serving('app', 1, 100_000);
  assert.equal((await fleet.cluster('app')).shutting_down, false);
});

test('down waits for clients; down --now cuts them and says how many', async (t) => {
  const fleet = await start_stack({ yaml: yaml_of('2') });
  end_with(t, fleet);
  await fleet.serving('app', 2, 100_000);
  const crowd = new Crowd(fleet, 'app');
  t.after(() => crowd.end());
  await crowd.add(6);
  const down = fleet.command('down');
  await wait_for(
    async () => (await fleet.instances('app')).every((i) => i.lifecycle === 'draining'),
    {
      within: 30_000,
      what: 'all to drain',
    },
  );
  const refused = await fleet.place('app');
  assert.equal(refused.status, 503);
  // One instance empties and goes; the other, whose clients stay, stays as well.
  const [leaves, stays] = fleet.watcher.instances('app');
  await crowd.leave({ instance: leaves });
  await wait_for(() => fleet.watcher.died(leaves) !== null, {
    within: 60_000,
    what: `${leaves} to be stopped when it is empty`,
  });
  assert.equal(fleet.watcher.died(stays), null);
  assert.equal(crowd.cuts.length, 0);
  const standing = crowd.open.length;
  assert.ok(standing > 0);
  const now = await fleet.command('down', '--now');
  assert.equal(now.code, 0, now.stderr);
  assert.equal((await down).code, 0, 'the first `down` sees the end as well');
  await has_ended(fleet);
  await assert_all_gone(fleet);
  await wait_for(() => crowd.cuts.length === standing, { what: 'the cut to notice' });
  assert.match(
    fleet.output() + now.stdout,
    new RegExp(`${standing} clients?\\b`),
    'how many were cut is said',
  );
});

test('Ctrl-C drains, a second one ends it at once', async (t) => {
  const fleet = await start_stack({ yaml: yaml_of('2') });
  end_with(t, fleet);
  await fleet.serving('app', 2, 100_000);
  const crowd = new Crowd(fleet, 'app');
  t.after(() => crowd.end());
  await crowd.add(4);
  fleet.signal('SIGINT');
  await wait_for(
    async () => (await fleet.instances('app')).every((i) => i.lifecycle === 'draining'),
    {
      within: 30_000,
      what: 'all to drain',
    },
  );
  assert.match(fleet.output(), /draining: every instance stops when its last client has left/);
  assert.equal(crowd.cuts.length, 0);
  const [leaves, stays] = fleet.watcher.instances('app');
  await crowd.leave({ instance: leaves });
  await wait_for(() => fleet.watcher.died(leaves) !== null, {
    within: 60_000,
    what: `${leaves} to be stopped when it is empty`,
  });
  assert.equal(fleet.watcher.died(stays), null);
  assert.equal(crowd.cuts.length, 0);
  fleet.signal('SIGINT');
  await has_ended(fleet);
  assert.ok([0, 130].includes(fleet.child.exitCode), `exit code ${fleet.child.exitCode}`);
  await assert_all_gone(fleet);
});

test('SIGTERM leaves instances running; the next up adopts them, nobody notices', async (t) => {
  const fleet = await start_stack({ yaml: yaml_of('3') });
  end_with(t, fleet);
  const before = await fleet.serving('app', 3, 100_000);
  const crowd = new Crowd(fleet, 'app');
  t.after(() => crowd.end());
  await crowd.add(9);
  fleet.signal('SIGTERM');
  await has_ended(fleet);
  assert.equal(fleet.child.exitCode, 0);
  await fleet.watcher.caught_up();
  assert.equal(fleet.watcher.instances('app').length, 3);
  await fleet.up();
  const after = await fleet.serving('app', 3);
  const names = (list) => list.map((one) => `${one.id} ${one.pid}`).sort();
  assert.deepEqual(names(after), names(before));
  assert.equal(crowd.cuts.length, 0);
  for (const one of crowd.open) assert.equal(await one.echo('still there?'), 'still there?');
  await crowd.add(3);
  await fleet.watcher.caught_up();
  assert.equal(fleet.watcher.ever('app').length, 3, 'none was started beside them');
});

test('a second up: one file changes nothing, another stack may not have the store', async (t) => {
  const fleet = await start_stack({ yaml: yaml_of('1') });
  end_with(t, fleet);
  const [one] = await fleet.serving('app', 1, 100_000);
  const same = await fleet.command('up', fleet.stack_file);
  assert.equal(same.code, 0, same.stderr);
  assert.match(same.stdout, new RegExp(`process ${fleet.pid}\\b`));
  assert.match(same.stdout, /changes nothing/);
  assert.ok(same.stdout.includes(join(fleet.folder, 'updown.db')), 'it names the store');

  const other = join(fleet.folder, 'other.yaml');
  const text = readFileSync(fleet.stack_file, 'utf8');
  writeFileSync(other, text.replace('stack: updown', 'stack: elsewhere'));
  const refused = await fleet.command('up', other);
  assert.equal(refused.code, 2, refused.stdout);
  assert.match(refused.stderr, new RegExp(`held by process ${fleet.pid}\\b`));
  assert.ok(refused.stderr.includes('updown.db'));

  // The same name elsewhere would be a second stack of one name here.
  writeFileSync(other, text.replace('./updown.db', './other.db'));
  const twice = await fleet.command('up', other);
  assert.equal(twice.code, 2, twice.stdout);
  assert.match(twice.stderr, new RegExp(`process ${fleet.pid}\\b`));

  await fleet.watcher.caught_up();
  assert.deepEqual(fleet.watcher.ever('app'), [one.id]);
});

test('up after an edit shows the difference and restarts nothing that need not be', async (t) => {
  const fleet = await start_stack({
    yaml: (words) =>
      yaml_of('{ min: 2, max: 4 }')(words) +
      `  side:
    run: exec perl ${words.kit}/listener.pl
    count: { sockets: true }
    instances: 1
`,
  });
  end_with(t, fleet);
  const before = (await fleet.serving('app', 2, 100_000)).map((one) => one.pid).sort();
  const [side] = await fleet.serving('side', 1);
  const crowd = new Crowd(fleet, 'app');
  t.after(() => crowd.end());
  await crowd.add(4);

  // Numbers only: nobody is restarted, one more is started.
  const edit = (from, to) =>
    writeFileSync(fleet.stack_file, readFileSync(fleet.stack_file, 'utf8').replace(from, to));
  edit('{ min: 2, max: 4 }', '{ min: 3, max: 6 }');
  const edited = await fleet.command('up', fleet.stack_file);
  assert.equal(edited.code, 0, edited.stderr);
  assert.match(edited.stdout, /app: instances\.min 2 -> 3/);
  assert.match(edited.stdout, /app: instances\.max 4 -> 6/);
  const grown = (await fleet.serving('app', 3, 100_000)).map((one) => one.pid);
  for (const pid of before) assert.ok(grown.includes(pid));

  // What the side runs: the side is rolled out, `app` is left alone.
  edit('listener.pl', 'listener.pl again');
  const rolled = await fleet.command('up', fleet.stack_file);
  assert.equal(rolled.code, 0, rolled.stderr);
  assert.match(rolled.stdout, /side: rolled out anew/);
  assert.doesNotMatch(rolled.stdout, /app:/);
  await wait_for(
    async () => {
      const now = await fleet.instances('side');
      return now.length === 1 && now[0].lifecycle === 'serving' && now[0].id !== side.id;
    },
    { within: 60_000, what: 'the side to be another' },
  );
  assert.deepEqual((await fleet.serving('app', 3)).map((one) => one.pid).sort(), grown.sort());

  // A file with mistakes is refused whole, with their places; what runs goes on.
  edit('capacity: 50', 'capasity: 50');
  const wrong = await fleet.command('up', fleet.stack_file);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /stack\.yaml:\d+:\d+: .*capasity.*capacity/);
  edit('capasity: 50', 'capacity: 50');

  // A cluster that the file no longer names drains and goes.
  edit(/ {2}side:[^]*$/, '');
  const removed = await fleet.command('up', fleet.stack_file);
  assert.match(removed.stdout, /side: removed/);
  await wait_for(() => fleet.watcher.instances('side').length === 0, {
    within: 60_000,
    what: 'the removed to be gone',
  });
  assert.equal(crowd.cuts.length, 0);
});

test('up -d returns when the controller runs, and says why when it cannot', async (t) => {
  const fleet = await start_stack({ yaml: yaml_of('1') });
  let pid = 0;
  t.after(() => {
    if (pid && !is_gone(pid)) process.kill(pid, 'SIGKILL'); // where the test fails before its end
  });
  end_with(t, fleet);
  await fleet.serving('app', 1, 100_000);
  fleet.signal('SIGTERM');
  await has_ended(fleet);
  const detached = await fleet.command('up', fleet.stack_file, '-d');
  assert.equal(detached.code, 0, detached.stderr);
  pid = Number(/process (\d+)/.exec(detached.stdout)?.[1]);
  assert.ok(pid > 0, detached.stdout);
  await fleet.serving('app', 1);
  assert.equal((await fleet.status()).controller.pid, pid);
  await fleet.watcher.caught_up();
  assert.equal(fleet.watcher.ever('app').length, 1, 'it was adopted');
  // The port of its API taken by a stranger: said, and exit code 2.
  const taken = join(fleet.folder, 'taken.yaml');
  const text = readFileSync(fleet.stack_file, 'utf8');
  writeFileSync(
    taken,
    text.replace('stack: updown', 'stack: taken').replace('updown.db', 'taken.db'),
  );
  const refused = await fleet.command('up', taken, '-d');
  assert.equal(refused.code, 2, refused.stdout);
  assert.match(refused.stderr, new RegExp(String(fleet.ports.last)));
  const down = await fleet.command('down', '--stack', 'updown', '--now');
  assert.equal(down.code, 0, down.stderr);
  await wait_for(() => is_gone(pid), { within: 30_000, what: 'the controller to end' });
  await assert_all_gone(fleet);
});

function is_gone(pid) {
  try {
    return /^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}
