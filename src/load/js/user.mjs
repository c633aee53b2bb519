// What a scenario's function is called with: one virtual user.
import { setTimeout as after } from 'node:timers/promises';
import { check, measure } from './metrics.mjs';

// A generator of its own for each, so that a seed gives the same day again (Mulberry32, public domain).
function random_of(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class User {
  #run;
  #random;
  constructor(number, scenario, run) {
    this.number = number;      // among all users of all workers
    this.scenario = scenario;  // its name
    this.#run = run;
  }
  get data() { return this.#run.data; }  // what setup() returned
  get is_stopping() { return this.#run.is_stopping; }
  random() { return (this.#random ??= random_of(Math.imul(this.#run.seed, 0x9e3779b1) ^ this.number))(); }
  between(least, most) { return least + (most - least) * this.random(); }

  // Waits so many seconds, or between two numbers of them. Ends early when the run is stopped.
  async think(least, most = least) {
    const ms = this.between(least, most) * 1000;
    await after(ms, undefined, { signal: this.#run.stopping }).catch(() => {});
  }
  // Waits until the run is stopped: for a user who stays.
  stay() {
    return this.#run.stopped;
  }
  check(name, is_true) { return check(name, is_true); }
  // How long `work` takes; or begins now, and ends when what it returned is called.
  measure(name, work) { return measure(name, work); }

  // A place on an instance of a cluster, by the placement API of `utakata up` (docs/api.md): { url, instance, ticket, id }. Waits as
  // long as it is told to while the cluster is full.
  async place(cluster, { key, seats = 1, stack = process.env.UTAKATA_STACK, api = process.env.UTAKATA_URL ?? 'http://127.0.0.1:7070' } = {}) {
    for (;;) {
      const answer = await fetch(`${api}/v1/stacks/${stack}/clusters/${cluster}/placements`, {
        method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ seats, key }) });
      if (answer.status !== 503) {
        if (!answer.ok) throw new Error(`placing in ${cluster} was answered ${answer.status}: ${await answer.text()}`);
        return answer.json();
      }
      await answer.arrayBuffer();
      if (this.is_stopping) throw new Error(`there was no place in ${cluster} until the run ended`);
      await this.think(Number(answer.headers.get('retry-after') ?? 1));
    }
  }
}
