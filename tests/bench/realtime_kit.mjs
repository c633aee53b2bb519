// What sends on core 0, and what receives from it on core 1: both of each pair are there all the time, and pairs have their turns.
import { once } from 'node:events';
import { join } from 'node:path';
import * as kit from './kit.mjs';

export const seconds = kit.options.is_short ? 1 : 3;
export const rounds = kit.options.is_short ? 1 : 5;
export const few = kit.options.is_short ? 500 : 5_000;
export const many = kit.options.is_short ? 2_000 : 19_000;  // 20,000 descriptors are what a process may have
const file = { stdio: ['pipe', 'pipe', 'pipe'] };

// A line of what it says, as soon as it is there.
async function line_of(child, pattern) {
  for (;;) {
    const found = pattern.exec(child.output);
    if (found) {
      child.output = child.output.slice(found.index + found[0].length);
      return found[1];
    }
    const how = await Promise.race([once(child.stdout, 'data'), child.ended]);
    if ('code' in how) throw new Error(`${child.spawnargs.join(' ')} ended (${how.code}): ${child.errors}`);
  }
}

// What sends, and what receives from it.
export class Pair {
  async serve(command, ...args) {
    this.server = kit.start(0, command, args);
    this.port = Number(await line_of(this.server, /(\d+)\n/));
    this.pids = [this.server.pid];
    return this;
  }
  async load(program, ...args) {
    this.client = kit.start(1, kit.program(program), [String(this.port), ...args.map(String)], file);
    return this;
  }
  async subscribe(...args) {
    await this.load(...args);
    this.frame_bytes = JSON.parse(await line_of(this.client, /(.*)\n/)).frame_bytes;
    return this;
  }
  // `waited_ms`: both together, for a core that others had; `stolen_ms`: what no process here had of both cores.
  async ask(...words) {
    const taken = () => ({
      cpu: kit.cpu_seconds(...this.pids),
      waited_ms: kit.waited_ms(...this.pids, this.client.pid),
      stolen_ms: kit.stolen_ms(0, 1),
      softirq_ms: kit.softirq_ms(0),
    });
    const before = taken();
    this.client.stdin.write(`${words.join(' ')}\n`);
    const told = JSON.parse(await line_of(this.client, /(.*)\n/));
    const after = taken();
    return {
      ...told,
      cpu_us: ((after.cpu - before.cpu) * 1e6) / told.messages,
      waited_ms: after.waited_ms - before.waited_ms,
      stolen_ms: after.stolen_ms - before.stolen_ms,
      softirq_ms: after.softirq_ms - before.softirq_ms,
    };
  }
  async leave() {
    this.client?.stdin.end();
    await this.client?.ended;
  }
  async end() {
    await this.leave();
    if (this.server) await kit.stop(this.server);
  }
}
export const realtime = (pair, ...more) => pair.serve(join(kit.build, 'utakata-realtime'), '--port', '0', '--app', '1:show:between-us',
  '--client-events', '--client-events-per-second', '1000000000', ...more);
export const node = (pair, what, ...more) => pair.serve(process.execPath, join(kit.here, 'broadcasters.mjs'), what, ...more);

// Turns of all, and what each had of the rate of `against` in the same round. `rate_of`: of what one turn told.
export async function compare(pairs, against, words, rate_of = (one) => one.rate) {
  const told = Object.fromEntries(Object.keys(pairs).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const [name, pair] of Object.entries(pairs)) {
      const one = await pair.ask(...words);
      told[name].push({ ...one, rate: rate_of(one) });
    }
  for (const [name, all] of Object.entries(told)) kit.say(`    ${name.padEnd(9)} ${all.map((one) => Math.round(one.rate)).join(' ')} /s`);
  const ratios = (name) => told[name].map((one, round) => one.rate / told[against][round].rate);
  const of = (name, field) => kit.median(told[name].map((one) => one[field]));
  const rate = (name) => Math.round(of(name, 'rate')).toLocaleString('en-US');
  return {
    ratio: (name) => kit.median(ratios(name)),
    note: (name) => `${rate(name)} of ${rate(against)} /s; ${of(name, 'cpu_us').toFixed(2)} of ${
      of(against, 'cpu_us').toFixed(2)} us CPU each; rounds: ${ratios(name).map((one) => one.toFixed(2)).join(' ')}`,
  };
}
export const show = (what, value, unit, must, note) => kit.figure('realtime', what, value, unit, must, note);
export const said = (count) => `${count.toLocaleString('en-US')} subscribers`;

export async function with_pairs(names, work) {
  const pairs = Object.fromEntries(names.map((name) => [name, new Pair()]));
  try {
    await work(pairs);
  } finally {
    for (const pair of Object.values(pairs)) await pair.end();
  }
}
