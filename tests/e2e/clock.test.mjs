// The wall clock is stepped by a day under a running controller, forwards and back: nothing but the
// record may notice.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Crowd } from './kit/clients.mjs';
import { start_stack } from './kit/stack.mjs';
import { monotonic_ms, wait_for } from './kit/wait.mjs';

const library = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1',
].find(existsSync);

// Instances are started without the library: it is the controller's clock that is stepped.
const yaml = ({ listen, ports, kit, folder }) => `
stack: clock
api: { listen: "${listen}", ports: ${ports} }
store: ./clock.db
clusters:
  app:
    run: unset LD_PRELOAD; exec node ${kit}/app-ws.mjs
    url: "ws://\${host}:\${port}"
    ready: { http: /healthz, within: 60s }
    count: { http: /stats, field: connections, accepted: accepted }
    capacity: 10
    instances: { min: 2, max: 6 }
    scale:
      - { name: busy, when: sum(connections) >= 3, for: 2s, add: 1 }
    settle: 10m
    drain: { deadline: 10m }
  odd:
    run: unset LD_PRELOAD; exec node ${kit}/odd.mjs
    env: { ODD_FILE: "${folder}/odd" }
    url: "ws://\${host}:\${port}"
    ready: { http: /healthz, within: 60s }
    count: { http: /stats, field: connections, accepted: accepted }
    instances: 1
`;

const day_s = 86_400;

test(
  'a day forwards, two days back: no hold, drain deadline, cooldown or back-off notices',
  { skip: library ? false : 'libfaketime is not installed (package faketime)' },
  async (t) => {
    const clocks = mkdtempSync(join(tmpdir(), 'utakata-e2e-clock-'));
    t.after(() => rmSync(clocks, { recursive: true, force: true }));
    const clock = join(clocks, 'clock');
    const step = (seconds) => {
      writeFileSync(`${clock}.new`, `${seconds >= 0 ? '+' : ''}${seconds}\n`);
      renameSync(`${clock}.new`, clock);
    };
    step(0);
    const fleet = await start_stack({
      yaml,
      env: {
        LD_PRELOAD: library,
        FAKETIME_TIMESTAMP_FILE: clock,
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      },
    });
    t.after(() => fleet.stop());
    await fleet.serving('app', 2, 100_000);
    await fleet.serving('odd', 1, 100_000);
    const crowd = new Crowd(fleet, 'app');
    t.after(() => crowd.end());

    // Everything that runs on a time is put under way. A crash loop that backs off:
    const odd = (await fleet.instances('odd'))[0];
    writeFileSync(join(fleet.folder, 'odd'), 'crash-start');
    process.kill(odd.pid, 'SIGKILL');
    // holds of 50 s that nobody comes for:
    const held = [];
    for (let i = 0; i < 4; i++)
      held.push(
        (
          await fleet.wants_ok('POST', `${fleet.path}/clusters/app/placements`, {
            seats: 1,
            hold: '50s',
          })
        ).id,
      );
    // clients on all, one instance draining with a deadline of ten minutes:
    await crowd.add(6);
    const [draining] = fleet.watcher.instances('app');
    await fleet.drain(draining);
    // and the rule `busy`, which has added once and now pauses for three minutes.
    await wait_for(
      async () => (await fleet.activities({ kind: 'launch', cluster: 'app' })).length >= 4,
      {
        within: 60_000,
        what: 'the rule to add one, and a substitute for the draining',
      },
    );
    await wait_for(
      async () => (await fleet.activities({ kind: 'launch', cluster: 'odd' })).length >= 4,
      {
        within: 60_000,
        what: 'the crash loop to be under way',
      },
    );

    const seen = async () => ({
      app: fleet.watcher.ever('app').length,
      crashed: (await fleet.activities({ kind: 'launch', cluster: 'odd' })).length,
    });
    const seats = async () => (await fleet.cluster('app')).seats_held;
    assert.equal(await seats(), 4);
    const began = monotonic_ms();
    const before = await seen();
    for (const seconds of [day_s, -day_s]) {
      step(seconds);
      // The step has arrived when the record's own times say so.
      await crowd.add(1);
      const answer = await fleet.place('app', { seats: 1, hold: '1s' });
      assert.equal(answer.status, 200);
      await fleet.wants_ok('POST', `${fleet.path}/clusters/app/scale`, { instances: null });
      const last = (await fleet.activities({ kind: 'scale' })).at(-1);
      const off_s = (Date.parse(last.at) - Date.now()) / 1000;
      assert.ok(Math.abs(off_s - seconds) < 60, `the record is ${off_s} s off, not ${seconds}`);
      // Some turns of the loop after it: the counts of the next seconds have been taken.
      const until = monotonic_ms() + 4000;
      await wait_for(() => monotonic_ms() > until, { what: 'four turns of the loop' });
      const drained = await fleet.instance(draining);
      assert.equal(drained.lifecycle, 'draining');
      const left_ms = drained.drain.deadline_left_ms;
      assert.ok(left_ms > 500_000 && left_ms <= 600_000, `${left_ms} ms are left of ten minutes`);
      assert.ok((await seats()) >= 4, 'the holds stand');
      for (const one of await fleet.instances('app')) {
        assert.equal(one.suspect, false, `${one.id} is suspected`);
        assert.ok(one.count_age_ms < 5000, `the count of ${one.id} is ${one.count_age_ms} ms old`);
      }
    }
    const after = await seen();
    const passed_s = (monotonic_ms() - began) / 1000;
    assert.equal(crowd.cuts.length, 0);
    assert.equal(after.app, before.app, 'the pause of the rule was not over');
    // Doubling pauses: in ten seconds there is room for few; without them there would be a hundred.
    assert.ok(
      after.crashed - before.crashed <= 2 + passed_s / 2,
      `${after.crashed - before.crashed} crashes in ${passed_s} s`,
    );
    for (const id of held)
      assert.equal((await fleet.give_back('app', id)).status, 204, 'still held');
    // And a restart between two times of day takes everything over as it was.
    step(day_s);
    await fleet.restart();
    await fleet.watcher.caught_up();
    const drained = await wait_for(() => fleet.instance(draining), { what: 'its record' });
    assert.equal(drained.lifecycle, 'draining');
    assert.ok(drained.drain.deadline_left_ms > 400_000, 'time remaining is what is stored');
    assert.equal(crowd.cuts.length, 0);
    assert.ok(readFileSync(fleet.output_file, 'utf8').length > 0);
  },
);
