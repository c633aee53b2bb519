// A few clients who say the same again and again, or hear nothing of what they ask for: memory stays within its bounds. In the large
// it is `tools/soak floods`.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

test('whoever floods it with what, the server lives and its memory is bounded', () => {
  const program = fileURLToPath(new URL('../soak/floods.mjs', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [program], { encoding: 'utf8', timeout: 300_000 });
  assert.equal(status, 0, stdout + stderr);
});
