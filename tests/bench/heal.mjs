// What happens to a fleet with players on it when instances die, freeze and stall, and when the controller itself freezes;
// by a witness of processes, by the placements that are answered, and by the players' own connections.
import { connect } from 'node:net';
import { Crowd } from '../e2e/kit/clients.mjs';
import { monotonic_ms, wait_for } from '../e2e/kit/wait.mjs';
import { Births } from './crew.mjs';
import * as kit from './kit.mjs';

const kills = kit.options.is_short ? 2 : 5;
const stalls = kit.options.is_long ? 100 : kit.options.is_short ? 2 : 10;
const freezes = kit.options.is_short ? 2 : 4;
const size = 4;

const yaml = (words) => `stack: heal
api: { listen: ${words.listen}, ports: ${words.ports} }
clusters:
  game:
    run: node ${words.kit}/app-ws.mjs
    url: "ws://\${host}:\${port}"
    ready: { http: /healthz, within: 20s }
    count: { http: /stats, field: connections, accepted: accepted }
    capacity: 100
    instances: { min: ${size}, max: 12 }
    heal: { misses: 3, clients_wait: 20s }
    settle: 10m
`;

const dials = (port) => new Promise((done) => {
  const socket = connect(port, '127.0.0.1');
  socket.once('connect', () => { socket.destroy(); done(true); }).once('error', () => done(false));
});

// Its substitute's birth, its first listening, and when the controller says that it serves.
async function substitute(fleet, births, since) {
  const born = await wait_for(() => births.after(since)[0], { within: 15_000, every: 2, what: 'a substitute' });
  const own = await wait_for(() => fleet.instance(born.instance), { every: 5, what: 'its address' });
  const port = Number(own.address.split(':')[1]);
  await wait_for(() => dials(port), { every: 5, what: 'it to listen' });
  const listens_ms = monotonic_ms();
  await wait_for(async () => (await fleet.instance(born.instance)).lifecycle === 'serving', { every: 10, what: 'it to serve' });
  return { ...born, listens_ms, serves_ms: monotonic_ms() };
}

async function kill(fleet, births, show) {
  const launched = [], served = [];
  for (let turn = 0; turn < kills; turn++) {
    await fleet.serving('game', size);
    // One that dies before it has served for 5 s counts towards a crash loop, which backs off by design (plan/backoff.h).
    const victim = await wait_for(async () => (await fleet.instances('game'))
      .find((one) => one.lifecycle === 'serving' && one.age_ms > 8000), { within: 20_000, every: 50, what: 'one that is not young' });
    await kit.sleep(137 * turn);  // at another point of the second each time
    const at = monotonic_ms();
    process.kill(victim.pid, 'SIGKILL');
    const one = await substitute(fleet, births, at);
    launched.push(one.at_ms - at);
    served.push((one.serves_ms - at - (one.listens_ms - one.at_ms)) / 1000);
  }
  show('kill -9: substitute launched after, worst', Math.max(...launched), 'ms', { at_most: 50 },
    `median ${Math.round(kit.median(launched))} ms of ${kills}`);
  show('kill -9: substitute serves after its own boot time and, worst', Math.max(...served), 's', { at_most: 1.1 },
    `median ${kit.median(served).toFixed(2)} s`);
}

// Asks for a place again and again, and gives it back: the last time that `victim` was the answer.
function placing(fleet, victim) {
  const seen = { last_ms: 0, is_on: true };
  seen.ended = (async () => {
    while (seen.is_on) {
      const asked = monotonic_ms();
      const { body } = await fleet.place('game');
      if (body.instance === victim) seen.last_ms = asked;
      if (body.id) await fleet.give_back('game', body.id);
      await kit.sleep(10);
    }
  })().catch(() => {});  // the fleet has gone down: whoever waits for an answer says so
  return seen;
}

const cuts = (crowd) => crowd.clients.filter((one) => one.closed && one.closed.by !== 'us').length;

// One freeze, so long after a probe's answer as `phase` says: right after it is the worst.
async function freeze_once(fleet, births, crowd, phase) {
  await fleet.serving('game', size);
  // One that is placed on just now: whose seats are held is not.
  const { body } = await fleet.place('game');
  await fleet.give_back('game', body.id);
  const victim = await fleet.instance(body.instance);
  const before = cuts(crowd);
  const players = crowd.on(victim.id).length;
  const placements = placing(fleet, victim.id);
  await wait_for(() => placements.last_ms > 0, { every: 5, what: 'it to be placed on' });
  const age = async () => (await fleet.instance(victim.id)).count_age_ms;
  await wait_for(async () => (await age()) < 20, { every: 2, what: 'it to have just answered' });
  await kit.sleep(phase);
  const at = monotonic_ms();
  process.kill(victim.pid, 'SIGSTOP');
  const [born] = await wait_for(() => births.after(at).length && births.after(at), { within: 15_000, every: 2, what: 'a substitute' });
  await kit.sleep(Math.max(0, at + 8000 - monotonic_ms()));
  const out = placements.last_ms;
  const resumed_at = monotonic_ms();
  process.kill(victim.pid, 'SIGCONT');
  // Its substitute is emptier, so that it is trusted again is asked for, and not a placement.
  await wait_for(async () => !(await fleet.instance(victim.id)).suspect, { within: 15_000, every: 5, what: 'it to be trusted again' });
  const back = (monotonic_ms() - resumed_at) / 1000;
  placements.is_on = false;
  await placements.ended;
  // The substitute of one that came back is spare, and goes again.
  await wait_for(async () => (await fleet.instances('game')).length === size, { within: 40_000, what: 'the spare one to go' });
  return { players, out: Math.max(0, out - at) / 1000, launched: (born.at_ms - at) / 1000, back, cut: cuts(crowd) - before };
}

async function freeze(fleet, births, crowd, show) {
  const told = [];
  for (let turn = 0; turn < freezes; turn++) told.push(await freeze_once(fleet, births, crowd, turn * 250));
  const worst = (name) => Math.max(...told.map((one) => one[name]));
  const each = (name) => told.map((one) => one[name].toFixed(2)).join(' ');
  show(`SIGSTOP with players on it, ${freezes} times: last placed on it after, worst`, worst('out'), 's', { at_most: 2.5 }, each('out'));
  show('SIGSTOP: substitute launched after, worst', worst('launched'), 's', { at_most: 4.5 }, each('launched'));
  show('SIGCONT 8 s later: trusted again after, worst', worst('back'), 's', null, each('back'));
  show('  players cut', told.reduce((sum, one) => sum + one.cut, 0), '', { equals: 0 },
    `of ${told.map((one) => one.players).join(', ')} on it`);
}

async function stall(fleet, crowd, show) {
  const victim = (await fleet.instances('game')).find((one) => one.lifecycle === 'serving' && crowd.on(one.id).length > 0);
  const [before, living] = [cuts(crowd), fleet.watcher.instances('game').length];
  for (let turn = 0; turn < stalls; turn++) {
    await fetch(`http://${victim.address}/stall?ms=2000`, { method: 'POST' });
    await kit.sleep(2000 + 300 + ((turn * 170) % 1000));
  }
  await fleet.watcher.caught_up();
  show(`event loop stalled for 2 s, ${stalls} times, ${crowd.on(victim.id).length} players on it: cut`, cuts(crowd) - before, '', { equals: 0 });
  show('  instances killed', Math.max(0, living - fleet.watcher.instances('game').length), '', { equals: 0 });
}

async function frozen_controller(fleet, crowd, show) {
  const [before, died] = [cuts(crowd), fleet.watcher.events.filter((one) => one.kind === 'death').length];
  fleet.freeze();
  await kit.sleep(10_000);
  fleet.thaw();
  await kit.sleep(4000);
  await fleet.watcher.caught_up();
  show('controller frozen for 10 s: players cut', cuts(crowd) - before, '', { equals: 0 });
  show('  instances killed', fleet.watcher.events.filter((one) => one.kind === 'death').length - died, '', { equals: 0 });
}

export default async function heal() {
  const show = (what, value, unit, must = null, note = '') => kit.figure('heal', what, value, unit, must, note);
  const fleet = await kit.up(yaml);
  const births = new Births(fleet.mark);
  const crowd = new Crowd(fleet, 'game');
  try {
    await fleet.serving('game', size);
    await kill(fleet, births, show);
    await fleet.serving('game', size);
    await crowd.add(40);
    await kit.sleep(2500);  // every hold is confirmed
    await freeze(fleet, births, crowd, show);
    await fleet.watcher.caught_up();
    await stall(fleet, crowd, show);
    await frozen_controller(fleet, crowd, show);
  } finally {
    crowd.end();
    await births.stop();
    await kit.down(fleet);
  }
}
