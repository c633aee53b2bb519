// What a run of `utakata load` leaves behind: a summary, files, a page for a real browser, and two runs compared.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { browser } from './kit/browser.mjs';
import { load, start_load } from './kit/load.mjs';
import { utakata_program } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

const harm = `<img src=x onerror='document.title = "taken over"'> & </style><script>document.title = 1</script>`;
const scenario = (url) => `
export const load = {
  users: 10, duration: '3s',
  thresholds: { answered: ['p(95)<30s', 'count>1000000'], checks: ['rate>0.1'] },
};
export default async function user(u) {
  const done = u.measure('answered');
  const answer = await fetch('${url}');
  done();
  u.check('it is well', answer.ok);
  u.check(${JSON.stringify(harm)}, u.random() < 0.9);
  if (u.number === 3) throw new Error(${JSON.stringify(harm)});
  await u.think(0.05);
}`;

let server, url, chromium, run, file;
before(async () => {
  server = http.createServer((request, response) => response.end('well')).listen(0, '127.0.0.1');
  await new Promise((go) => server.once('listening', go));
  url = `http://127.0.0.1:${server.address().port}/`;
  chromium = await browser();
  const kinds = ['json', 'html', 'csv', 'junit', 'prometheus'];
  run = await load(scenario(url), kinds.flatMap((kind) => [`--${kind}`, `report.${kind}`]));
  file = (kind) => readFileSync(join(run.folder, `report.${kind}`), 'utf8');
});
after(async () => {
  server.closeAllConnections();
  server.close();
  await chromium?.close();
});

const utakata = (...words) => spawnSync(utakata_program(), words, { cwd: run.folder, encoding: 'utf8', timeout: 20_000 });

test('a run ends with a summary, and with 3 where a threshold was missed', () => {
  assert.equal(run.code, 3, run.err);
  assert.match(run.out, /^Thresholds: 1 of 3 missed\n {2}✗ count of `answered` is \d+, not > 1000000\.$/m);
  assert.match(run.out, /✓ it is well +100 % {2}of [\d,]+$/m);
  assert.match(run.out, /^ {2}answered( +[\d.]+ (us|ms|s)){7}$/m);
  assert.match(run.out, /^Generator, at its worst: \d+ workers?, /m);
  assert.doesNotMatch(run.out, /\x1b/);
});

test('its files say the same', () => {
  const report = JSON.parse(file('json'));
  const { count } = report.metrics.http_reqs;
  assert.ok(count > 50);
  assert.equal(report.metrics.answered.count, count);
  assert.equal(report.checks['it is well'].passes, count);
  assert.equal(report.is_kept, false);
  assert.equal(report.points.reduce((sum, { measured }) => sum + (measured.http_reqs?.[1] ?? 0), 0), count);
  assert.match(file('prometheus'), new RegExp(`^utakata_load_http_reqs_total ${count}$`, 'm'));
  assert.match(file('csv'), /^[\d.]+,[\d.]+,\d+,\d+,answered,trend,\d+,/m);
  assert.match(file('junit'), /<testsuite name="thresholds" tests="3" failures="1"/);
  assert.doesNotMatch(file('junit'), /<img/);
});

test('the page shows it all in a browser, without a script, a request or a word taken for HTML', async () => {
  const page = await (await chromium.newContext({ javaScriptEnabled: false, viewport: { width: 1280, height: 900 } })).newPage();
  const trouble = [];
  page.on('pageerror', (error) => trouble.push(String(error)));
  page.on('console', (message) => trouble.push(message.text()));
  page.on('request', (request) => request.url().startsWith('file:') || trouble.push(request.url()));
  await page.goto(`file://${join(run.folder, 'report.html')}`);
  assert.match(await page.locator('.verdict').innerText(), /1 of 3 thresholds missed/);
  assert.equal(await page.locator('img, script').count(), 0);
  assert.equal(await page.getByText(harm).count(), 2, 'a check and a fault');
  for (const title of ['Users and sockets', 'answered', 'Errors a second', 'How many were faster']) {
    const box = await page.getByRole('img', { name: title, exact: true }).boundingBox();
    assert.ok(box.width > 300 && box.height > 80, title);
  }
  const column = page.locator('.hover i').first();
  assert.equal(await column.locator('b').isVisible(), false);
  await column.hover();
  assert.match(await column.locator('b').innerText(), /users \d+/);
  assert.deepEqual(trouble, []);
});

test('nothing runs in it even where scripts may, and it fits a phone', async () => {
  const page = await (await chromium.newContext({ viewport: { width: 360, height: 700 }, colorScheme: 'dark' })).newPage();
  await page.goto(`file://${join(run.folder, 'report.html')}`);
  assert.match(await page.title(), /^utakata load .*\.mjs$/);
  const [wide, seen, back] = await page.evaluate(() => [
    document.documentElement.scrollWidth, document.documentElement.clientWidth, getComputedStyle(document.body).backgroundColor]);
  assert.ok(wide <= seen, `${wide} of ${seen}`);
  assert.notEqual(back, 'rgb(255, 255, 255)', 'dark where the reader is');
});

test('two runs are compared, as text and as JSON', () => {
  const same = utakata('load', 'compare', 'report.json', 'report.json');
  assert.equal(same.status, 0, same.stderr);
  assert.match(same.stdout, /^ {2}answered +med +[\d.]+ \w+ +[\d.]+ \w+ +\+0\.0 % {2}same$/m);
  assert.match(same.stdout, /^0 worse, 0 better, /m);
  const slower = JSON.parse(file('json'));
  slower.plan = 'another';
  writeFileSync(join(run.folder, 'slower.json'), JSON.stringify(slower));
  const compared = JSON.parse(utakata('load', 'compare', 'report.json', 'slower.json', '--json').stdout);
  assert.match(compared.warnings[0], /^They had different plans: /);
  assert.ok(compared.figures.some(({ metric, figure, judgement }) => metric === 'answered' && figure === 'med' && judgement === 'same'));
});

test('what is no report, or no place for one, is said with the remedy', async () => {
  writeFileSync(join(run.folder, 'other.json'), '{}');
  const other = utakata('load', 'compare', 'report.json', 'other.json');
  assert.equal(other.status, 2);
  assert.match(other.stderr, /other\.json: This is no report of a load run: write one with `utakata load \.\.\. --json FILE`\./);
  assert.match(utakata('load', 'compare', 'report.json', 'none.json').stderr, /none\.json cannot be read: No such file/);
  const nowhere = await load(scenario(url), ['--json', 'no/folder/report.json']);
  assert.equal(nowhere.code, 2);
  assert.match(nowhere.err, /no\/folder\/report\.json cannot be written: No such file or directory/);
  assert.match(utakata('load').stderr, /name a scenario such as votes\.mjs/);
});

test('Ctrl-C ends a run with a whole report', async () => {
  const stopped = start_load(scenario(url).replace('3s', '10m'), ['--json', 'stopped.json', '--html', 'stopped.html']);
  await wait_for(() => / [1-9]\d* users/.test(stopped.err), { what: 'users at work' });
  stopped.child.kill('SIGINT');
  assert.equal(await stopped.ended, 130);
  const report = JSON.parse(readFileSync(join(run.folder, 'stopped.json'), 'utf8'));
  assert.equal(report.end, 'stopped');
  assert.ok(report.metrics.http_reqs.count > 0);
  assert.ok(existsSync(join(run.folder, 'stopped.html')));
  assert.match(stopped.out, /^ {2}stopped after .* of 10 min, begun /m);
});

test('a generator that was the bottleneck says so: its figures are not the servers\'', async () => {
  const busy = await load(`
    export const load = { users: 1, duration: '8s' };
    export default async function user(u) {
      const until = performance.now() + 300;
      while (performance.now() < until);
      await u.think(0.001);
    }`, ['--json', 'busy.json']);
  assert.match(busy.out, /^NOT VALID: these figures are not the servers'\n {2}! Worker 0 /m);
  const { doubts, generator, is_valid } = JSON.parse(readFileSync(join(run.folder, 'busy.json'), 'utf8'));
  assert.equal(is_valid, false);
  assert.ok(doubts.some((one) => one.includes('answered its sockets late by more than 100 ms')), doubts.join('\n'));
  assert.ok(generator.lag.total_ms > 3000);
});
