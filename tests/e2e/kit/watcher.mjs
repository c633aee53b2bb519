// A watcher of processes that knows nothing of the controller: every 20 ms it reads /proc and
// writes down which processes of a fleet came and went. It works in a thread of its own, so that a
// busy test does not blind it.
//
// A process belongs to an instance if its environment has UTAKATA_INSTANCE, and to the test if it
// also has the test's own mark, E2E_MARK, which instances inherit through the controller. What a
// child of it forks inherits both.
import { readdirSync, readFileSync } from 'node:fs';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { monotonic_ms, wait_for } from './wait.mjs';

const period_ms = 20;
const again_ms = 250; // an unmarked process may yet exec: a launched one waits to be released

export class Watcher {
  // Events, in order: {kind: 'birth' | 'death', at_ms, pid, parent, instance, cluster, command,
  // ran}. A death is that of a process: gone, or a zombie. `at_ms` is when it was first seen so, at
  // most two periods late, on the machine's monotonic clock. `ran`, of a birth: it was seen as more
  // than a process that waits to be released.
  constructor(mark) {
    this.events = [];
    this.living = new Map(); // pid -> its birth
    this.worker = new Worker(new URL(import.meta.url), { workerData: { mark } });
    this.worker.on('message', (message) => this.take(message));
    this.worker.on('error', (problem) => {
      this.failure = problem;
    });
    this.worker.unref();
  }

  take({ events, began_ms }) {
    for (const event of events) {
      if (event.kind === 'ran') {
        this.living.get(event.pid).ran = true;
        continue;
      }
      this.events.push(event);
      if (event.kind === 'birth') this.living.set(event.pid, event);
      else this.living.delete(event.pid);
    }
    this.last_scan_began_ms = began_ms;
  }

  // Returns once everything that was true at the call has been seen.
  async caught_up() {
    const now = monotonic_ms();
    await wait_for(
      () => {
        if (this.failure) throw this.failure;
        return this.last_scan_began_ms > now;
      },
      { every: 5, what: 'the watcher of processes to look once more' },
    );
  }

  // Instances that have a living process, sorted; of one cluster if it is named.
  instances(cluster) {
    const all = [...this.living.values()]
      .filter((one) => !cluster || one.cluster === cluster)
      .map((one) => one.instance);
    return [...new Set(all)].sort();
  }

  pids(instance) {
    return [...this.living.values()]
      .filter((one) => one.instance === instance)
      .map((one) => one.pid);
  }

  // When the first process of an instance came, and when the last one went; null if it has not.
  born(instance) {
    return (
      this.events.find((one) => one.kind === 'birth' && one.instance === instance)?.at_ms ?? null
    );
  }

  died(instance) {
    if (this.pids(instance).length > 0) return null;
    return (
      this.events.findLast((one) => one.kind === 'death' && one.instance === instance)?.at_ms ??
      null
    );
  }

  // Every instance that ever was, of one cluster if it is named, in the order of their births.
  ever(cluster) {
    const births = this.events.filter(
      (one) => one.kind === 'birth' && (!cluster || one.cluster === cluster),
    );
    return [...new Set(births.map((one) => one.instance))];
  }

  // Ends what is left, after a test that failed.
  kill_all() {
    for (const pid of this.living.keys()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        /* gone already */
      }
    }
  }

  async stop() {
    await this.worker.terminate();
  }
}

// ---- the thread ---------------------------------------------------------------------------------
function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return ''; // gone, or another user's
  }
}

// "812 (node) S ...": the name may hold brackets of its own.
function is_alive(stat) {
  return stat !== '' && !'ZX'.includes(stat[stat.lastIndexOf(')') + 2]);
}
const start_of = (stat) => stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
const parent_of = (stat) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
const command_of = (pid) => read(pid, 'cmdline').replaceAll('\0', ' ').trim();
// A launched one that has not been released: it runs nothing of the user's yet.
const is_waiting = (command) => command.includes(' utakata-gate ');

function watch(mark) {
  const marked = new Map(); // pid -> its birth
  const unmarked = new Map(); // pid -> when it was last looked at

  const born = (pid) => {
    const words = new Map(
      read(pid, 'environ')
        .split('\0')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    const instance = words.get('UTAKATA_INSTANCE');
    if (!instance || words.get('E2E_MARK') !== mark) return null;
    const stat = read(pid, 'stat');
    if (!is_alive(stat)) return null;
    const command = command_of(pid);
    return {
      kind: 'birth',
      at_ms: monotonic_ms(),
      pid: Number(pid),
      parent: parent_of(stat),
      instance,
      cluster: instance.replace(/-\d+$/, ''),
      command,
      ran: !is_waiting(command),
      started: start_of(stat),
    };
  };

  const scan = () => {
    const began_ms = monotonic_ms();
    const events = [];
    const there = new Set(readdirSync('/proc').filter((name) => name >= '0' && name < ':'));
    for (const [pid, birth] of marked) {
      const stat = there.has(pid) ? read(pid, 'stat') : '';
      if (is_alive(stat) && start_of(stat) === birth.started) {
        if (!birth.ran && !is_waiting(command_of(pid))) {
          birth.ran = true;
          events.push({ kind: 'ran', pid: birth.pid });
        }
        continue;
      }
      marked.delete(pid);
      events.push({ ...birth, kind: 'death', at_ms: monotonic_ms() });
    }
    for (const pid of unmarked.keys()) if (!there.has(pid)) unmarked.delete(pid);
    for (const pid of there) {
      if (marked.has(pid)) continue;
      const seen = unmarked.get(pid);
      if (seen && began_ms - seen.looked < (began_ms - seen.first < 1000 ? 0 : again_ms)) continue;
      const birth = born(pid);
      if (birth) {
        marked.set(pid, birth);
        unmarked.delete(pid);
        events.push(birth);
      } else {
        unmarked.set(pid, { first: seen?.first ?? began_ms, looked: began_ms });
      }
    }
    parentPort.postMessage({ events, began_ms });
  };
  scan();
  setInterval(scan, period_ms);
}

if (!isMainThread && workerData?.mark) watch(workerData.mark);
