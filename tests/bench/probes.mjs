// 2,000 instances, each a process, really asked over HTTP each second: what that costs the controller.
import * as kit from './kit.mjs';

const clusters = 8, each = kit.options.is_short ? 25 : 250;
const seconds = kit.options.is_short ? 4 : 15;

export default async function probes() {
  const total = clusters * each;
  const names = Array.from({ length: clusters }, (_, k) => `part${k + 1}`);
  const fleet = await kit.up(kit.stack_text('probes',
    names.map((name) => kit.tiny_cluster({ name, instances: each, capacity: 100, core: null })), Math.ceil(total * 1.25) + 100));
  try {
    const began = performance.now();
    for (const name of names) await fleet.serving(name, each, 240_000);
    const boot = (performance.now() - began) / 1000;
    await kit.sleep(3000);
    const before = kit.cpu_seconds(fleet.pid);
    const from = performance.now();
    await kit.sleep(seconds * 1000);
    const spent = (kit.cpu_seconds(fleet.pid) - before) / ((performance.now() - from) / 1000);
    const status = await fleet.status();
    const all = status.clusters.flatMap((one) => one.instances);
    const fresh = all.filter((one) => one.lifecycle === 'serving' && one.misses === 0 && one.count_age_ms < 2000).length;
    const show = (what, value, unit, must = null, note = '') => kit.figure('probes', what, value, unit, must, note);
    show(`controller, ${total.toLocaleString('en-US')} instances probed over HTTP each second`, spent * 100, '% of a core', null,
      `${Math.round(kit.resident_mb(fleet.pid))} MB; all served ${boot.toFixed(0)} s after \`up\``);
    show('  of them with a count of this second', fresh, '', { equals: total });
  } finally {
    await kit.down(fleet);
  }
}
