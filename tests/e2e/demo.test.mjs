// `make demo`, with fewer players: the very script must run through and end by itself with its table.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { utakata_program } from './kit/stack.mjs';

const script = fileURLToPath(new URL('../../examples/lobby-game/demo.mjs', import.meta.url));

test('the demo runs through, and cuts nobody elsewhere', { timeout: 200_000 }, async (t) => {
  const env = { ...process.env, DEMO_PLAYERS: '120', UTAKATA_BIN: utakata_program() };
  const demo = spawn(process.execPath, [script], { env });
  t.after(() => demo.kill('SIGKILL'));
  let said = '';
  for (const stream of [demo.stdout, demo.stderr]) stream.on('data', (data) => (said += data));
  const code = await new Promise((done) => demo.once('close', done));
  assert.equal(code, 0, said);
  const row = (name) => Number(said.match(new RegExp(`^ *${name}.*? {2,}(\\d+)`, 'm'))?.[1] ?? NaN);
  assert.equal(row('players'), 120, said);
  assert.equal(row('players cut anywhere else'), 0, said);
  assert.ok(row('players cut on those two instances') > 0, said);
  assert.ok(row('scale-outs') > 0, said);
  assert.ok(row('drains') > 0, said);
});
