// What a scenario's function is called with: one virtual user.
import { check, count, gauge, measure, rate, trend } from './metrics.mjs';
import { current } from './current.mjs';

const set_timer = setTimeout;  // the scenario may have others
const timer_grain_ms = 2;      // so late, or half of it early, is a timer of Node's by itself: that is not the servers' doing

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

// On the clock of who started the run.
export const clock_ms = (run) => Number(process.hrtime.bigint()) / 1e6 + run.clock_offset_ms;

export class User {
  cookies = [];
  is_leaving = false;  // it was told to end what it does
  is_gone = false;     // and has, for good: no connection is kept for it
  #flow;               // of the plan: its scenario's name, and the tags that the plan gives it
  #run;
  #turn;               // how often it has begun anew
  #random = null;
  #wait_ends = null;   // a function that ends what it waits for; a Set of them where it waits for several things at once

  constructor(number, flow, pool, run, turn = 0) {
    this.number = number;  // among all users of all workers
    this.pool = pool;      // requests of one pool share their connections
    this.#flow = flow;
    this.#run = run;
    this.#turn = turn;
  }
  get scenario() { return this.#flow.name; }
  // Of what is counted of its scenario; whose turn it is may be nobody's.
  static tags_of(user) { return #flow in user ? user.#flow.tags : null; }
  get data() { return this.#run.data; }  // what setup() returned
  random() { return (this.#random ??= random_of(this.#seed()))(); }
  #seed() { return Math.imul(this.#run.seed, 0x9e3779b1) ^ Math.imul(this.number + 1, 0x85ebca6b) ^ Math.imul(this.#turn, 0xc2b2ae35); }
  between(least, most) { return least + (most - least) * this.random(); }
  one_of(list) { return list[Math.floor(this.random() * list.length)]; }

  // Waits so many seconds, or between two numbers of them. Ends early when the user is to leave.
  think(least, most = least) {
    return this.#wait(this.between(least, most) * 1000);
  }
  // Waits until the user is to leave: for one who stays.
  stay() {
    return this.#wait(Infinity);
  }
  // Does something every so many seconds, until the user is to leave or it was done `times` times. With a name, how long it took is
  // measured from when it was meant to be done: where the servers stall, all that should have been done meanwhile counts as slow.
  async every(seconds, work, { name, times = Infinity } = {}) {
    let meant = performance.now();
    for (let k = 0; k < times; ++k, meant += seconds * 1000) {
      await this.#wait(meant - performance.now());
      if (this.is_leaving) return;
      const began = performance.now();
      await work(k);
      if (name) this.trend(name, performance.now() - (began - meant < timer_grain_ms ? began : meant));
    }
  }
  #wait(ms) {
    if (this.is_leaving) return Promise.resolve();
    return new Promise((resolve) => {
      if (ms === Infinity) return this.#keep(resolve);
      const end = () => {
        clearTimeout(timer);
        this.#drop(end);
        current.user = this;
        resolve();
      };
      const timer = set_timer(end, ms);
      this.#keep(end);
    });
  }
  #keep(end) {
    if (this.#wait_ends === null) this.#wait_ends = end;
    else if (this.#wait_ends instanceof Set) this.#wait_ends.add(end);
    else this.#wait_ends = new Set([this.#wait_ends, end]);
  }
  #drop(end) {
    if (this.#wait_ends === end) this.#wait_ends = null;
    else if (this.#wait_ends instanceof Set) this.#wait_ends.delete(end);
  }
  leave() {
    this.is_leaving = true;
    const ends = this.#wait_ends;
    this.#wait_ends = null;
    current.user = this;
    if (ends instanceof Set) for (const end of ends) end();
    else ends?.();
  }

  // What is measured has the plan's tags, too.
  #with(tags) { return this.#flow.given ? { ...this.#flow.given, ...tags } : tags; }
  check(name, is_true) { return check(name, is_true, this.#flow.given); }
  // How long `work` takes; or begins now, and ends when what it returned is called.
  measure(name, work, tags) { return measure(name, work, this.#with(tags)); }
  count(name, by = 1, tags) { count(name, by, this.#with(tags)); }
  trend(name, ms, tags) { trend(name, ms, this.#with(tags)); }
  rate(name, is_true, tags) { rate(name, is_true, this.#with(tags)); }
  gauge(name, value, tags) { gauge(name, value, this.#with(tags)); }
  // Milliseconds on a clock that all users of the run share, to say when something was sent; and how long ago that is, measured.
  clock() { return clock_ms(this.#run); }
  delay(name, sent, tags) { this.trend(name, this.clock() - sent, tags); }

  // A place on an instance of a cluster, by the placement API of `utakata up` (docs/api.md): { url, instance, ticket, id }. Waits as
  // long as it is told to while the cluster is full, in line; `refused(answer, waits_s)` hears of each time, answer: { detail, ... }.
  // Whatever else is answered is an error with its `status`, such as 409 for a room that is full; 503: it had to leave, or has waited
  // `within` seconds.
  async place(cluster, { key, seats = 1, within = Infinity, refused = () => {}, token, stack = process.env.UTAKATA_STACK,
    api = process.env.UTAKATA_URL ?? 'http://127.0.0.1:7070' } = {}) {
    const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
    const until = performance.now() + within * 1000;
    for (let line;;) {
      current.user = this;
      const answer = await fetch(`${api}/v1/stacks/${stack}/clusters/${cluster}/placements`, {
        method: 'POST', headers, body: JSON.stringify({ seats, key, line }) });
      if (answer.ok) return answer.json();
      const text = await answer.text();
      const is_full = answer.status === 503 || answer.status === 429;
      // Spread, so that those who were refused together do not return together.
      const waits_s = Number(answer.headers.get('retry-after') ?? 1) * this.between(0.8, 1.2);
      if (!is_full || this.is_leaving || performance.now() + waits_s * 1000 > until)
        throw Object.assign(new Error(`placing in ${cluster} was answered ${answer.status}: ${text}`), { status: answer.status });
      const why = /^\s*\{/.test(text) ? JSON.parse(text) : {};
      line = why.line;
      refused(why, waits_s);
      await this.think(waits_s);
    }
  }
}
