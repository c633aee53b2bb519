// The same evening under four stack files: a table, and a chart of each as SVG.
//   node examples/weekly-show/compare.mjs [chart.svg]
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const utakata = process.env.UTAKATA ?? join(here, '../../build/dev/utakata');
const stacks = { cpu: 'a CPU autoscaler', target: 'target only', headroom: 'headroom: auto', show: 'show' };

function day(stack) {
  const options = ['simulate', join(here, `${stack}.yaml`), '--load', join(here, 'evening.csv'), '--session', '2h', '--boot', '40s', '--json'];
  return JSON.parse(execFileSync(utakata, options, { maxBuffer: 1 << 30 }));
}

const rows = Object.entries(stacks).map(([file, name]) => {
  const result = day(file);
  const vote = result.clusters[0];
  const cut = Object.values(vote.cuts).reduce((sum, n) => sum + n, 0);
  return { file, name, vote, refused: vote.refused, cut, cost: vote.cost, waited: vote.waited_p99_ms, hours: vote.instance_hours, broken: result.broken };
});

const cell = (value, width) => String(value).padStart(width);
console.log(`${'stack'.padEnd(18)}${cell('refused', 10)}${cell('cut', 10)}${cell('waited p99', 12)}${cell('instance-h', 12)}${cell('cost, USD', 11)}`);
for (const row of rows)
  console.log(row.name.padEnd(18) + cell(row.refused.toLocaleString('en'), 10) + cell(row.cut.toLocaleString('en'), 10) +
    cell(`${(row.waited / 1000).toFixed(1)} s`, 12) + cell(row.hours.toFixed(0), 12) + cell(row.cost.toFixed(2), 11));

// Small multiples: people who wish to be there (line) against the seats of what serves (area).
function chart() {
  const width = 420, height = 150, left = 46, gap = 34;
  const most = Math.max(...rows.flatMap(({ vote }) => vote.samples.map((s) => Math.max(s.capacity, s.wishing))));
  const end = rows[0].vote.samples.at(-1).at_ms;
  const panels = rows.map(({ name, vote, refused, cut, cost }, i) => {
    const x0 = left + (i % 2) * (width + left + 14), y0 = 24 + Math.floor(i / 2) * (height + gap + 24);
    const x = (at) => (x0 + (at / end) * width).toFixed(1), y = (n) => (y0 + height - (n / most) * height).toFixed(1);
    const line = (key) => vote.samples.map((s) => `${x(s.at_ms)},${y(s[key])}`).join(' ');
    const ticks = [0, 200_000, 400_000].filter((n) => n <= most).map((n) =>
      `<line x1="${x0}" x2="${x0 + width}" y1="${y(n)}" y2="${y(n)}" stroke="#ddd"/><text x="${x0 - 6}" y="${+y(n) + 4}" text-anchor="end">${n / 1000}k</text>`);
    const hours = [18, 19, 20, 21, 22, 23].map((h) => `<text x="${x((h - 18) * 3_600_000)}" y="${y0 + height + 15}" text-anchor="middle">${h}:00</text>`);
    const marks = vote.samples.filter((s) => s.refused > 0 || s.cut > 0).map((s) =>
      `<rect x="${x(s.at_ms)}" y="${y0 + height - 5}" width="2" height="5" fill="${s.cut > 0 ? '#7b3294' : '#d7301f'}"/>`);
    return `<g><text x="${x0}" y="${y0 - 8}" font-weight="bold">${name}: ${refused.toLocaleString('en')} refused, ${cut.toLocaleString('en')} cut, ${cost.toFixed(2)} USD</text>${ticks.join('')}${hours.join('')}
<polygon points="${x0},${y0 + height} ${line('capacity')} ${x0 + width},${y0 + height}" fill="#9ecae1"/><polyline points="${line('wishing')}" fill="none" stroke="#08306b" stroke-width="1.5"/>${marks.join('')}</g>`;
  });
  const total = [2 * (width + left) + 30, 2 * (height + gap + 24) + 30];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${total.join(' ')}" font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>
${panels.join('\n')}
<text x="${left}" y="${total[1] - 10}">Line: people who wish to be connected. Area: seats of the instances that serve. Below: when people were refused (red) or cut (violet). Tokyo time.</text></svg>\n`;
}

if (process.argv[2]) writeFileSync(process.argv[2], chart());
const [show, headroom] = [rows.find((r) => r.file === 'show'), rows.find((r) => r.file === 'headroom')];
const holds = show.refused === 0 && show.cut === 0 && show.cost < headroom.cost && rows.every((r) => r.broken.length === 0);
if (!holds) console.error('The show stack should refuse nobody, cut nobody and cost less than headroom, and no promise be broken.');
process.exitCode = holds ? 0 : 1;
