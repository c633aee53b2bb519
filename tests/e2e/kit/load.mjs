// `utakata load` on a scenario that a test has written.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { after } from 'node:test';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { utakata_program } from './stack.mjs';

const kit = dirname(fileURLToPath(import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'utakata-load-'));
symlinkSync(join(kit, '../node_modules'), join(folder, 'node_modules'));
const children = new Set();
after(() => children.forEach((child) => child.kill('SIGKILL')));
process.on('exit', () => rmSync(folder, { recursive: true }));

let files = 0;
export function scenario(text, name = `scenario${++files}.mjs`) {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

// A run under way: `out` and `err` as they come, `ended` with the exit code.
export function start_load(text, words = [], environment = {}) {
  const child = spawn(utakata_program(), ['load', scenario(text), ...words], { env: { ...process.env, ...environment }, cwd: folder });
  const run = { child, out: '', err: '', folder };
  child.stdout.on('data', (bytes) => { run.out += bytes; });
  child.stderr.on('data', (bytes) => { run.err += bytes; });
  children.add(child);
  run.ended = new Promise((done) => child.on('close', (code, signal) => done(code ?? signal)));
  return run;
}
export async function load(text, words, environment) {
  const run = start_load(text, words, environment);
  run.code = await run.ended;
  return run;
}

// The text of a user who says something ten times a second and hears it, then does the `last`.
export const echo_user = (url, { check = 'it answers', times = 'Infinity', last }) => `
export default async function user(u) {
  const socket = new WebSocket('${url}/' + u.number);
  await new Promise((go) => { socket.onopen = go; });
  await u.every(0.1, async () => {
    const heard = new Promise((go) => { socket.onmessage = go; });
    socket.send('x');
    u.check(${JSON.stringify(check)}, (await heard).data === 'x');
  }, { name: 'echo', times: ${times} });
  ${last}
}`;
