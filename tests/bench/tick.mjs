// One tick in memory over 1,000, 3,000 and 10,000 instances: observe, rules, plan, view.
import * as kit from './kit.mjs';

export default async function tick() {
  const lines = (await kit.run(0, kit.program('tick_bench'), [])).trim().split('\n').map((line) => JSON.parse(line));
  for (const one of lines)
    kit.figure('tick', `one tick over ${one.instances.toLocaleString('en-US')} instances, in memory`, one.median_ms, 'ms CPU',
      one.instances === 10_000 ? { at_most: 5 } : null, `worst ${one.worst_ms} ms; its record as a blob ${one.blob_ms} ms more`);
  const each = (count) => lines.find((one) => one.instances === count).median_ms / count;
  // Caches hold a thousand instances and not ten thousand: that may cost something, but it must not grow with the number.
  kit.figure('tick', 'an instance\'s share at 10,000, of that at 1,000', each(10_000) / each(1000), 'x', { at_most: 2 });
}
