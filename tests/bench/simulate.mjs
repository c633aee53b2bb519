// A made-up hour at three sizes: how much faster than real time, and whether it grows with the size alone.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as kit from './kit.mjs';

const stack = (instances, capacity = 400) => `stack: bench
api: { ports: 20000-60000 }
clusters:
  game:
    run: "true"
    count: { http: /stats, field: n, accepted: a }
    capacity: ${capacity}
    instances: { min: ${instances}, max: ${Math.ceil(instances * 1.2)} }
`;

// Its people come when the fleet stands (24 minutes: 50 boot at a time), within ten minutes; then an hour or none goes by.
async function crowd(folder, hour) {
  const file = join(folder, 'crowd.yaml');
  const load = join(folder, 'crowd.csv');
  writeFileSync(file, stack(20_000, 600));
  writeFileSync(load, `seconds,connections\n0,0\n1560,0\n2160,10000000\n${2160 + 3600 * hour + 1},10000000\n`);
  const child = kit.start(1, process.env.UTAKATA_BIN, ['simulate', file, '--load', load, '--json']);
  let most = 0;
  const look = setInterval(() => {
    try {
      const peak = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'latin1'));
      most = Math.max(most, peak ? Number(peak[1]) / 1024 / 1024 : 0);
    } catch {
      // it has just ended
    }
  }, 500);
  const { code } = await child.ended;
  clearInterval(look);
  if (code !== 0) throw new Error(child.errors);
  const day = JSON.parse(child.output);
  if (day.broken.length) throw new Error(day.broken[0]);
  return { took: day.took_s, gib: most, refused: day.clusters[0].refused };
}

async function crowds(folder) {
  const before = await crowd(folder, 0);
  const whole = await crowd(folder, 1);
  kit.figure('simulate', '1 hour of 20,000 instances, 10,000,000 people', whole.took - before.took, 's', { at_most: 180 },
    `from an empty fleet, 96 minutes in all: ${Math.round(whole.took)} s; ${whole.refused} refused`);
  kit.figure('simulate', '  memory at most', whole.gib, 'GiB', { at_most: 8 });
}

export default async function simulate() {
  const folder = mkdtempSync(join(tmpdir(), 'utakata-bench-'));
  const seconds = {};
  try {
    for (const instances of kit.options.is_short ? [100] : [100, 300, 1000]) {
      const file = join(folder, `${instances}.yaml`);
      writeFileSync(file, stack(instances));
      const took = [];
      for (let round = 0; round < 3; round++) {
        const day = JSON.parse(await kit.run(0, process.env.UTAKATA_BIN, ['simulate', file, '--load', 'steady', '--length', '1h',
          '--connections', String(instances * 300), '--json']));
        if (day.broken.length) throw new Error(day.broken[0]);
        took.push(day.took_s);
      }
      seconds[instances] = kit.median(took);
      kit.figure('simulate', `1 hour of ${instances.toLocaleString('en-US')} instances, ${(instances * 300).toLocaleString('en-US')} people`,
        seconds[instances], 's', instances === 1000 ? { at_most: 3.6 } : null,
        `${Math.round(3600 / seconds[instances])} x real time; worst ${Math.max(...took).toFixed(2)} s of 3`);
    }
    if (!kit.options.is_short)
      kit.figure('simulate', 'an instance\'s share at 1,000, of that at 100', seconds[1000] / 10 / seconds[100], 'x', { at_most: 2 });
    if (kit.options.is_long) await crowds(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
