// The checkers of docs/promises.md for real processes: each compares the record with what the
// witness saw, the clients' own notes and the watcher of processes, and answers a sentence for
// everything that is broken. Pure functions; record.mjs gathers what they are given:
//
//   activities  in their order: {number, at_ms, cluster, instance, phase, kind, because, by, cut}
//   clients     {instance, opened_ms, closed: null | {by: 'us' | 'them', at_ms}}
//   processes   {instance, cluster, command, born_ms, died_ms, is_main}: main is what the
//               controller started itself and let run, not a child of it, nor beside it by `exec`
//   clusters    by name {max, capacity, clients_wait_ms}: the largest, and the least wait, of the
//               whole test
//
// All times are milliseconds of the monotonic clock. What tests do by hand (kill -9, `drain --now`,
// `down --now`) they find in the record, as an operator's order or a death that the provider told.
//
// Not here, because neither clients nor processes can tell: 2 victim (every instance's count of
// that second), 7 brake (who missed which answer), 8 back-off (which failures are a version's), 12
// admission and 13 keys (what others than the crowd were answered), 14 (a test of its own), L1 and
// L2 (tests end in the midst of things). 3 and 11 are judged by the record alone. Of 6 the silence
// is known from when the record suspects it; of 9 and 10 not who killed an instance that nobody
// ordered to stop, nor what two controllers would do.

// Clocks of two processes, and an event that waited for a busy test: so much later may a client
// note its end, or the watcher a death.
const slack_ms = 500;
// Who came so shortly before a stop may not be in the last count: two periods, a look, and a second
// for a busy machine.
const fresh_ms = 4000;
// The second missed answer, with which a suspicion begins: two periods, and the look itself.
const until_suspected_ms = 3500;

const is_intent = (one, kind) => one.phase === 'intent' && (!kind || one.kind === kind);
const is_end = (one) => ['gone', 'launch_failed', 'forgotten'].includes(one.kind);
const plural = (count, noun) => `${count} ${noun}${count === 1 ? '' : 's'}`;

// "1m30s"; NaN: not a duration.
export function ms_of(text) {
  const unit = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
  const parts = [...text.matchAll(/([\d.]+)(ms|[dhms])/g)];
  return parts.length ? parts.reduce((sum, [, n, name]) => sum + n * unit[name], 0) : NaN;
}

// The last activity of an instance, or of its whole cluster, before one, that matches.
const last_before = (activities, one, matches) =>
  activities.findLast((other) => other.number < one.number && matches(other));

const silences = /^(silent for|it fell silent while draining)/;

// What may cut: a deadline that has passed, a long silence (6 judges it), `down --now` by an
// operator.
function may_cut(stop, activities) {
  const deadline = /^drain deadline of (\S+) passed/.exec(stop.because);
  if (deadline) {
    const drain = last_before(
      activities,
      stop,
      (one) => is_intent(one, 'drain') && one.instance === stop.instance,
    );
    return drain && !(stop.at_ms - drain.at_ms < ms_of(deadline[1]) - slack_ms);
  }
  if (stop.because === 'down --now')
    return last_before(
      activities,
      stop,
      (one) => one.kind === 'down' && one.by === 'operator' && one.cluster === stop.cluster,
    )?.because.startsWith('at once');
  return silences.test(stop.because);
}

export function no_cut({ activities, clients }) {
  return activities.filter((one) => is_intent(one, 'stop')).flatMap((stop) => {
    const cut = clients.filter(
      ({ instance, closed }) =>
        instance === stop.instance &&
        closed?.by === 'them' &&
        closed.at_ms > stop.at_ms - slack_ms,
    );
    const lost = plural(cut.length, 'client');
    const told = `the stop of ${stop.instance} ("${stop.because}") cut ${lost}`;
    if (cut.length && !may_cut(stop, activities)) return [told];
    const counted = cut.filter((one) => one.opened_ms < stop.at_ms - fresh_ms).length;
    if (counted <= (stop.cut ?? 0)) return [];
    return [`${told}, ${counted} of them long there, and the record says ${stop.cut ?? 0}`];
  });
}

// Intents of one cluster, a tick each.
function ticks_of(activities) {
  const ticks = [];
  for (const one of activities.filter((other) => is_intent(other) || is_end(other))) {
    const last = ticks.at(-1)?.at(-1);
    if (last && last.cluster === one.cluster && one.at_ms - last.at_ms < 5) ticks.at(-1).push(one);
    else ticks.push([one]);
  }
  return ticks;
}

// What an instance is by the record so far; `is_old`: perhaps of another version than the present.
function note(fleet, one) {
  if (['apply', 'restart'].includes(one.kind))
    for (const i of fleet.values()) if (i.cluster === one.cluster) i.is_old = true;
  if (one.kind === 'launch') fleet.set(one.instance, { id: one.instance, cluster: one.cluster });
  const i = fleet.get(one.instance);
  if (!i) return;
  if (is_end(one) || one.kind === 'stop') fleet.delete(one.instance);
  if (one.kind === 'drain') i.drain = one;
  if (one.kind === 'resume') i.drain = null;
  if (one.kind === 'suspect' || one.kind === 'trust') i.is_suspect = one.kind === 'suspect';
  if (one.kind === 'close') i.is_closing = true;
  if (one.kind === 'replace') i.is_old = true;
}

const is_scale_in = ({ by, because }) =>
  by === 'utakata' && !/ serves in its stead$|^the stack is going down$/.test(because);

export function resume_first({ activities }) {
  const found = [];
  const fleet = new Map();
  // Its second missed answer is recorded, not its first.
  const soon_suspect = ({ id }, launch) =>
    activities.some(
      (one) =>
        one.instance === id &&
        one.kind === 'suspect' &&
        one.at_ms > launch.at_ms &&
        one.at_ms < launch.at_ms + fresh_ms,
    );
  for (const tick of ticks_of(activities)) {
    for (const one of tick) note(fleet, one);
    const launch = tick.find((one) => is_intent(one, 'launch'));
    const there = [...fleet.values()].filter((one) => one.cluster === launch?.cluster);
    if (!launch || there.some((one) => one.is_old && !one.drain)) continue; // a roll-out
    for (const one of there)
      if (one.drain && is_scale_in(one.drain) && !one.is_old && !one.is_suspect && !one.is_closing)
        if (!soon_suspect(one, launch))
          found.push(`${launch.instance} was launched while ${one.id} drained and could come back`);
  }
  return found;
}

// The most that were there at once for longer than `slack_ms`, if that is above the limit.
function crowded(spans, limit) {
  const turns = spans.flatMap(({ from, to }) => [
    { at_ms: from, more: 1 },
    { at_ms: to ?? Infinity, more: -1 },
  ]);
  turns.sort((a, b) => a.at_ms - b.at_ms || a.more - b.more);
  let there = 0,
    since = null,
    most = 0,
    found = null;
  for (const { at_ms, more } of turns) {
    there += more;
    most = Math.max(most, there);
    if (there > limit) since ??= at_ms;
    else {
      if (since !== null && at_ms - since > slack_ms) found = Math.max(found ?? 0, most);
      [since, most] = [null, 0];
    }
  }
  return found;
}

const group = (list, key) => {
  const groups = new Map();
  for (const one of list) groups.set(key(one), [...(groups.get(key(one)) ?? []), one]);
  return groups;
};

// An instance is there as long as any process of it is.
function lives_of(processes) {
  const lives = [];
  for (const all of group(processes, (one) => one.instance).values()) {
    for (const { born_ms, died_ms } of [...all].sort((a, b) => a.born_ms - b.born_ms)) {
      const last = lives.at(-1);
      const to = died_ms ?? Infinity;
      if (last?.of === all && born_ms <= last.to) last.to = Math.max(last.to, to);
      else lives.push({ of: all, from: born_ms, to });
    }
  }
  return lives;
}

export function bounds({ processes, clusters }) {
  return [...group(processes, (one) => one.cluster)].flatMap(([name, all]) => {
    if (!clusters[name]) return [];
    const { max } = clusters[name];
    const total_max = max + Math.max(1, Math.floor(max / 4));
    const most = crowded(lives_of(all), total_max);
    return most ? [`${most} instances of ${name} were there at once, ${total_max} at most`] : [];
  });
}

export function seats({ clients, clusters }) {
  const connected = clients.filter((one) => one.opened_ms !== null);
  return [...group(connected, (one) => one.instance)].flatMap(([instance, all]) => {
    const { capacity } = clusters[all[0].cluster] ?? {};
    const spans = all.map((one) => ({ from: one.opened_ms, to: one.closed?.at_ms }));
    const most = capacity && crowded(spans, capacity);
    return most ? [`${most} clients were on ${instance} at once, ${capacity} at most`] : [];
  });
}

export function certainty({ activities, clients, clusters }) {
  return activities.filter((one) => is_intent(one)).flatMap((one) => {
    const sick =
      one.kind === 'launch' ? /^substitute for (\S+),/.exec(one.because)?.[1] : one.instance;
    const word = last_before(
      activities,
      one,
      (other) => other.instance === sick && ['suspect', 'trust'].includes(other.kind),
    );
    const suspected_ms = word?.kind === 'suspect' ? word.at_ms : Infinity;
    if (one.kind === 'launch')
      return sick && !word ? [`${sick} was replaced and was not suspect by the record`] : [];
    const is_silent = silences.test(one.because);
    if (one.kind !== 'stop' || !(is_silent || /^it does not answer/.test(one.because))) return [];
    const there = clients.filter(
      ({ instance, opened_ms, closed }) =>
        instance === sick &&
        opened_ms !== null &&
        opened_ms < one.at_ms - fresh_ms &&
        (!closed || closed.at_ms > one.at_ms + slack_ms || is_cut_by(closed, one)),
    ).length;
    const told = `${sick} was condemned ("${one.because}") with ${plural(there, 'client')} on it`;
    if (there && !is_silent) return [told];
    const wait_ms = clusters[one.cluster]?.clients_wait_ms ?? 45_000;
    const silent_ms = one.at_ms - suspected_ms;
    if (!there || silent_ms >= wait_ms - until_suspected_ms) return [];
    const since =
      word?.kind === 'suspect' ? `${Math.round(silent_ms)} ms after its suspicion` : 'unsuspected';
    return [`${told}, ${since}; clients wait ${wait_ms} ms`];
  });
}
const is_cut_by = (closed, stop) => closed.by === 'them' && closed.at_ms > stop.at_ms - slack_ms;

export function crash_safe({ activities, processes }) {
  return [...group(processes, (one) => one.instance)].flatMap(([instance, all]) => {
    const found = [];
    const own = activities.filter((one) => one.instance === instance);
    const launch = own.find((one) => is_intent(one, 'launch'));
    if (!launch) return [`${instance} ran (${all[0].command}) and the record does not know it`];
    if (all.some((one) => one.born_ms < launch.at_ms - slack_ms))
      found.push(`${instance} ran before its launch was recorded`);
    const mains = all.filter((one) => one.is_main).length;
    if (mains > 1) found.push(`${instance} was started ${mains} times`);
    if (all.every((one) => one.died_ms !== null) && !own.some(is_end))
      found.push(`${instance} ended and the record does not say so`);
    return found;
  });
}

// A stop is final, an id is given once, and of what is gone nothing more is heard.
export function one_owner({ activities }) {
  const found = [];
  const over = new Map(); // instance -> the intent or the end that was its last word
  const launched = new Set();
  for (const one of activities) {
    if (!one.instance) continue;
    if (is_intent(one, 'launch')) {
      if (launched.has(one.instance)) found.push(`the id ${one.instance} was given twice`);
      launched.add(one.instance);
    }
    const last = over.get(one.instance);
    // A launch that was under way may yet be told.
    const may_follow = last?.kind === 'stop' && (is_end(one) || one.kind === 'launched');
    if (last && !may_follow) found.push(`${one.kind} of ${one.instance} after its ${last.kind}`);
    if (is_end(one) || is_intent(one, 'stop')) over.set(one.instance, one);
  }
  return found;
}

export function reasons({ activities }) {
  return activities
    .filter((one) => is_intent(one) && !one.because)
    .map((one) => `${one.kind} of ${one.instance || one.cluster} has no reason`);
}

export const promises = {
  '1 no cut': no_cut,
  '3 resume first': resume_first,
  '4 bounds': bounds,
  '5 seats': seats,
  '6 certainty': certainty,
  '9 crash-safe': crash_safe,
  '10 one owner': one_owner,
  '11 reasons': reasons,
};

export const broken_promises = (record) =>
  Object.entries(promises).flatMap(([name, check]) =>
    check(record).map((what) => `${name}: ${what}`),
  );
