// The disk is full under the store: nothing is done that was not recorded, and placing goes on.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Crowd } from './kit/clients.mjs';
import { start_stack } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

// A disk of 8 MB: {folder}, or {why} it cannot be had. Unmounted by `end`.
function small_disk() {
  const folder = mkdtempSync(join(tmpdir(), 'utakata-e2e-disk-'));
  const end = () => {
    try {
      execFileSync('umount', ['-l', folder], { stdio: 'ignore' });
    } catch {
      /* it was never mounted */
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'utakata-e2e', folder], {
      stdio: 'pipe',
    });
    return { folder, end };
  } catch (problem) {
    end();
    return { why: String(problem.stderr ?? problem.message).trim() };
  }
}

// Writes until nothing more fits, and again whenever something else has let go of a byte.
function fill(folder) {
  const file = openSync(join(folder, 'filling'), 'a');
  try {
    for (let size = 1 << 20; size >= 1; size >>= 1)
      for (;;)
        try {
          if (writeSync(file, Buffer.alloc(size, 'x')) < size) break;
        } catch (problem) {
          if (problem.code !== 'ENOSPC') throw problem;
          break;
        }
  } finally {
    closeSync(file);
  }
}

const yaml_on =
  (disk) =>
  ({ listen, ports, kit }) => `
stack: full
api: { listen: "${listen}", ports: ${ports} }
store: ${disk}/store/full.db
clusters:
  app:
    run: exec node ${kit}/app-ws.mjs
    url: "ws://\${host}:\${port}"
    ready: { http: /healthz, within: 60s }
    count: { http: /stats, field: connections, accepted: accepted }
    capacity: 50
    instances: { min: 3, max: 6 }
`;

const disk = small_disk();
const name = 'a full disk: nothing is launched unrecorded, said once, and work goes on with room';
if (!disk.folder) {
  test(
    `${name} (skipped: no tmpfs can be mounted here: ${disk.why})`,
    { skip: disk.why },
    () => {},
  );
} else {
  after(disk.end); // when the fleet on it has ended
  test(name, async (t) => {
    mkdirSync(join(disk.folder, 'store'));
    const fleet = await start_stack({ yaml: yaml_on(disk.folder) });
    t.after(() => fleet.stop());
    const before = await fleet.serving('app', 3, 100_000);
    const crowd = new Crowd(fleet, 'app');
    t.after(() => crowd.end());
    await crowd.add(9);
    const recorded = (await fleet.activities()).length;

    fill(disk.folder);
    const filling = setInterval(() => fill(disk.folder), 50);
    t.after(() => clearInterval(filling));
    const victim = before[0];
    const lost = crowd.on(victim.id).length;
    process.kill(victim.pid, 'SIGKILL');
    const said = () => fleet.output().match(/nothing is done until it can be recorded/g)?.length;
    await wait_for(said, { within: 30_000, what: 'it to be said' });

    // Several turns of the loop: nobody is launched, places are still given, on those that live.
    for (let second = 0; second < 6; second++) {
      await crowd.add(1, { within: 10_000 });
      await sleep(1000); // turns of the loop are what is waited for
      await fleet.watcher.caught_up();
      assert.deepEqual(fleet.watcher.ever('app').sort(), before.map((one) => one.id).sort());
    }
    assert.equal(said(), 1, 'it is said once, not each second');
    assert.equal(crowd.cuts.length, lost, 'nobody but those of the killed lost anything');
    const order = await fleet.call('POST', `${fleet.path}/clusters/app/scale`, { instances: 5 });
    assert.equal(order.status, 503, 'a wish that cannot be recorded is not granted');
    assert.match(order.body.detail, /disk is full/);

    clearInterval(filling);
    unlinkSync(join(disk.folder, 'filling'));
    await fleet.serving('app', 3, 60_000);
    assert.match(fleet.output(), /recording works again/);
    const later = (await fleet.activities()).slice(recorded);
    const kinds = later.map((one) => `${one.phase} ${one.kind}`);
    assert.ok(kinds.includes('intent launch'), kinds.join(', '));
    assert.ok(
      later.some((one) => one.instance === victim.id && one.phase === 'outcome'),
      'the death that fell into the time of no room is in the record',
    );
    await fleet.watcher.caught_up();
    assert.equal(fleet.watcher.ever('app').length, 4, 'one substitute, once');
    assert.equal(crowd.cuts.length, lost);
  });
}
