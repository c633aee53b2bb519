// A made-up day by the command line: the commands of docs/simulate.md, as they stand there.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { utakata_program } from './kit/stack.mjs';

const docs = readFileSync(new URL('../../docs/simulate.md', import.meta.url), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'utakata-simulate-'));
after(() => rmSync(folder, { recursive: true }));

const stack = (name, headroom) => `stack: ${name}
clusters:
  game:
    run: node game.js
    count: { http: /stats, field: connections, accepted: accepted }
    capacity: 100
    instances: { min: 2, max: 40 }
    settle: 2m
    scale: [{ headroom: ${headroom} }]
`;
writeFileSync(join(folder, 'stack.yaml'), stack('show', '30%'));
writeFileSync(join(folder, 'other.yaml'), stack('show', '100%'));
writeFileSync(join(folder, 'evening.csv'), 'seconds,connections\n0,10\n600,900\n1800,50\n');

const run = (words) =>
  spawnSync(utakata_program(), words, { cwd: folder, encoding: 'utf8', timeout: 60_000 });

test('every command of docs/simulate.md runs and breaks no promise', () => {
  const lines = docs.match(/```sh\n([^]*?)\n```/)[1].split('\n');
  assert.equal(lines.length, 6);
  for (const line of lines) {
    const [program, ...words] = line.split(' ');
    assert.equal(program, 'utakata');
    const done = run(words);
    assert.equal(done.status, 0, `${line}\n${done.stdout}${done.stderr}`);
    if (words.includes('--json')) assert.equal(JSON.parse(done.stdout).load, 'evening.csv');
    else assert.match(done.stdout, /no promise broken|instance-hours/);
  }
  assert.match(readFileSync(join(folder, 'day.html'), 'utf8'), /^<!doctype html>/i);
});

test('the same seed is the same day, in another process too', () => {
  const day = () => {
    const { stdout } = run(['simulate', 'stack.yaml', '--faults', 'many', '--seed', '3', '--json']);
    return { ...JSON.parse(stdout), took_s: 0 };
  };
  assert.deepEqual(day(), day());
});

test('what is wrong is told in a sentence, with 2', () => {
  const cases = [
    [['absent.yaml'], /absent\.yaml cannot be read/],
    [['stack.yaml', '--load', 'absent.csv'], /absent\.csv cannot be read.*tv-show/],
    [['stack.yaml', '--load', 'stack.yaml'], /stack\.yaml: /],
    [['stack.yaml', '--length', 'soon'], /--length must be a time/],
    [['stack.yaml', '--faults', 'lots'], /--faults must be none, some/],
    [['stack.yaml', '--cluster', 'gmae'], /has no cluster `gmae`/],
  ];
  for (const [words, said] of cases) {
    const done = run(['simulate', ...words]);
    assert.equal(done.status, 2, words.join(' '));
    assert.match(done.stderr, said);
    assert.equal(done.stdout, '');
  }
});
