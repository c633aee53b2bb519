// Many subscribers over several processes: `tools/soak connections` has them by the hundred thousand. What ends a run that hangs is
// the limit of minutes; nothing is said about how fast it is.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

test('20,000 subscribers of several processes: each broadcast reaches all of them once', () => {
  const program = fileURLToPath(new URL('../soak/connections.mjs', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, '20000'], { encoding: 'utf8', timeout: 300_000 });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /^20000 of 20000 subscribed to 2 processes/m);
  assert.match(stdout, /^reached by each: (20000 ){9}20000; lost 0, doubled 0, closed 0;/m);
});
