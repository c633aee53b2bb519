// A witness of births that is quicker than tests need (tests/e2e/kit/watcher.mjs looks each 20 ms): /proc, each 2 ms. An
// instance is born when its first process runs under its name, which is after its launch was recorded.
import { readFileSync, readdirSync } from 'node:fs';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { monotonic_ms } from '../e2e/kit/wait.mjs';

export class Births {
  constructor(mark) {
    this.at = new Map();  // instance -> {at_ms, pid}
    this.worker = new Worker(new URL(import.meta.url), { workerData: { mark } });
    this.worker.on('message', ({ instance, at_ms, pid }) => { if (!this.at.has(instance)) this.at.set(instance, { at_ms, pid }); });
    this.worker.unref();
  }
  after(at_ms) {
    return [...this.at].map(([instance, one]) => ({ instance, ...one })).filter((one) => one.at_ms >= at_ms);
  }
  stop() {
    return this.worker.terminate();
  }
}

function watch(mark) {
  const known = new Set();
  const look = () => {
    for (const pid of readdirSync('/proc')) {
      if (pid < '0' || pid >= ':' || known.has(pid)) continue;
      let words = '';
      try {
        words = readFileSync(`/proc/${pid}/environ`, 'latin1');
      } catch {
        known.add(pid);
        continue;
      }
      const instance = /(?:^|\0)UTAKATA_INSTANCE=([^\0]*)/.exec(words)?.[1];
      if (instance && words.includes(`E2E_MARK=${mark}`)) {
        known.add(pid);
        parentPort.postMessage({ instance, pid: Number(pid), at_ms: monotonic_ms() });
      } else if (!words.includes(`E2E_MARK=${mark}`) && words !== '') {
        known.add(pid);  // not of this fleet, nor going to be
      }
    }
  };
  setInterval(look, 2);
}

if (!isMainThread && workerData?.mark) watch(workerData.mark);
