// Many subscribers over several processes, in the small: `tools/soak connections` has them by the hundred thousand.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

test('2,000 subscribers of several processes: each broadcast reaches all of them once', () => {
  const program = fileURLToPath(new URL('../soak/connections.mjs', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, '2000'], { encoding: 'utf8', timeout: 60_000 });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /^2000 of 2000 subscribed to 2 processes/m);
  assert.match(stdout, /^reached by each: (2000 ){9}2000; lost 0, doubled 0, closed 0;/m);
});
