// A controller with little to do: 10 instances, nobody asks.
import * as kit from './kit.mjs';

const seconds = kit.options.is_short ? 5 : 30;

export default async function idle() {
  const fleet = await kit.up(kit.stack_text('idle', [kit.tiny_cluster({ instances: 10, capacity: 100, core: null })]));
  try {
    await fleet.serving('game', 10);
    await kit.sleep(3000);
    const before = kit.cpu_seconds(fleet.pid);
    await kit.sleep(seconds * 1000);
    const share = ((kit.cpu_seconds(fleet.pid) - before) / seconds) * 100;
    kit.figure('idle', 'controller of 10 instances: memory', kit.resident_mb(fleet.pid), 'MB', { at_most: 25 });
    kit.figure('idle', `controller of 10 instances: CPU over ${seconds} s`, share, '% of a core', { at_most: 1 });
  } finally {
    await kit.down(fleet);
  }
}
