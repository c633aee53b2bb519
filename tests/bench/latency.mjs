// The latency of a placement at half of the peak rate, while the same controller plans 10,000 instances each second. The
// load is open-loop: an answer is late from the moment it should have been asked for.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { free_ports } from '../e2e/kit/ports.mjs';
import { wait_for } from '../e2e/kit/wait.mjs';
import * as kit from './kit.mjs';
import { wrk } from './placements.mjs';

const instances = 10_000;
const seconds = kit.options.is_short ? 5 : 20;

export default async function latency() {
  const folder = mkdtempSync(join(tmpdir(), 'utakata-bench-'));
  const [port] = await free_ports(1);
  const fleet = kit.start(0, kit.program('standing_fleet'), [String(port), String(instances), folder]);
  try {
    const path = '/v1/stacks/bench/clusters/game/placements';
    const url = `http://127.0.0.1:${port}${path}`;
    await wait_for(async () => (await fetch(url, { method: 'POST', body: '{}' })).ok,
      { within: 20_000, what: `the fleet of ${instances}: ${fleet.errors}` });
    await kit.sleep(1500);
    const peak = await wrk(url, { pids: [fleet.pid], time: 3 });
    const rate = Math.round(Math.max(peak.rate, kit.figures.find((one) => one.what.startsWith('placements, 64'))?.measured ?? 0) / 2);
    await kit.sleep(2000);
    const told = JSON.parse(await kit.run(1, kit.program('steady_load'), [String(port), path, String(rate), String(seconds)]));
    await kit.stop(fleet);
    const own = JSON.parse(fleet.output);
    const show = (what, value, unit, must = null, note = '') => kit.figure('latency', what, value, unit, must, note);
    show('peak rate on 10,000 instances, planned each second', peak.rate, '/s', null, `${peak.cpu_us.toFixed(2)} us CPU each`);
    show(`p99 at ${rate.toLocaleString('en-US')}/s, half of the peak`, told.p99_us / 1000, 'ms', { at_most: 1 },
      `p50 ${told.p50_us} us, p90 ${told.p90_us} us, p99.9 ${told.p999_us} us, worst ${told.max_us} us`);
    show('answers lost or not a 200 meanwhile', told.lost + told.not_200, '', { equals: 0 }, `of ${told.answers.toLocaleString('en-US')}`);
    show('the control loop\'s whole second (observe, plan, record, publish)', own.tick.median_ms, 'ms CPU', null, `worst ${own.tick.worst_ms} ms`);
    show('what the placing loop takes to follow it', own.view.median_ms, 'ms CPU', null, `worst ${own.view.worst_ms} ms`);
  } finally {
    fleet.kill('SIGKILL');
    await fleet.ended;
    rmSync(folder, { recursive: true, force: true });
  }
}
