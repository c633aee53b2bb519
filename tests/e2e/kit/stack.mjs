// One stack under test: `utakata up` as a child, in a UTAKATA_HOME of its own, asked over its HTTP
// API; with a watcher of processes beside it.
//
//   const fleet = await start_stack({ yaml: ({ listen, ports, kit }) => `stack: ...` });
//   t.after(() => fleet.stop());    // which also judges what was promised: promises.mjs
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  openSync,
  closeSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { free_ports, port_range } from './ports.mjs';
import { broken_promises } from './promises.mjs';
import { Limits, read_activities, spans, steady } from './record.mjs';
import { monotonic_ms, wait_for } from './wait.mjs';
import { Watcher } from './watcher.mjs';

const kit = fileURLToPath(new URL('.', import.meta.url)).replace(/\/$/, '');
const root = resolve(kit, '../../..');

// The program under test: UTAKATA_BIN, else the newest kind of build there is.
export function utakata_program() {
  const places = [
    process.env.UTAKATA_BIN,
    join(root, 'build/dev/utakata'),
    join(root, 'build/release/utakata'),
  ];
  const found = places.find((place) => place && existsSync(place));
  if (!found)
    throw new Error(
      `utakata is not built: ${places.filter(Boolean).join(', ')} are not there; set UTAKATA_BIN`,
    );
  return resolve(found);
}

// The text of a stack file that lies elsewhere, with this test's address and ports, and its `app:`
// folders made absolute.
function text_of(file, words) {
  const folder = dirname(resolve(file));
  return readFileSync(file, 'utf8')
    .replace(/^api:.*$/m, `api: { listen: ${words.listen}, ports: ${words.ports} }`)
    .replace(/^(\s+app:) +(\.[^\s#]*)/gm, (_, key, path) => `${key} ${resolve(folder, path)}`);
}

// yaml: a text or a function of {listen, ports, first_port, kit, folder} that answers one; or file:
// a path. args: more arguments for `up`; env: more environment for it. Answers once the API does;
// then `serving()` waits for instances.
export async function start_stack({ yaml, file, args = [], env = {}, within = 30_000, name }) {
  const fleet = new Fleet(name ? ['--controller', name, ...args] : args, env);
  fleet.controller_name = name;
  try {
    await fleet.prepare(yaml, file);
    await fleet.up(within);
  } catch (problem) {
    await fleet.abandon();
    throw problem;
  }
  return fleet;
}
export const startStack = start_stack;

class Fleet {
  constructor(args, env) {
    this.mark = `${process.pid}-${randomBytes(4).toString('hex')}`;
    this.folder = mkdtempSync(join(tmpdir(), 'utakata-e2e-'));
    this.home = join(this.folder, 'home');
    this.stack_file = join(this.folder, 'stack.yaml');
    this.output_file = join(this.folder, 'up.log');
    Object.assign(this, { args, extra_env: env, child: null, is_stopped: false });
    this.began = { wall_ms: Date.now(), monotonic_ms: monotonic_ms() };
    Object.assign(this, { crowds: [], limits: new Limits(), controllers: new Set() });
  }

  get env() {
    return {
      ...process.env,
      NO_COLOR: '1',
      ...this.extra_env,
      UTAKATA_HOME: this.home,
      E2E_MARK: this.mark,
    };
  }

  async prepare(yaml, file) {
    this.ports = await port_range();
    const words = {
      // the last port of the range is the API's own
      listen: `127.0.0.1:${this.ports.last}`,
      ports: `${this.ports.first}-${this.ports.last - 1}`,
      first_port: this.ports.first,
      kit,
      mark: this.mark, // for the environment of what does not inherit ours
      folder: this.folder,
    };
    const text = file ? text_of(file, words) : typeof yaml === 'function' ? yaml(words) : yaml;
    writeFileSync(this.stack_file, text);
    this.stack = /^stack: *(\S+)/m.exec(text)[1];
    this.watcher = new Watcher(this.mark);
    await this.watcher.caught_up();
  }

  // Starts the controller (once more) and waits for its API.
  async up(within = 30_000) {
    const output = openSync(this.output_file, 'a');
    const child = spawn(utakata_program(), ['up', this.stack_file, ...this.args], {
      cwd: this.folder,
      env: this.env,
      stdio: ['ignore', output, output],
      detached: true, // a terminal's ^C is for the test
    });
    closeSync(output);
    this.child = child;
    this.controllers.add(child.pid);
    let failure = null;
    this.exited = new Promise((done) => {
      child.once('error', (problem) => done((failure = problem)));
      child.once('exit', (code, signal) => {
        failure ??= new Error(`utakata up ended with ${signal ?? code}`);
        done({ code, signal });
      });
    });
    const at = this.controller_name ? `@${this.controller_name}` : '';
    const state_file = join(this.home, 'stacks', `${this.stack}${at}.json`);
    let stop = null;
    await wait_for(
      async () => {
        if (failure) return (stop = failure);
        const state = JSON.parse(readFileSync(state_file, 'utf8'));
        if (state.pid !== child.pid)
          throw new Error(`${state_file} is still that of process ${state.pid}`);
        Object.assign(this, { state, api: state.url, token: state.token, pid: state.pid });
        return (await fetch(`${this.api}/healthz`, { signal: AbortSignal.timeout(2000) })).ok;
      },
      { within, what: `the API of ${this.stack}; its output:\n${this.output()}` },
    ).catch((problem) => {
      throw new Error(`${problem.message}\n${this.output()}`);
    });
    if (stop) throw new Error(`${stop.message}; its output:\n${this.output()}`);
    return this;
  }

  // Another controller of the same stack, where it has an etcd: with the same file (or one that says
  // the same), watcher and record, but a process, an address and a token of its own. Nobody but the
  // test ends it.
  async beside(name, stack_file = this.stack_file) {
    const [port] = await free_ports(1);
    const other = Object.create(this);
    Object.assign(other, {
      controller_name: name,
      stack_file,
      args: ['--controller', name, '--listen', `127.0.0.1:${port}`],
      output_file: join(this.folder, `up-${name}.log`),
    });
    return other.up();
  }

  // The whole record, as its store has it; of a store elsewhere the test says how.
  recorded() {
    return read_activities(this.state.store);
  }

  output() {
    return existsSync(this.output_file) ? readFileSync(this.output_file, 'utf8') : '';
  }

  // ---- its API ----
  // One call: {status, headers, body}; the body parsed if it is JSON. Any status is an answer.
  async call(method, path, body, { token = this.token, timeout = 10_000, headers = {} } = {}) {
    const response = await fetch(`${this.api}${path}`, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(timeout),
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token && { authorization: `Bearer ${token}` }),
        ...headers,
      },
    });
    const text = await response.text();
    let parsed = text;
    try {
      parsed = JSON.parse(text);
    } catch {
      /* not JSON */
    }
    return { status: response.status, headers: response.headers, body: parsed };
  }

  async wants_ok(method, path, body, options) {
    const answer = await this.call(method, path, body, options);
    if (answer.status < 200 || answer.status > 299) {
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer.body;
  }

  get path() {
    return `/v1/stacks/${this.stack}`;
  }
  async status() {
    const status = await this.wants_ok('GET', this.path);
    this.limits.note(status);
    this.controllers.add(status.controller.pid);
    return status;
  }
  async cluster(name) {
    return (await this.status()).clusters.find((one) => one.name === name);
  }
  async instances(name) {
    return (await this.cluster(name)).instances;
  }
  async instance(id) {
    return (await this.status()).clusters
      .flatMap((one) => one.instances)
      .find((one) => one.id === id);
  }
  // All activities after a number, of the newest 500.
  async activities({ after = 0, cluster, instance, kind } = {}) {
    const all = [];
    for (;;) {
      const answer = await this.wants_ok('GET', `${this.path}/activities?after=${after}&limit=500`);
      const page = Array.isArray(answer) ? answer : answer.activities;
      if (page.length === 0) break;
      all.push(...page);
      after = page.at(-1).number;
    }
    return all.filter(
      (one) =>
        (!cluster || one.cluster === cluster) &&
        (!instance || one.instance === instance) &&
        (!kind || one.kind === kind),
    );
  }

  explain(cluster) {
    return this.wants_ok('GET', `${this.path}/clusters/${cluster}/explain`);
  }
  scale(cluster, instances) {
    return this.wants_ok('POST', `${this.path}/clusters/${cluster}/scale`, { instances });
  }
  drain(instance, body = {}) {
    return this.wants_ok('POST', `${this.path}/instances/${instance}/drain`, body);
  }
  // Answers whatever was answered: a refusal is not a failure.
  place(cluster, body = { seats: 1 }, options) {
    return this.call('POST', `${this.path}/clusters/${cluster}/placements`, body, options);
  }
  give_back(cluster, id) {
    return this.call('DELETE', `${this.path}/clusters/${cluster}/placements/${id}`);
  }
  give_back_key(cluster, key) {
    return this.call('DELETE', `${this.path}/clusters/${cluster}/keys/${encodeURIComponent(key)}`);
  }

  // Waits until exactly so many instances of a cluster serve (and are not suspect), and answers
  // them.
  serving(cluster, count, within = 30_000) {
    return wait_for(
      async () => {
        const all = (await this.instances(cluster)).filter(
          (one) => one.lifecycle === 'serving' && !one.suspect,
        );
        if (all.length !== count)
          throw new Error(`${all.length} serve: ${JSON.stringify(await this.cluster(cluster))}`);
        return all;
      },
      { within, every: 50, what: `${count} serving instances of ${cluster}` },
    );
  }

  waits_for(condition, options) {
    return wait_for(() => condition(this), options);
  }

  // ---- its process ----
  // A command of the program in the same home: {code, stdout, stderr}.
  command(...args) {
    return new Promise((done, failed) => {
      const child = spawn(utakata_program(), args, {
        cwd: this.folder,
        env: this.env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let stdout = '',
        stderr = '';
      child.stdout.on('data', (data) => {
        stdout += data;
      });
      child.stderr.on('data', (data) => {
        stderr += data;
      });
      child.once('error', failed);
      child.once('close', (code) => done({ code, stdout, stderr }));
    });
  }

  signal(name) {
    process.kill(this.child.pid, name);
  }
  freeze() {
    this.signal('SIGSTOP');
  }
  thaw() {
    this.signal('SIGCONT');
  }

  // kill -9 of the controller: its instances stay.
  async kill9() {
    this.signal('SIGKILL');
    await this.exited;
  }

  // As an upgrade does it: it is told to end, and the next one started.
  async replaced() {
    this.signal('SIGTERM');
    await this.exited;
    await this.up();
  }

  runs() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async restart(within) {
    if (this.runs()) await this.kill9();
    return this.up(within);
  }

  // `utakata down --now`, the end of the controller, the proof that nothing of the fleet is left,
  // and that nothing promised was broken: throws what is.
  stop({ within = 30_000, args = ['--now'] } = {}) {
    return this.finish(async () => {
      if (this.child.exitCode !== null || this.child.signalCode !== null) await this.up();
      await this.status(); // its limits, as the last edit left them
      const down = await this.command('down', '--stack', this.stack, ...args);
      if (down.code !== 0)
        throw new Error(`utakata down: exit code ${down.code}: ${down.stderr}${down.stdout}`);
      await wait_for(() => this.child.exitCode !== null || this.child.signalCode !== null, {
        within,
        what: 'the controller to end',
      });
    });
  }

  // The same for a test that has taken it down itself.
  was_stopped() {
    return this.finish(() => {});
  }

  async finish(end) {
    if (this.is_stopped) return;
    this.is_stopped = true;
    try {
      await end();
      await this.assert_nothing_left();
      await this.assert_nothing_broken();
    } catch (problem) {
      throw new Error(
        `${problem.message}\n--- output of utakata up ---\n${this.output().slice(-8000)}`,
      );
    } finally {
      await this.abandon();
    }
  }

  // What promises.mjs judges, of the whole test; after the controller's end.
  async record() {
    const clients = this.crowds.flatMap(({ cluster, clients: all }) =>
      all.map(({ instance, opened_ms, closed }) => ({ cluster, instance, opened_ms, closed })),
    );
    return {
      activities: steady(await this.recorded(), this.began),
      clients,
      processes: spans(this.watcher.events, this.controllers),
      clusters: this.limits.with_patience(this.stack_file),
    };
  }

  async assert_nothing_broken() {
    // All is gone: whoever has not noticed is about to.
    await wait_for(() => this.crowds.every((one) => one.open.length === 0), {
      what: 'the clients to notice the end',
    });
    const record = await this.record();
    const broken = broken_promises(record);
    if (broken.length === 0) return;
    const lines = record.activities.map(
      ({ at_ms, phase, kind, instance, because, by, cut }) =>
        `${(at_ms / 1000).toFixed(3)} ${phase} ${kind} ${instance} ${by} cut=${cut} "${because}"`,
    );
    const told = ['promises were broken:', ...broken, '--- the record ---', ...lines.slice(-200)];
    throw new Error(told.join('\n'));
  }

  async assert_nothing_left() {
    await this.watcher.caught_up();
    const left = [...this.watcher.living.values()].map(
      (one) => `${one.instance} (${one.pid}: ${one.command})`,
    );
    if (left.length) throw new Error(`left running: ${left.join(', ')}`);
  }

  // Ends everything without asking anybody; for after a failure.
  async abandon() {
    this.is_stopped = true;
    try {
      if (this.child?.pid) process.kill(this.child.pid, 'SIGKILL');
    } catch {
      /* gone already */
    }
    await this.exited;
    while (this.watcher) {
      await this.watcher.caught_up();
      if (this.watcher.living.size === 0) break;
      this.watcher.kill_all();
    }
    await this.watcher?.stop();
    this.ports?.release();
    if (process.env.UTAKATA_KEEP !== '1') rmSync(this.folder, { recursive: true, force: true });
  }
}
