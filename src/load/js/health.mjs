// How this process itself is: a generator that is late, or out of breath, measures itself.
import { monitorEventLoopDelay, performance, PerformanceObserver } from 'node:perf_hooks';

const resolution_ms = 10;
const delay = monitorEventLoopDelay({ resolution: resolution_ms });
delay.enable();
let gc_ms = 0;
new PerformanceObserver((list) => { for (const one of list.getEntries()) gc_ms += one.duration; }).observe({ entryTypes: ['gc'] });
let last_cpu = process.cpuUsage(), last = performance.now();

// Since the last call: the longest that its loop was away, time in garbage collection, and cores used.
export function health() {
  const now = performance.now(), cpu = process.cpuUsage(last_cpu);
  const one = {
    length_ms: now - last,
    lag_ms: Math.max(0, delay.max / 1e6 - resolution_ms),
    gc_ms,
    cpu: (cpu.user + cpu.system) / 1000 / (now - last),
    resident_mb: process.memoryUsage.rss() / 2 ** 20,
  };
  delay.reset();
  gc_ms = 0;
  last_cpu = process.cpuUsage();
  last = now;
  return one;
}
