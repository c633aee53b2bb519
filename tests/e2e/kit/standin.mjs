// A stand-in for the controller: starts Redis, two lobbies and two games by hand and answers the
// placement routes, so that the example can be tried alone. It scales nothing and heals only by
// starting a killed instance's substitute.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { free_ports } from './ports.mjs';
import { wait_for } from './wait.mjs';

const folder = fileURLToPath(new URL('../../../examples/lobby-game/', import.meta.url));

export class StandIn {
  constructor({ env = {}, capacity = 1000 } = {}) {
    Object.assign(this, {
      env,
      capacity,
      instances: new Map(),
      keys: new Map(),
      holds: new Map(),
      next: 1,
    });
  }

  async start() {
    const [redis_port, api_port] = await free_ports(2);
    this.redis = spawn(
      'redis-server',
      ['--port', redis_port, '--save', '', '--bind', '127.0.0.1'],
      { stdio: 'ignore' },
    );
    this.redis_url = `redis://127.0.0.1:${redis_port}`;
    await Promise.all(['lobby', 'lobby', 'game', 'game'].map((cluster) => this.launch(cluster)));
    this.http = createServer((request, response) => this.answer(request, response)).listen(
      api_port,
      '127.0.0.1',
    );
    this.api = `http://127.0.0.1:${api_port}`;
    return this;
  }

  async launch(cluster) {
    const name = `${cluster}-${this.next++}`;
    const [port] = await free_ports(1);
    const process_ = spawn(process.execPath, [`${cluster}.js`], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        ...process.env,
        ...this.env,
        PORT: port,
        UTAKATA_INSTANCE: name,
        UTAKATA_TOKEN: `token-of-${name}`,
        REDIS_URL: this.redis_url,
        LOBBY_GAME_TEST: '1',
      },
    });
    const one = {
      name,
      cluster,
      url: `http://127.0.0.1:${port}`,
      process: process_,
      held: 0,
      open: true,
    };
    await wait_for(async () => (await fetch(`${one.url}/healthz`)).ok, {
      within: 20_000,
      what: `${name} to answer /healthz`,
    });
    process_.once('exit', () => this.instances.delete(name));
    this.instances.set(name, one);
    return one;
  }

  async kill(name, signal = 'SIGKILL') {
    const one = this.instances.get(name);
    one.process.kill(signal);
    if (signal === 'SIGKILL') await this.launch(one.cluster);
  }

  stats(name) {
    return fetch(`${this.instances.get(name).url}/stats`).then((response) => response.json());
  }

  tell(name, state) {
    const { url } = this.instances.get(name);
    if (state === 'draining') this.instances.get(name).open = false;
    return fetch(`${url}/drain`, {
      method: 'POST',
      headers: { authorization: `Bearer token-of-${name}` },
      body: JSON.stringify({ state, deadline_ms: null }),
    });
  }

  async answer(request, response) {
    let text = '';
    for await (const chunk of request) text += chunk;
    const [, cluster, what, id] =
      /clusters\/(\w+)\/(placements|keys)\/?(.*)$/.exec(request.url) ?? [];
    if (request.method === 'DELETE') {
      if (what === 'keys') this.keys.delete(decodeURIComponent(id));
      this.give_back(id);
      return response.writeHead(204).end();
    }
    const { key } = JSON.parse(text);
    let one = this.instances.get(this.keys.get(key));
    if (!one) {
      const open = [...this.instances.values()].filter(
        (each) => each.cluster === cluster && each.open,
      );
      one = open.sort((a, b) => a.held - b.held)[0];
    }
    if (!one || one.held >= this.capacity)
      return response.writeHead(503, { 'retry-after': '1' }).end('{"title": "full"}');
    if (key) this.keys.set(key, one.name);
    one.held++;
    const placement = `p-${this.next++}`;
    this.holds.set(placement, one);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({
        id: placement,
        instance: one.name,
        url: one.url,
        ticket: placement,
        expires: 60,
      }),
    );
  }

  give_back(id) {
    const one = this.holds.get(id);
    if (one) one.held--;
    this.holds.delete(id);
  }

  async stop() {
    this.http.close();
    this.http.closeAllConnections();
    const all = [...this.instances.values()].map((one) => one.process).concat(this.redis);
    await Promise.all(
      all.map(
        (one) =>
          new Promise((resolve) => {
            if (one.exitCode !== null || one.signalCode !== null) return resolve();
            one.once('exit', resolve);
            one.kill('SIGKILL');
          }),
      ),
    );
  }
}
