// The checkers of the kit, each on a small made-up record that breaks its promise and on the same
// one without the breach: a checker that cannot fail would make every other test pass.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { broken_promises, ms_of, promises } from './kit/promises.mjs';
import { Limits, spans, steady } from './kit/record.mjs';

const is_outcome = /^(launched|ready|gone|launch_failed|found|forgotten)$/;
// An activity: at so many seconds, what of whom, why.
const log = (...lines) =>
  lines.map(([at_s, kind, instance, because = 'two are wanted', more = {}], at) => ({
    number: at + 1,
    at_ms: at_s * 1000,
    cluster: 'chat',
    instance,
    phase: is_outcome.test(kind) ? 'outcome' : 'intent',
    kind,
    because,
    by: 'utakata',
    cut: null,
    ...more,
  }));
const operator = { by: 'operator' };
// A client that was there from and to so many seconds, and who ended it.
const client = (instance, from_s, to_s = null, by = 'them') => ({
  cluster: 'chat',
  instance,
  opened_ms: from_s * 1000,
  closed: to_s === null ? null : { by, at_ms: to_s * 1000 },
});
const runs = (instance, from_s, to_s = null, is_main = true) => ({
  instance,
  cluster: 'chat',
  command: 'node app.mjs',
  born_ms: from_s * 1000,
  died_ms: to_s === null ? null : to_s * 1000,
  is_main,
});
const clusters = { chat: { max: 2, capacity: 2, clients_wait_ms: 10_000 } };
const record = (more) => ({ activities: [], clients: [], processes: [], clusters, ...more });

const empty = 'out of placement, no seat held, and two fresh counts are zero';
const deadline = 'drain deadline of 5s passed with 1 client still on it';
const silent = 'silent for 11s, longer than clients themselves wait (10s)';
const unanswered = 'it does not answer and a fresh count says it is empty';
const stop = (why, { cut = null, drained_s = 10, ...client_s } = {}) =>
  record({
    activities: log(
      [0, 'launch', 'chat-1'],
      [drained_s, 'drain', 'chat-1', '1 is wanted'],
      [20, 'stop', 'chat-1', why, { cut }],
    ),
    clients: [client('chat-1', client_s.from ?? 1, client_s.to ?? 20.1, client_s.by)],
  });
const sick = (stop_s, { because = silent, suspect_s = 20, trust = [], clients } = {}) =>
  record({
    activities: log(
      [0, 'launch', 'chat-1'],
      [suspect_s, 'suspect', 'chat-1', '2 missed answers in a row'],
      ...trust,
      [stop_s, 'stop', 'chat-1', because, { cut: 1 }],
    ),
    clients: clients ?? [client('chat-1', 1, stop_s + 0.1)],
  });
const downs = (how, by) =>
  record({
    activities: log(
      [0, 'launch', 'chat-1'],
      [9, 'down', '', how, { by }],
      [10, 'stop', 'chat-1', 'down --now', { cut: 1 }],
    ),
    clients: [client('chat-1', 1, 10.1)],
  });
// Something is launched at 30 s while chat-1 drains; `between` happens before.
const relaunch = ({ by = 'utakata', why = '1 is wanted', between = [], launch_why, later = [] }) =>
  record({
    activities: log(
      [0, 'launch', 'chat-1'],
      [10, 'drain', 'chat-1', why, { by }],
      ...between,
      [30, 'launch', 'chat-2', launch_why],
      ...later,
    ),
  });
const owned = (...more) => record({ activities: log([0, 'launch', 'chat-1'], ...more) });
const ran = (processes, more = [[9, 'gone', 'chat-1', 'exit code 0']]) =>
  record({ activities: log([1, 'launch', 'chat-1'], ...more), processes });

// promise: { situation: [record, what it says; null: it is kept] }
const tables = {
  '1 no cut': {
    'a scale-in stops one with a client on it': [stop(empty), /stop of chat-1 .* cut 1 client$/],
    'its client was cut just before': [stop(empty, { to: 19.8 }), /cut 1 client/],
    'its client had left': [stop(empty, { to: 19, by: 'us' }), null],
    'it was cut long before, by a fault of its own': [stop(empty, { to: 12 }), null],
    'a deadline has passed, and its client is in the record': [stop(deadline, { cut: 1 }), null],
    'a deadline has passed, and the record knows of no client': [stop(deadline), /record says 0/],
    'the client came too late to be counted': [stop(deadline, { from: 18 }), null],
    'a deadline that has not passed': [stop(deadline, { cut: 1, drained_s: 17 }), /cut 1 client/],
    'an operator wanted it down at once': [downs('at once', 'operator'), null],
    'an operator wanted to wait': [downs('waiting for clients', 'operator'), /down --now/],
    'nobody wanted it down': [downs('at once', 'utakata'), /down --now/],
    'given up with a client on it': [stop('not ready within 20s'), /not ready within/],
  },
  '3 resume first': {
    'one drains for scale-in': [relaunch({}), /chat-2 was launched while chat-1 drained/],
    'it comes back in the same tick': [
      relaunch({ between: [[30, 'resume', 'chat-1']] }),
      null,
    ],
    'it came back and drains again': [
      relaunch({ between: [[12, 'resume', 'chat-1'], [14, 'drain', 'chat-1', '1 is wanted']] }),
      /chat-1 drained/,
    ],
    'an operator drains it': [relaunch(operator), null],
    'a roll-out drains it': [relaunch({ why: 'version b serves in its stead' }), null],
    'the file was edited since': [relaunch({ between: [[20, 'apply', '', '', operator]] }), null],
    'it is suspect': [relaunch({ between: [[20, 'suspect', 'chat-1']] }), null],
    'it misses answers, as a moment later is recorded': [
      relaunch({ later: [[31, 'suspect', 'chat-1']] }),
      null,
    ],
    'it is trusted again': [
      relaunch({ between: [[20, 'suspect', 'chat-1'], [22, 'trust', 'chat-1']] }),
      /chat-1 drained/,
    ],
    'its clients are being sent away': [relaunch({ between: [[20, 'close', 'chat-1']] }), null],
    'it was stopped': [relaunch({ between: [[20, 'stop', 'chat-1', empty]] }), null],
    'it died': [relaunch({ between: [[20, 'gone', 'chat-1', 'killed by signal 9']] }), null],
  },
  '4 bounds': {
    'four at once where three may be': [
      record({ processes: [1, 2, 3, 4].map((n) => runs(`chat-${n}`, n, 20)) }),
      /4 instances of chat were there at once, 3 at most/,
    ],
    'four one after another': [
      record({ processes: [1, 2, 3, 4].map((n) => runs(`chat-${n}`, n * 10, n * 10 + 15)) }),
      null,
    ],
    'a death seen a moment late': [
      record({ processes: [1, 2, 3, 4].map((n) => runs(`chat-${n}`, n * 10, 40.2)) }),
      null,
    ],
    'four processes of one instance': [
      record({ processes: [1, 2, 3, 4].map((n) => runs('chat-1', n, 20, n === 1)) }),
      null,
    ],
  },
  '5 seats': {
    'three where two may be': [
      record({ clients: [1, 2, 3].map((n) => client('chat-1', n)) }),
      /3 clients were on chat-1 at once, 2 at most/,
    ],
    'the third came when one had left': [
      record({ clients: [[1, 2.9, 'us'], [2], [3]].map((times) => client('chat-1', ...times)) }),
      null,
    ],
    'three on two instances': [
      record({ clients: [client('chat-1', 1), client('chat-2', 1), client('chat-1', 2)] }),
      null,
    ],
  },
  '6 certainty': {
    'condemned after eleven seconds of silence': [sick(31), null],
    'condemned a moment after its suspicion': [sick(22), /chat-1 was condemned .* 2000 ms after/],
    'the same, with nobody on it': [sick(22, { clients: [] }), null],
    'suspected long ago, and trusted since': [
      sick(41, { trust: [[30, 'trust', 'chat-1', 'it answers again']] }),
      /unsuspected/,
    ],
    'said to be empty with a client on it': [sick(31, { because: unanswered }), /with 1 client/],
    'empty and silent': [sick(31, { because: unanswered, clients: [] }), null],
    'replaced and never suspected': [
      owned([5, 'launch', 'chat-2', 'substitute for chat-1, silent for 3s']),
      /chat-1 was replaced/,
    ],
    'replaced when suspect': [
      owned([4, 'suspect', 'chat-1'], [5, 'launch', 'chat-2', 'substitute for chat-1, silent']),
      null,
    ],
  },
  '9 crash-safe': {
    'started, run and ended as recorded': [ran([runs('chat-1', 1.1, 9)]), null],
    'a process that nobody recorded': [
      ran([runs('chat-1', 1.1, 9), runs('chat-2', 3, 9)]),
      /chat-2 ran .* the record does not know it/,
    ],
    'it ran before its record': [ran([runs('chat-1', 0.1, 9)]), /before its launch was recorded/],
    'started twice': [ran([runs('chat-1', 1.1, 9), runs('chat-1', 3, 9)]), /started 2 times/],
    'its own child, or one beside it': [
      ran([runs('chat-1', 1.1, 9), runs('chat-1', 3, 9, false)]),
      null,
    ],
    'its end is not recorded': [ran([runs('chat-1', 1.1, 9)], []), /chat-1 ended and the record/],
  },
  '10 one owner': {
    'stopped, then gone': [owned([5, 'stop', 'chat-1', empty], [6, 'gone', 'chat-1']), null],
    'resumed after its stop': [
      owned([5, 'stop', 'chat-1', empty], [6, 'resume', 'chat-1']),
      /resume of chat-1 after its stop/,
    ],
    'stopped twice': [owned([5, 'stop', 'chat-1'], [6, 'stop', 'chat-1']), /stop of chat-1 after/],
    'heard of when gone': [owned([5, 'gone', 'chat-1'], [6, 'ready', 'chat-1']), /ready of chat-1/],
    'an id given twice': [owned([5, 'launch', 'chat-1']), /chat-1 was given twice/],
  },
  '11 reasons': {
    'a step without a reason': [owned([5, 'drain', 'chat-1', '']), /drain of chat-1 has no reason/],
    'a step with one': [owned([5, 'drain', 'chat-1', '1 is wanted']), null],
  },
};

test('every checker is in the tables, broken and kept', () => {
  assert.deepEqual(Object.keys(tables), Object.keys(promises));
  for (const [name, table] of Object.entries(tables)) {
    const expected = Object.values(table).map(([, says]) => says);
    assert.ok(expected.includes(null) && expected.some((says) => says !== null), name);
  }
});

for (const [name, table] of Object.entries(tables))
  for (const [situation, [given, says]] of Object.entries(table))
    test(`${name}: ${situation}`, () => {
      const broken = promises[name](given);
      if (says === null) return assert.deepEqual(broken, []);
      assert.equal(broken.length, 1, JSON.stringify(broken));
      assert.match(broken[0], says);
      assert.ok(broken_promises(given).includes(`${name}: ${broken[0]}`));
    });

test('a step of the wall clock is taken out of the times, what passed meanwhile is not', () => {
  const day_ms = 86_400_000;
  const walls = [1_000_100, 1_002_000, 1_003_000 + day_ms, 1_004_000 - day_ms, 1_005_000];
  const activities = walls.map((wall_ms, at) => ({ number: at + 1, wall_ms }));
  const moment = { wall_ms: 1_000_000, monotonic_ms: 50 };
  assert.deepEqual(
    steady(activities, moment).map((one) => one.at_ms),
    [150, 2050, 3050, 4050, 5050],
  );
});

test('who was started by the controller and let run is a main process', () => {
  const birth = (pid, more) => ({ kind: 'birth', at_ms: pid, pid, instance: 'chat-1', ...more });
  const all = spans(
    [
      birth(11, { parent: 1, ran: true }),
      birth(12, { parent: 7, ran: true }),
      birth(13, { parent: 7, ran: false }),
      { kind: 'death', at_ms: 20, pid: 12 },
      birth(12, { parent: 12, ran: true }), // a pid may come again
    ],
    new Set([7]),
  );
  assert.deepEqual(all.map((one) => one.is_main), [false, true, false, false]);
  assert.deepEqual(all.map((one) => one.died_ms), [null, 20, null, null]);
});

test('limits are the largest that were told, patience in any unit', () => {
  const limits = new Limits();
  for (const max of [4, 6, 5])
    limits.note({ clusters: [{ name: 'chat', max, capacity: 9 - max }] });
  assert.deepEqual(limits.clusters, { chat: { max: 6, capacity: 5 } });
  const stack = new URL('../../examples/lobby-game/stack.yaml', import.meta.url);
  assert.equal(limits.with_patience(stack).chat.clients_wait_ms, 20_000);
  assert.deepEqual(['45s', '1m30s', '250ms', 'none'].map(ms_of), [45_000, 90_000, 250, NaN]);
});
