// A made-up hour at three sizes: how much faster than real time, and whether it grows with the size alone.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as kit from './kit.mjs';

const stack = (instances) => `stack: bench
clusters:
  game:
    run: "true"
    count: { http: /stats, field: n, accepted: a }
    capacity: 400
    instances: { min: ${instances}, max: ${Math.ceil(instances * 1.2)} }
`;

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
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
