// Placements with exact keys over two controllers and a real etcd: both are asked, and one of them owns the cluster. Both are on
// core 0; wrk, etcd and the instances are on core 1. Beside it, in the same rounds, the owner asked alone.
import { start_etcd } from '../e2e/kit/etcd.mjs';
import { wait_for } from '../e2e/kit/wait.mjs';
import * as kit from './kit.mjs';
import { wrk } from './placements.mjs';

const instances = 20;
const rounds = kit.options.is_short ? 1 : 5;

export default async function controllers() {
  const etcd = await start_etcd();
  for (const member of etcd.members) kit.pin(member.process.pid, 1);
  const stack = kit.stack_text('bench', [kit.tiny_cluster({ instances, capacity: 10_000_000, more: '    seats: 1\n    owner: a\n' })],
    300, `{ etcd: ["${etcd.endpoints[0]}"] }`);
  let a, b;
  try {
    a = await kit.up(stack, 60_000, 'a');
    a.recorded = () => etcd.activities('bench');
    b = await a.beside('b');
    await a.serving('game', instances, 60_000);
    for (const one of [a, b]) kit.pin(one.pid, 0);
    await wait_for(async () => (await b.cluster('game')).owner === 'a', { what: 'a to own it' });
    const url = (one) => `${one.api}${one.path}/clusters/game/placements`;
    const pids = [a.pid, b.pid];
    const results = { alone: [], both: [], other: [] };
    for (let round = 0; round < rounds; round++) {
      results.alone.push([await wrk(url(a), { keys: 1, pids })]);
      results.both.push(await Promise.all([a, b].map((one) => wrk(url(one), { keys: 1, pids, connections: 32 }))));
      results.other.push([await wrk(url(b), { keys: 1, pids })]);
      for (const [name, runs] of Object.entries(results))
        kit.say(`    ${name.padEnd(6)} ${Math.round(sum(runs[round], 'rate')).toLocaleString('en-US').padStart(8)}/s`
          + `  not 200: ${sum(runs[round], 'not_ok') + sum(runs[round], 'broken')}`);
    }
    const rate = (name) => kit.median(results[name].map((runs) => sum(runs, 'rate')));
    const show = (what, value, unit, must, note) => kit.figure('controllers', what, value, unit, must, note);
    show('keyed placements, the owner asked alone', rate('alone'), '/s', null, 'each call its own key');
    show('keyed placements, two controllers asked at once', rate('both'), '/s', { at_least: 50_000 }, 'both on one core');
    show('keyed placements, all asked of the other one', rate('other'), '/s', null, 'and sent on to the owner');
    const failed = Object.values(results).flat(2).reduce((all, one) => all + one.not_ok + one.broken, 0);
    show('answers that were not a 200', failed, '', { equals: 0 });
  } finally {
    if (a) await kit.down(a);
    if (b && b.child.exitCode === null) b.child.kill('SIGKILL');
    await etcd.stop();
  }
}

const sum = (runs, field) => runs.reduce((all, one) => all + one[field], 0);
