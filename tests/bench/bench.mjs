// `make bench`: every figure of docs/benchmarks.md, as ratios within one run where ratios are promised.
//   tools/bench [placements|controllers|latency|tick|seats|heal|probes|idle|simulate|realtime|load ...] [--json] [--strict] [--write] [--long] [--short]
// --strict: a figure that misses makes the exit code 1. --write: the table goes to docs/benchmarks.md (all parts only).
// --long: a hundred stalls. --short: seconds for each part, to see that it works.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import * as kit from './kit.mjs';

const names = ['placements', 'controllers', 'latency', 'tick', 'seats', 'heal', 'probes', 'idle', 'simulate', 'realtime', 'load'];
const titles = {
  placements: 'Placements over keep-alive HTTP',
  controllers: 'Placements over two controllers',
  latency: 'Latency while 10,000 instances are planned',
  tick: 'The planner alone',
  seats: 'Seats',
  heal: 'Healing',
  probes: 'Probing 2,000 instances',
  idle: 'At rest',
  simulate: 'A made-up hour',
  realtime: 'Channels',
  load: 'Load',
};
const flags = ['--json', '--strict', '--write', '--long', '--short'];
const words = process.argv.slice(2);
const asked = words.filter((word) => !word.startsWith('--'));
const unknown = words.filter((word) => !names.includes(word) && !flags.includes(word));
if (unknown.length) {
  console.error(`tools/bench: there is no \`${unknown[0]}\`; parts: ${names.join(', ')}; options: ${flags.join(', ')}`);
  process.exit(2);
}
const parts = asked.length ? names.filter((name) => asked.includes(name)) : names;
if (words.includes('--write') && (parts.length < names.length || kit.options.is_short)) {
  console.error('tools/bench: --write needs all parts, and not --short: a table is of one run');
  process.exit(2);
}

const git = (...args) => execFileSync('git', args, { cwd: kit.root, encoding: 'utf8' }).trim();
const machine = `${cpus().length} cores of ${cpus()[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}`;
const command = ['tools/bench', ...words].join(' ');

function section(name) {
  const rows = kit.figures.filter((one) => one.part === name).map((one) =>
    `| ${one.what.trim()} | ${kit.measured_text(one)} | ${kit.must_text(one)} | ${kit.verdict_text(one)} | ${one.note} |`);
  return `## ${titles[name]}\n\n| what | measured | must | | |\n|---|---:|---:|---|---|\n${rows.join('\n')}\n`;
}

function write() {
  const file = join(kit.root, 'docs/benchmarks.md');
  const told = readFileSync(file, 'utf8');
  const mark = '<!-- tools/bench --write replaces everything below this line -->';
  const head = told.slice(0, told.indexOf(mark) + mark.length);
  writeFileSync(file, `${head}\n\n- machine: ${machine}\n- command: \`${command}\`\n- date: ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC, at ${git('rev-parse', '--short', 'HEAD')}\n\n${names.map(section).join('\n')}`);
  console.log(`written: ${file}`);
}

kit.say(`${machine}; ${new Date().toISOString()}`);
let failed = 0;
for (const name of parts) {
  kit.say(`${titles[name]}`);
  try {
    await (await import(`./${name}.mjs`)).default();
  } catch (problem) {
    failed++;
    console.error(`  ${name} could not be measured: ${problem.stack}`);
  }
}
const missed = kit.figures.filter((one) => one.ok === false);
if (words.includes('--json'))
  console.log(JSON.stringify({ machine, command, date: new Date().toISOString(), figures: kit.figures }, null, 1));
else console.log(`${kit.figures.filter((one) => one.ok).length} ok, ${missed.length} missed${failed ? `, ${failed} parts failed` : ''}`);
if (words.includes('--write') && !failed) write();
process.exit(failed || (words.includes('--strict') && missed.length) ? 1 : 0);
