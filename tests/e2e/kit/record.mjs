// Gathers what promises.mjs judges: the record from the store, and what clients and the watcher of
// processes noted, all on one clock.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { ms_of } from './promises.mjs';

const hour_ms = 3_600_000;

// The wall clock's times on the monotonic clock; `moment` is one of both, from before the first. No
// test lasts an hour: what jumps by hours is a step of the wall clock, and is taken out.
export function steady(activities, moment) {
  let last_ms = moment.wall_ms,
    steps_ms = 0;
  return activities.map(({ wall_ms, ...one }) => {
    steps_ms += Math.round((wall_ms - last_ms) / hour_ms) * hour_ms;
    last_ms = wall_ms;
    return { ...one, at_ms: wall_ms - steps_ms - moment.wall_ms + moment.monotonic_ms };
  });
}

// Read after the controller's end: its store is nobody's then.
export function read_activities(store) {
  const text = execFileSync(
    'sqlite3',
    [
      '-json',
      store,
      `select number, at_ms as wall_ms, cluster, instance, phase, kind, because,
       done_by as "by", cut from activities order by number`,
    ],
    { encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  return text.trim() ? JSON.parse(text) : [];
}

// The watcher's events as spans. controllers: their pids.
export function spans(events, controllers) {
  const open = new Map();
  const all = [];
  for (const event of events) {
    if (event.kind === 'death') {
      Object.assign(open.get(event.pid), { died_ms: event.at_ms });
      open.delete(event.pid);
      continue;
    }
    const { instance, cluster, command, pid, at_ms } = event;
    const one = { instance, cluster, command, born_ms: at_ms, died_ms: null };
    one.is_main = controllers.has(event.parent) && event.ran;
    open.set(pid, one);
    all.push(one);
  }
  return all;
}

// What a whole test saw of a cluster's limits.
export class Limits {
  constructor() {
    this.clusters = {};
  }
  note(status) {
    for (const { name, max, capacity } of status.clusters) {
      const known = (this.clusters[name] ??= { max: 0, capacity: 0 });
      known.max = Math.max(known.max, max);
      known.capacity = Math.max(known.capacity, capacity);
    }
  }
  // The least patience that the file speaks of, in whichever cluster.
  with_patience(file) {
    const text = readFileSync(file, 'utf8');
    const words = [...text.matchAll(/clients_wait: *(?:\{ default: )?(\d\w+)/g)];
    const waits = words.map(([, wait]) => ms_of(wait));
    const clients_wait_ms = waits.length ? Math.min(...waits) : 45_000;
    return Object.fromEntries(
      Object.entries(this.clusters).map(([name, one]) => [name, { ...one, clients_wait_ms }]),
    );
  }
}
