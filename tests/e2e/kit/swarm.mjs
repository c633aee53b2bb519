// A Swarm of several Engines on this machine: each in a network namespace of its own, all on one
// bridge in another, and this process beside them on the same bridge. `why_not` says why there can
// be none here; tests are then skipped by that name.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Crowd } from './clients.mjs';
import { why_not as why_no_docker } from './docker.mjs';
import { start_stack } from './stack.mjs';
import { wait_for } from './wait.mjs';

const e2e = dirname(dirname(fileURLToPath(import.meta.url)));
const mark = `utk${process.pid}`; // an interface's name has at most 15 letters

function run(program, ...words) {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}: ${stderr}`);
  return stdout;
}

function why_no_namespaces() {
  if (spawnSync('sh', ['-c', 'command -v ip && command -v nsenter']).status !== 0)
    return 'there is no `ip` or `nsenter` on this machine (iproute2, util-linux)';
  const name = `${mark}try`;
  const made = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (made.status !== 0) return `this machine makes no network namespaces: ${made.stderr.trim()}`;
  spawnSync('ip', ['netns', 'del', name]);
  return false;
}
export const why_not = why_no_docker || why_no_namespaces();

// `count` hosts, worker-1 the manager; worker-N has the label zone=zones[N - 1].
export async function start_swarm({ count = 3, zones = [], heartbeat = '1s' } = {}) {
  const swarm = new Swarm(count);
  try {
    await swarm.start(zones, heartbeat);
  } catch (problem) {
    await swarm.stop();
    throw problem;
  }
  return swarm;
}

class Host {
  constructor(swarm, number) {
    Object.assign(this, { swarm, number, name: `worker-${number}`, namespace: `${mark}n${number}` });
    this.cable = `${mark}c${number}`; // its end at the bridge
    this.address = `${swarm.network}.${10 + number}`;
    this.folder = join(swarm.folder, this.name);
    this.socket = join(this.folder, 's');
  }

  lay_cable() {
    const { namespace, cable } = this;
    run('ip', 'netns', 'add', namespace);
    run('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
    run('ip', '-n', namespace, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', cable, 'netns', this.swarm.hub);
    run('ip', '-n', this.swarm.hub, 'link', 'set', cable, 'master', 'br0', 'up');
    run('ip', '-n', namespace, 'addr', 'add', `${this.address}/24`, 'dev', 'eth0');
    run('ip', '-n', namespace, 'link', 'set', 'eth0', 'up');
    run('ip', '-n', namespace, 'route', 'add', 'default', 'via', `${this.swarm.network}.1`);
  }
  pull_cable() {
    run('ip', '-n', this.swarm.hub, 'link', 'set', this.cable, 'down');
  }
  put_cable_back() {
    run('ip', '-n', this.swarm.hub, 'link', 'set', this.cable, 'up');
  }

  start() {
    mkdirSync(this.folder, { recursive: true });
    const { number } = this;
    const at = (name) => join(this.folder, name);
    writeFileSync(at('daemon.json'), '{}');
    const log = openSync(at('log'), 'a');
    const engine = [
      `--config-file=${at('daemon.json')}`, `--data-root=${at('data')}`, `--exec-root=${at('exec')}`,
      `--pidfile=${at('pid')}`, `--host=unix://${this.socket}`, `--bip=172.31.${number}.1/24`, '--iptables=false', '--ip6tables=false',
    ];
    const named = `hostname ${this.name} && exec dockerd ${engine.join(' ')}`;
    this.child = spawn('nsenter', [`--net=/var/run/netns/${this.namespace}`, '--', 'unshare', '--uts', 'sh', '-c', named], {
      stdio: ['ignore', log, log],
      env: { ...process.env, DOCKER_SERVICE_PREFER_OFFLINE_IMAGE: '1' },
    });
    closeSync(log);
    this.exited = new Promise((done) => this.child.once('exit', done));
  }
  async answers() {
    await wait_for(() => this.docker('version').status === 0 || this.child.exitCode !== null, {
      within: 60_000,
      what: `dockerd of ${this.name} to answer`,
    });
    if (this.child.exitCode !== null)
      throw new Error(`dockerd ended:\n${readFileSync(join(this.folder, 'log'), 'utf8').slice(-2000)}`);
  }

  // Docker's own command: {status, stdout, stderr}; the last word may be options of spawnSync.
  docker(...words) {
    const options = typeof words.at(-1) === 'object' ? words.pop() : {};
    return spawnSync('docker', ['-H', `unix://${this.socket}`, ...words], { encoding: 'utf8', ...options });
  }
  containers(...words) {
    return this.docker('ps', '-q', '--no-trunc', ...words).stdout.split('\n').filter(Boolean);
  }

  // Whatever is in its namespace: the Engine, its containers, and their guardians.
  pids() {
    const { stdout } = spawnSync('ip', ['netns', 'pids', this.namespace], { encoding: 'utf8' });
    return (stdout ?? '').split('\n').filter(Boolean).map(Number);
  }
  // As a host whose power fails.
  async kill() {
    for (let pids = this.pids(); pids.length > 0; pids = this.pids()) {
      for (const pid of pids) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {} // it was faster
      }
      await new Promise((done) => setTimeout(done, 20));
    }
    await this.exited;
  }
}

class Swarm {
  constructor(count) {
    this.folder = mkdtempSync(join(tmpdir(), 'utakata-swarm-'));
    this.network = `10.214.${process.pid % 250}`;
    Object.assign(this, { hub: `${mark}hub`, root: `${mark}r`, api_host: `${this.network}.1` });
    this.hosts = Array.from({ length: count }, (_, i) => new Host(this, i + 1));
    this.manager = this.hosts[0];
  }
  host(name) {
    return this.hosts.find((one) => one.name === name);
  }
  host_at(address) {
    return this.hosts.find((one) => one.address === address);
  }

  async start(zones, heartbeat) {
    run('ip', 'netns', 'add', this.hub);
    run('ip', '-n', this.hub, 'link', 'add', 'br0', 'type', 'bridge');
    run('ip', '-n', this.hub, 'link', 'set', 'br0', 'up');
    run('ip', 'link', 'add', this.root, 'type', 'veth', 'peer', 'name', `${mark}h`, 'netns', this.hub);
    run('ip', '-n', this.hub, 'link', 'set', `${mark}h`, 'master', 'br0', 'up');
    run('ip', 'addr', 'add', `${this.api_host}/24`, 'dev', this.root);
    run('ip', 'link', 'set', this.root, 'up');
    for (const host of this.hosts) host.lay_cable();
    for (const host of this.hosts) host.start();
    for (const host of this.hosts) await host.answers();
    this.ask('swarm', 'init', '--advertise-addr', this.manager.address, '--dispatcher-heartbeat', heartbeat);
    const token = this.ask('swarm', 'join-token', '-q', 'worker').trim();
    for (const host of this.hosts.slice(1)) run('docker', '-H', `unix://${host.socket}`, 'swarm', 'join', '--token', token, `${this.manager.address}:2377`);
    await wait_for(() => this.hosts.every((host) => this.state_of(host) === 'ready'), { within: 30_000, what: 'all hosts to be ready' });
    zones.forEach((zone, i) => this.ask('node', 'update', '--label-add', `zone=${zone}`, this.hosts[i].name));
  }

  // Of the manager; what it printed.
  ask(...words) {
    return run('docker', '-H', `unix://${this.manager.socket}`, ...words);
  }
  state_of(host) {
    return this.manager.docker('node', 'inspect', '-f', '{{.Status.State}}', host.name).stdout.trim();
  }
  services() {
    return this.ask('service', 'ls', '-q').split('\n').filter(Boolean);
  }
  // As a block of a stack file: all hosts' Engines are known.
  provider(more = '') {
    const hosts = this.hosts.slice(1).map((host) => `${host.name}: "unix://${host.socket}"`);
    return `provider: { swarm: { host: "unix://${this.manager.socket}", hosts: { ${hosts.join(', ')} }${more} } }`;
  }
  api({ ports }) {
    return `api: { listen: "${this.api_host}:${ports.split('-')[1] - 0 + 1}", ports: ${ports} }`;
  }

  // A shell, Node with its libraries, and the kit's app, on each host.
  make_image(name = 'app:1') {
    const made = spawnSync(
      'sh',
      [
        '-c',
        `set -e; mkdir -p root/app/node_modules root/tmp
         for p in /bin/sh /bin/cat "$(readlink -f "$(command -v node)")"; do
           cp -L --parents "$p" $(ldd "$p" | grep -o '/[^ ]*') root
         done
         [ -e root/usr/bin/node ] || { mkdir -p root/usr/bin; cp -L "$(command -v node)" root/usr/bin/node; }
         cp "$E2E/kit/app-ws.mjs" root/app; cp -rL "$E2E/node_modules/ws" root/app/node_modules
         tar -C root -c . > image.tar
         for socket in ${this.hosts.map((host) => host.socket).join(' ')}; do
           docker -H "unix://$socket" import --change 'WORKDIR /app' --change 'ENV PATH=/usr/bin:/bin' image.tar ${name}
         done
         rm -r root image.tar`,
      ],
      { cwd: this.folder, encoding: 'utf8', env: { ...process.env, E2E: e2e } },
    );
    if (made.status !== 0) throw new Error(`the image could not be made: ${made.stderr}`);
  }

  async stop() {
    for (const host of this.hosts) {
      if (host.child) await host.kill();
      for (const left of ['exec/netns/default', 'exec/netns']) {
        const mount = join(host.folder, left);
        if (existsSync(mount)) spawnSync('umount', [mount]);
      }
      // Killed Engines leave their containers' file systems mounted.
      spawnSync('sh', ['-c', `grep -o '${host.folder}/[^ ]*' /proc/self/mounts | sort -r | xargs -r umount -l`]);
      spawnSync('ip', ['netns', 'del', host.namespace]);
    }
    spawnSync('ip', ['link', 'del', this.root]);
    spawnSync('ip', ['netns', 'del', this.hub]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

// A stack of the kit's app, of the image app:1, on a Swarm.
export const chat_on =
  (swarm, { keys = '', provider = swarm.provider(), instances = 3 } = {}) =>
  ({ ports, mark }) => `
stack: spread
${provider}
${swarm.api({ ports })}
clusters:
  chat:
    image: app:1
    run: exec node app-ws.mjs
    env: { E2E_MARK: "${mark}" }
    url: "http://\${host}:\${port}"
    ready: { http: /healthz, within: 30s }
    count: { http: /stats, field: connections, accepted: accepted }
    capacity: 200
    instances: ${instances}
    drain: { tell: "POST /drain", grace: 3s }
    heal: { clients_wait: 5s, brake: 50% }
${keys}`;

// With a crowd of its own; when the test is over nothing of it may be left.
export async function start_on(swarm, t, yaml) {
  const fleet = await start_stack({ yaml });
  const crowd = new Crowd(fleet, 'chat');
  t.after(async () => {
    crowd.end();
    await fleet.stop();
    await wait_for(() => swarm.services().length === 0, { within: 60_000, what: 'no service to be left' });
  });
  return { fleet, crowd };
}
