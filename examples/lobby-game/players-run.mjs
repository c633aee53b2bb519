// One run of the players: its options, what is counted, the clock that tells everybody to stop, and
// the calls of the placement API.

export const defaults = {
  players: 4,
  api: process.env.UTAKATA_API || 'http://127.0.0.1:7070',
  stack: 'lobby-game',
  token: process.env.UTAKATA_PLACE_TOKEN || '',
  seconds: 30, // then everybody leaves; Infinity: until stop()
  ramp: 40, // players that begin each second
  movesPerSecond: 5,
  transports: ['websocket'],
  onEvent: () => {}, // (event) => ...: {at_ms, kind, player, ...}
};

// Milliseconds of the machine's monotonic clock: the same in every process of it, so that records
// can be laid side by side.
export const monotonic_ms = () => Number(process.hrtime.bigint() / 1000n) / 1000;

// The run ends: whoever waits for something stops waiting.
export class Stopping extends Error {}

export class Run {
  constructor(options) {
    Object.assign(this, defaults, options);
    this.began_ms = monotonic_ms();
    this.is_stopping = false;
    this.sleepers = new Set(); // what to call when the run ends
    this.cuts = []; // one entry a loss
    this.instances = new Map();
    this.count = {
      placements: 0,
      refused: 0,
      api_failures: 0,
      connects: 0,
      connect_failures: 0,
      matches: 0,
      starts: 0,
      rounds: 0,
      rooms_given_up: 0,
      moved: 0,
      left: 0,
      losses: 0,
      frames: 0,
    };
    this.last_problem = null;
  }

  stop() {
    this.is_stopping = true;
    for (const wake of this.sleepers) wake();
  }

  // Until `milliseconds` have passed, the run ends, or the function that `arm` is given is called.
  sleep(milliseconds, arm = () => {}) {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.sleepers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, milliseconds);
      this.sleepers.add(wake);
      arm(wake);
      if (this.is_stopping) wake();
    });
  }

  async pause(milliseconds) {
    await this.sleep(milliseconds);
    if (this.is_stopping) throw new Stopping();
  }

  tell(kind, details) {
    this.onEvent({ at_ms: monotonic_ms(), kind, ...details });
  }

  at(cluster, placement) {
    const name = placement.instance;
    if (!this.instances.has(name)) {
      this.instances.set(name, {
        cluster,
        url: placement.url,
        here: 0,
        connects: 0,
        connect_failures: 0,
        left: 0,
        moved: 0,
        losses: 0,
      });
    }
    return this.instances.get(name);
  }

  // One call of the placement API. Answers {status, body, wait_ms}; status 0: nobody answered.
  async ask(method, path, body) {
    try {
      const response = await fetch(`${this.api}/v1/stacks/${this.stack}/clusters/${path}`, {
        method,
        headers: {
          'content-type': 'application/json',
          ...(this.token && { authorization: `Bearer ${this.token}` }),
        },
        body: body && JSON.stringify(body),
        signal: AbortSignal.timeout(10_000),
      });
      const text = await response.text();
      const wait_ms = 1000 * (Number(response.headers.get('retry-after')) || 1);
      return { status: response.status, body: text ? JSON.parse(text) : null, wait_ms };
    } catch (problem) {
      return {
        status: 0,
        body: { title: String(problem.cause?.message ?? problem.message) },
        wait_ms: 1000,
      };
    }
  }

  // Asks until there is a place. 503 and 429 mean "later", say when, and give a place in line to show
  // then. 409 is a full room: a seat just given back may not count yet, so it is asked three times.
  // null: not within `within_ms`, or full.
  async place(cluster, wish, player, within_ms = Infinity) {
    const until = monotonic_ms() + within_ms;
    let line;
    let full = 0;
    while (monotonic_ms() < until) {
      const request = { seats: 1, ...wish, line };
      const { status, body, wait_ms } = await this.ask('POST', `${cluster}/placements`, request);
      if (status >= 200 && status < 300) {
        this.count.placements++;
        return body;
      }
      const what = body?.detail ?? body?.title;
      if (status === 401 || status === 403)
        throw new Error(`${this.api} refuses to place: ${what}`);
      const is_full = status === 503 || status === 429 || status === 409;
      this.count[is_full ? 'refused' : 'api_failures']++;
      if (!is_full) this.last_problem = `${status || 'no answer'}: ${what}`;
      this.tell(is_full ? 'refused' : 'api_failure', { player, cluster, status, wait_ms, what });
      if (status === 409 && ++full === 3) return null;
      line = body?.line;
      // Spread, so that those who were refused together do not return together.
      await this.pause(wait_ms * (0.8 + 0.4 * Math.random()));
    }
    return null;
  }

  give_back(cluster, what) {
    return this.ask('DELETE', `${cluster}/${what}`);
  }

  summary() {
    const back = this.cuts
      .filter((cut) => cut.back_ms !== null)
      .map((cut) => cut.back_ms)
      .sort((a, b) => a - b);
    const quantile = (share) =>
      back.length ? back[Math.min(back.length - 1, Math.floor(share * back.length))] : null;
    return {
      players: this.players,
      seconds: Math.round((monotonic_ms() - this.began_ms) / 100) / 10,
      ...this.count,
      back: {
        count: back.length,
        not_back: this.cuts.length - back.length,
        median_ms: quantile(0.5),
        p95_ms: quantile(0.95),
        worst_ms: quantile(1),
      },
      last_problem: this.last_problem,
      instances: Object.fromEntries(this.instances),
      cuts: this.cuts,
    };
  }
}
