// `utakata load` in front of a person: its screen, its keys, and how it leaves the terminal.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, scenario } from './kit/load.mjs';
import { utakata_program } from './kit/stack.mjs';
import { on_terminal, seen } from './kit/terminal.mjs';
import { wait_for } from './kit/wait.mjs';
import { echo, pages } from './kit/witness.mjs';

const start = (text, { words = [], ...options } = {}) => on_terminal([utakata_program(), 'load', scenario(text), ...words], options);
const shows = (run, what, within = 10_000) => wait_for(() => {
  if (!what.test(run.shows())) throw new Error(run.shows().split('\n').slice(-30).join('\n'));
  return true;
}, { within, what: `the screen to show ${what}` });
const stay = (url, plan = `users: 10, duration: '1h'`) => `
export const load = { ${plan} };
export default async function user(u) {
  const socket = new WebSocket('${url}/' + u.number);
  await u.stay();
  socket.close();
}`;

test('keys: more, fewer, pause and go on, stop; the server sees what the screen says', async () => {
  const server = await echo();
  const run = start(stay(server.url));
  await wait_for(() => server.open === 10, { what: '10 users' });
  await shows(run, /users +10 of 10/);
  await shows(run, /sockets +10/);
  run.press('++');
  await wait_for(() => server.open === 12, { what: '12 users' });
  await shows(run, /running .* x 1\.2/);
  await shows(run, /users +12 of 12/);
  run.press('-\x1b[A--');  // an arrow among them is none of ours
  await wait_for(() => server.open === 9, { what: '9 users' });
  run.press(' ');
  await shows(run, /paused .* x 0\.9/);
  run.press('+');
  await shows(run, /paused .*:/);
  assert.equal(server.open, 9, 'nobody comes while it is paused');
  run.press(' ');
  await wait_for(() => server.open === 10, { what: 'it to go on' });
  run.press('q');
  const end = await run.ended;
  assert.deepEqual(end, { code: 130, is_as_before: true }, run.shows());
  await wait_for(() => server.open === 0, { what: 'all to be gone' });
  const { text, codes } = seen(run.raw);
  assert.match(text, /stopped after .* of 1 h/);
  assert.doesNotMatch(text, /space pauses/, 'the screen is gone');
  assert.deepEqual([...codes].filter((one) => !['[nA', '[J', '[nm'].includes(one)), []);
});

test('Ctrl-C is for utakata: users are told, and have their time; again, and they have none', async () => {
  let farewells = 0;
  const url = await pages((request, response) => {
    if (request.url === '/bye') ++farewells;
    response.end('x');
  });
  const work = `
    export const load = { users: 5, duration: '1h', graceful_stop: '1h' };
    export default async function user(u) {
      await u.stay();
      await fetch('${url}/bye');
      if (u.number === 0) await new Promise((go) => setTimeout(go, 3_600_000));
    }`;
  const run = start(work, { words: ['--workers', '2'] });
  await shows(run, /users +5 of 5/);
  run.press('\x03');
  await wait_for(() => farewells === 5, { what: 'all to say good-bye' });
  await shows(run, /stopping .* q again: at once/);
  run.press('\x03');
  assert.deepEqual(await run.ended, { code: 130, is_as_before: true }, run.shows());
  assert.match(run.shows(), /iterations_interrupted +1 /);
});

test('whatever ends it, the terminal is as it was', async () => {
  const server = await echo();
  for (const [signal, code] of [[15, 130], [1, 130], [3, -3], [6, -6], [11, -11]]) {
    const run = start(stay(server.url));
    await shows(run, /users +10 of 10/);
    run.tell({ signal });
    assert.deepEqual(await run.ended, { code, is_as_before: true }, `signal ${signal}\n${run.shows()}`);
    await wait_for(() => server.open === 0, { what: 'workers to be gone, too' });
  }
  const table = [[`export const load = { users: -1 }; export default () => {}`, 2], [`export const load = { users: 1, iterations: 1 }; export default () => {}`, 0],
    [`export const load = { users: 1, iterations: 1, thresholds: { x: 'count>1' } }; export default () => {}`, 3]];
  for (const [text, code] of table) assert.deepEqual(await start(text).ended, { code, is_as_before: true });
});

test('a terminal that becomes smaller has a screen that fits', async () => {
  const server = await echo();
  const run = start(stay(server.url));
  await shows(run, /users +10 of 10/);
  const before = run.raw.length;
  run.tell({ rows: 8, columns: 40 });
  run.tell({ signal: 28 });
  await wait_for(() => run.raw.slice(before).split('[J').length > 3, { what: 'it to be drawn again' });
  const frame = run.raw.split('\x1b[J').at(-2);
  const { lines } = seen(frame);
  assert.ok(lines.length <= 8 && lines.every((line) => [...line].length < 40), frame);
  run.press('q');
  assert.equal((await run.ended).code, 130);
});

test('what the scenario prints stands above the screen, and drives no terminal', async () => {
  const run = start(`
    export const load = { users: 1, duration: '1h' };
    export default async function user(u) {
      console.log('first \\x1b]0;title\\x07\\x1b[2J\\u202e line');
      await u.think(1.5);
      console.log('second line');
      await u.stay();
    }`);
  await shows(run, /second line\n[^]*users +1 of 1/);
  run.press('q');
  await run.ended;
  assert.match(run.shows(), /first {2}\]0;title {2}\[2J {2}line\nsecond line\nutakata load/);
  assert.ok(!/\x1b\]|\x07|\x1b\[2J|\u202e/.test(run.raw));
});

const million = `
export const load = { users: 2, iterations: 1 };
export default async function user(u) {
  for (let k = 0; k < 500_000; ++k) console.log('line ' + k + ' of ' + u.number);
}`;
const count = (text) => Number(text.match(/([\d,]+) lines that the scenario printed were too many/)?.[1].replaceAll(',', ''));

test('a million lines: some are shown, the others are counted, to the last', async () => {
  const piped = await load(million, ['--workers', '2']);
  assert.equal(piped.code, 0, piped.err);
  const shown = piped.out.match(/^line \d+ of \d$/gm).length;
  assert.ok(shown >= 10, `${shown} lines`);
  assert.ok(shown < 10_000, `${shown} lines`);
  assert.equal(count(piped.out) + shown, 1_000_000);

  const run = start(million);
  assert.deepEqual(await run.ended, { code: 0, is_as_before: true });
  assert.equal(count(run.shows()) + run.shows().match(/^line \d+ of \d$/gm).length, 1_000_000);
  assert.ok(run.raw.length < 1_000_000, `${run.raw.length} bytes`);
});

test('without a terminal it says a line now and then; quiet, only the summary', async () => {
  const text = `export const load = { users: 3, duration: '6s', graceful_stop: 0 }; export default (u) => u.stay();`;
  const [plain, quiet] = await Promise.all([load(text), load(text, ['--quiet'])]);
  assert.match(plain.err, /^0:0\d of 0:06: 3 of 3 users, 0 sockets\n$/);
  assert.equal(quiet.err, '');
  for (const run of [plain, quiet]) {
    assert.equal(run.code, 0);
    assert.match(run.out, /^utakata load .*\n {2}3 users for 6 s\n/);
  }
});

test('nobody is there who could resume it: that is said', async () => {
  const run = await load(`export const load = { users: 1, iterations: 1 }; export default () => {}`, ['--paused']);
  assert.equal(run.code, 2);
  assert.match(run.err, /--http/);
});
