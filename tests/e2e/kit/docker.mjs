// A Docker Engine of a test's own, with its own folders and socket, and an image of this machine's
// Node. `why_not` says why there can be none here; tests are then skipped by that name.
import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { wait_for } from './wait.mjs';

const e2e = dirname(dirname(fileURLToPath(import.meta.url)));
const has = (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

export const why_not =
  process.getuid() !== 0
    ? 'dockerd needs root here'
    : ['dockerd', 'docker', 'runc', 'containerd'].every(has)
      ? false
      : "there is no dockerd on this machine (Debian's package docker.io)";

// bridge: containers may have networks of their own. tls: {folder, port} of certificates as `openssl`
// below makes them; it answers there, too, to who shows one.
export async function start_dockerd(options = {}) {
  const engine = new Dockerd(options);
  try {
    await engine.start();
    engine.make_image();
  } catch (problem) {
    await engine.stop();
    throw problem;
  }
  return engine;
}

class Dockerd {
  constructor({ bridge = false, tls = null }) {
    Object.assign(this, { tls, bridge: bridge ? `utkbr${process.pid % 100_000}` : null });
    this.folder = mkdtempSync(join(tmpdir(), 'utakata-docker-'));
    this.socket = join(this.folder, 'docker.sock');
    this.image = 'app:1';
    writeFileSync(join(this.folder, 'daemon.json'), '{}');
  }

  // Docker's own would take the one address range of the host; and no rules of iptables: its proxy
  // does for what is published.
  make_bridge() {
    const subnet = `10.213.${process.pid % 250}.1/24`;
    for (const words of [
      ['link', 'add', this.bridge, 'type', 'bridge'],
      ['addr', 'add', subnet, 'dev', this.bridge],
      ['link', 'set', this.bridge, 'up'],
    ]) {
      const { status, stderr } = spawnSync('ip', words, { encoding: 'utf8' });
      if (status !== 0) throw new Error(`ip ${words.join(' ')}: ${stderr}`);
    }
  }

  tls_options() {
    if (!this.tls) return [];
    const { folder, port } = this.tls;
    return [
      `--host=tcp://127.0.0.1:${port}`,
      '--tlsverify',
      `--tlscacert=${join(folder, 'ca.pem')}`,
      `--tlscert=${join(folder, 'engine.pem')}`,
      `--tlskey=${join(folder, 'engine.key')}`,
    ];
  }

  async start() {
    if (this.bridge) this.make_bridge();
    const log = openSync(join(this.folder, 'log'), 'a');
    const at = (name) => join(this.folder, name);
    this.child = spawn(
      'dockerd',
      [
        `--config-file=${at('daemon.json')}`,
        `--data-root=${at('data')}`,
        `--exec-root=${at('exec')}`,
        `--pidfile=${at('pid')}`,
        `--host=unix://${this.socket}`,
        `--bridge=${this.bridge ?? 'none'}`,
        ...this.tls_options(),
        '--iptables=false',
        '--ip6tables=false',
        '--live-restore',
      ],
      { stdio: ['ignore', log, log] },
    );
    closeSync(log);
    this.exited = new Promise((done) => this.child.once('exit', done));
    await wait_for(() => this.docker('version').status === 0 || this.child.exitCode !== null, {
      within: 60_000,
      what: 'dockerd to answer',
    });
    if (this.child.exitCode !== null)
      throw new Error(`dockerd ended:\n${readFileSync(at('log'), 'utf8').slice(-2000)}`);
  }

  // Docker's own command: {status, stdout, stderr}.
  docker(...words) {
    return spawnSync('docker', ['-H', `unix://${this.socket}`, ...words], { encoding: 'utf8' });
  }

  // The containers of a cluster's instances, by the labels that the controller gave them.
  containers(...words) {
    const { stdout } = this.docker('ps', '-q', '--no-trunc', ...words);
    return stdout.split('\n').filter(Boolean);
  }

  // A shell, Node with its libraries, and the kit's app: all that `docker import` needs.
  make_image() {
    const made = spawnSync(
      'sh',
      [
        '-c',
        `set -e; mkdir -p root/app/node_modules root/tmp
         for p in /bin/sh "$(readlink -f "$(command -v node)")"; do
           cp -L --parents "$p" $(ldd "$p" | grep -o '/[^ ]*') root
         done
         [ -e root/usr/bin/node ] || { mkdir -p root/usr/bin; cp -L "$(command -v node)" root/usr/bin/node; }
         cp "$E2E/kit/app-ws.mjs" root/app; cp -rL "$E2E/node_modules/ws" root/app/node_modules
         tar -C root -c . | docker -H "unix://$PWD/docker.sock" import --change 'WORKDIR /app' \\
           --change 'ENV PATH=/usr/bin:/bin' - app:1
         rm -r root`,
      ],
      { cwd: this.folder, encoding: 'utf8', env: { ...process.env, E2E: e2e } },
    );
    if (made.status !== 0) throw new Error(`the image could not be made: ${made.stderr}`);
  }

  async stop(signal = 'SIGTERM') {
    for (const id of this.containers('-a')) this.docker('rm', '-f', id);
    await this.end(signal);
    const left = join(this.folder, 'exec/netns/default'); // dockerd leaves it mounted
    if (existsSync(left)) spawnSync('umount', [left]);
    rmSync(this.folder, { recursive: true, force: true });
    if (this.bridge) spawnSync('ip', ['link', 'del', this.bridge]);
  }
  async end(signal) {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill(signal);
    await this.exited;
  }
}
