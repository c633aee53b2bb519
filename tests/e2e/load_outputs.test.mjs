// What `utakata load` leaves behind: on stdout, in files, and two of them compared.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, lstatSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { browser } from './kit/browser.mjs';
import { echo_user, load, scenario, start_load } from './kit/load.mjs';
import { utakata_program } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';
import { echo } from './kit/witness.mjs';

const harm = `<script>alert("1")</script> & ]]>`;
const work = (url) => echo_user(url, { check: harm, times: 5, last: `if (u.number === 1) throw new Error(${JSON.stringify(harm)});` });
const plan = (checks = 'rate==1') => `export const load = { users: 5, iterations: 1, thresholds: { checks: '${checks}', errors: 'count==1' } };`;
const compare = (...words) => spawnSync(utakata_program(), ['load', 'compare', ...words], { encoding: 'utf8' });
let folders = 0;
function folder_of(run) {
  const path = join(run.folder, `out${++folders}`);
  mkdirSync(path);
  return path;
}
const here = { folder: scenario('').replace(/\/[^/]*$/, '') };

test('one flag leaves a report for scripts, for CI, for spreadsheets and for people', async (t) => {
  const server = await echo();
  const out = join(folder_of(here), 'new/one');
  const run = await load(plan() + work(server.url), ['--out', out, '--workers', '2', '-q']);
  assert.equal(run.code, 0, run.out + run.err);
  assert.deepEqual(readdirSync(out).sort(), ['junit.xml', 'report.csv', 'report.html', 'report.json']);
  const read = (name) => readFileSync(join(out, name), 'utf8');

  const report = JSON.parse(read('report.json'));
  assert.equal(report.end, 'done');
  assert.equal(report.metrics.echo.count, 25);
  assert.equal(report.metrics.iterations.count, 4);

  const cases = JSON.parse(execFileSync('python3', ['-c', `
import json, sys, xml.etree.ElementTree as x
root = x.parse(sys.argv[1]).getroot()
print(json.dumps([[one.get('name'), one.find('failure') is not None] for one in root.iter('testcase')]))`, join(out, 'junit.xml')], { encoding: 'utf8' }));
  assert.ok(cases.some(([name]) => name.includes(harm)), JSON.stringify(cases));
  assert.ok(cases.every(([, has_failed]) => !has_failed), JSON.stringify(cases));

  const lines = read('report.csv').trimEnd().split('\r\n');
  const columns = lines[0].split(',');
  assert.deepEqual(columns.slice(0, 6), ['at_s', 'length_s', 'users', 'sockets', 'metric', 'kind']);
  for (const line of lines) assert.equal(line.split(',').length, columns.length, line);
  const echoes = lines.map((line) => line.split(',')).filter((cells) => cells[4] === 'echo');
  assert.equal(echoes.reduce((sum, cells) => sum + Number(cells[columns.indexOf('count')]), 0), 25);

  const chromium = await browser();
  t.after(() => chromium.close());
  const page = await chromium.newPage();
  const seen = { faults: [], asked: [] };
  page.on('pageerror', (fault) => seen.faults.push(fault.message));
  page.on('console', (message) => seen.faults.push(message.text()));
  page.on('dialog', (dialog) => seen.faults.push(dialog.message()));
  page.on('request', (request) => seen.asked.push(request.url()));
  const address = pathToFileURL(join(out, 'report.html')).href;
  await page.goto(address);
  assert.deepEqual(seen, { faults: [], asked: [address] });
  assert.ok((await page.locator('body').innerText()).includes(harm));
  assert.ok(await page.locator('svg').count() > 0);
});

test('--json alone: the report on stdout, and nothing else there', async () => {
  const server = await echo();
  const run = await load(plan() + work(server.url).replace('const heard', 'console.log("noise"); const heard'), ['--json']);
  assert.equal(run.code, 0, run.err);
  assert.equal(JSON.parse(run.out).metrics.echo.count, 25);
  assert.match(run.err, /^noise$/m);
  assert.match(run.err, /Thresholds: all kept/);
});

test('files by their names; a link stays one, and what is no file is not replaced', async () => {
  const server = await echo();
  const out = folder_of(here);
  const [target, link] = [join(out, 'target.json'), join(out, 'link.json')];
  writeFileSync(target, 'old');
  symlinkSync(target, link);
  const run = await load(plan() + work(server.url),
    ['--json', link, '--csv', '/dev/null', '--junit', join(out, 'j.xml'), '--html', join(out, 'h.html')]);
  assert.equal(run.code, 0, run.err);
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.ok(lstatSync('/dev/null').isCharacterDevice());
  assert.equal(JSON.parse(readFileSync(target)).end, 'done');
  assert.deepEqual(readdirSync(out).sort(), ['h.html', 'j.xml', 'link.json', 'target.json']);
});

test('what cannot be written is said before anybody begins', async () => {
  const server = await echo();
  const out = folder_of(here);
  writeFileSync(join(out, 'file'), '');
  for (const words of [['--csv', join(out, 'no/such/folder.csv')], ['--json', out], ['--html', join(out, 'file/x.html')], ['--out', join(out, 'file')]]) {
    const run = await load(plan() + work(server.url), words);
    assert.equal(run.code, 2, words.join(' '));
    assert.match(run.err, /cannot be written: /);
    assert.ok(run.err.includes(words[1]), run.err);
  }
  assert.equal(server.paths.length, 0);
  assert.deepEqual(readdirSync(out), ['file']);
});

test('what is wrong with the command is said, and no scenario is taken for an output', async () => {
  const file = scenario('export const load = 1;');
  for (const [words, says] of [[['--json', file], /name a scenario/], [[], /name a scenario/], [['no.mjs'], /no\.mjs is no file/],
    [[file, '--userz', '3'], /--help/]]) {
    const run = spawnSync(utakata_program(), ['load', ...words], { encoding: 'utf8' });
    assert.equal(run.status, 2, run.stderr);
    assert.match(run.stderr, says);
  }
  assert.equal(readFileSync(file, 'utf8'), 'export const load = 1;');
});

test('a run that was missed or interrupted has a valid report, too', async () => {
  const server = await echo();
  const out = folder_of(here);
  const missed = await load(plan('rate<0.5') + work(server.url), ['--out', join(out, 'missed')]);
  assert.equal(missed.code, 3);
  assert.match(readFileSync(join(out, 'missed/junit.xml'), 'utf8'), /<failure/);
  assert.equal(JSON.parse(readFileSync(join(out, 'missed/report.json'))).is_kept, false);

  const run = start_load(`export const load = { users: 5, duration: '1h' };${work(server.url).replace('times: 5', 'times: Infinity')}`,
    ['--out', join(out, 'stopped')]);
  await wait_for(() => server.open === 5, { what: 'users' });
  run.child.kill('SIGINT');
  assert.equal(await run.ended, 130, run.err);
  const report = JSON.parse(readFileSync(join(out, 'stopped/report.json')));
  assert.equal(report.end, 'stopped');
  assert.equal(report.metrics.iterations.count, 4);
});

test('two runs are compared', async () => {
  const server = await echo();
  const out = folder_of(here);
  const run = (name, factor) => load(`export const load = { users: 20, duration: '2s' };
    export default async function user(u) { u.trend('vote', ${factor} * u.between(90, 110)); await u.think(0.01); }`, ['--json', join(out, `${name}.json`), '-q']);
  await run('a', 1);
  await run('b', 2);
  const text = compare(join(out, 'a.json'), join(out, 'b.json'));
  assert.equal(text.status, 0, text.stderr);
  assert.match(text.stdout, /vote +med .* worse/);
  const json = compare(join(out, 'a.json'), join(out, 'b.json'), '--json');
  assert.equal(json.status, 0);
  const figure = JSON.parse(json.stdout).figures.find((one) => one.metric === 'vote' && one.figure === 'p(95)');
  assert.equal(figure.judgement, 'worse');
  assert.ok(Math.abs(figure.after / figure.before - 2) < 0.05, JSON.stringify(figure));

  writeFileSync(join(out, 'c.json'), '{"format":"something else"}');
  for (const other of ['c.json', 'none.json', '.']) {
    const refused = compare(join(out, 'a.json'), join(out, other));
    assert.equal(refused.status, 2, other);
    assert.ok(refused.stderr.includes(other), refused.stderr);
  }
  assert.equal(compare(join(out, 'a.json')).status, 2);
});

test('TypeScript runs where the Node does it, and otherwise that is said', async () => {
  const file = scenario(`export const load = { users: 1, iterations: 1 };
    export default async function user(u: unknown): Promise<void> { console.log('typed'); }`, 'typed.ts');
  const run = spawnSync(utakata_program(), ['load', file], { encoding: 'utf8' });
  if (process.features.typescript) {
    assert.equal(run.status, 0, run.stderr);
    assert.match(run.stdout, /^typed$/m);
  } else {
    assert.equal(run.status, 2);
    assert.match(run.stderr, /runs no TypeScript: 22\.18 and later do/);
  }
});

test('the types that are shipped name what users have', async () => {
  const folder = fileURLToPath(new URL('../../src/load/js/', import.meta.url));
  const types = readFileSync(join(folder, 'utakata-load.d.ts'), 'utf8');
  const shipped = join(utakata_program(), '../load/utakata-load.d.ts');
  assert.ok(existsSync(shipped));
  assert.equal(readFileSync(shipped, 'utf8'), types);
  const [, body] = types.match(/export class User<.*?> \{\n([^]*?)\n\}/);
  const named = new Set([...body.matchAll(/^ {2}(?:readonly )?(\w+)[(<:]/gm)].map(([, name]) => name));
  const code = readFileSync(join(folder, 'user.mjs'), 'utf8');
  const [, our_body] = code.match(/export class User \{\n([^]*)\n\}/);
  const have = new Set([...our_body.matchAll(/^ {2}(?:async |get )?(\w+)(?:\(| =)/gm)].map(([, name]) => name));
  for (const [, name] of our_body.matchAll(/^ {4}this\.(\w+) = /gm)) have.add(name);
  for (const internal of ['constructor', 'pool', 'meant', 'is_gone']) have.delete(internal);
  assert.deepEqual([...named].sort(), [...have].sort());
});
