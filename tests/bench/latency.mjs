// The latency of a placement at half of the peak rate, while the same controller plans 10,000 instances each second. The
// load is open-loop: an answer is late from the moment it should have been asked for. In rounds, of which the median counts:
// a virtual machine is itself gone for milliseconds now and then, as the same load on 10 instances shows.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { free_ports } from '../e2e/kit/ports.mjs';
import { wait_for } from '../e2e/kit/wait.mjs';
import * as kit from './kit.mjs';
import { wrk } from './placements.mjs';

const rounds = kit.options.is_short ? 3 : 9;
const seconds = 3;
const path = '/v1/stacks/bench/clusters/game/placements';

// A controller of so many instances; `work(port, fleet)` while it runs. What it says at its end.
async function with_fleet(instances, work) {
  const folder = mkdtempSync(join(tmpdir(), 'utakata-bench-'));
  const [port] = await free_ports(1);
  const fleet = kit.start(0, kit.program('standing_fleet'), [String(port), String(instances), folder]);
  try {
    const url = `http://127.0.0.1:${port}${path}`;
    await wait_for(async () => (await fetch(url, { method: 'POST', body: '{}' })).ok,
      { within: 20_000, what: `the fleet of ${instances}: ${fleet.errors}` });
    await kit.sleep(1500);
    await work(port, fleet, url);
    await kit.stop(fleet);
    return JSON.parse(fleet.output);
  } finally {
    fleet.kill('SIGKILL');
    await fleet.ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

async function one_round(port, rate) {
  return JSON.parse(await kit.run(1, kit.program('steady_load'), [String(port), path, String(rate), String(seconds)]));
}
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const each = (told) => told.map((one) => (one.p99_us / 1000).toFixed(2)).join(' ');

export default async function latency() {
  const show = (what, value, unit, must = null, note = '') => kit.figure('latency', what, value, unit, must, note);
  const told = [];
  let rate = 0;
  const own = await with_fleet(10_000, async (port, fleet, url) => {
    const peak = await wrk(url, { pids: [fleet.pid], time: 3 });
    rate = Math.round(Math.max(peak.rate, kit.figures.find((one) => one.what.startsWith('placements, 64'))?.measured ?? 0) / 2);
    show('peak rate on 10,000 instances, planned each second', peak.rate, '/s', null, `${peak.cpu_us.toFixed(2)} us CPU each`);
    await kit.sleep(2000);
    for (let round = 0; round < rounds; round++) told.push(await one_round(port, rate));
  });
  const floor = [];
  await with_fleet(10, async (port) => {
    for (let round = 0; round < rounds; round++) floor.push(await one_round(port, rate));
  });
  const of = (name) => median(told.map((one) => one[name]));
  show(`p99 at ${rate.toLocaleString('en-US')}/s, half of the peak`, of('p99_us') / 1000, 'ms', { at_most: 1 },
    `median of ${rounds} rounds of ${seconds} s: ${each(told)}; p50 ${of('p50_us')} us, p90 ${of('p90_us')} us`);
  show('the same load on 10 instances', median(floor.map((one) => one.p99_us)) / 1000, 'ms', null, `what this machine adds: ${each(floor)}`);
  const lost = told.reduce((sum, one) => sum + one.lost + one.not_200, 0);
  show('answers lost or not a 200 meanwhile', lost, '', { equals: 0 },
    `of ${told.reduce((sum, one) => sum + one.answers, 0).toLocaleString('en-US')}`);
  show('the control loop\'s whole second (observe, plan, record, publish)', own.tick.median_ms, 'ms CPU', null, `worst ${own.tick.worst_ms} ms`);
}
