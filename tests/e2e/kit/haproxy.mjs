// A HAProxy of a test's own, with the configuration of docs/haproxy.md on ports and a socket of its
// own. `why_not` says why there can be none here; tests are then skipped by that name.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { free_ports } from './ports.mjs';
import { wait_for } from './wait.mjs';

export const why_not =
  spawnSync('haproxy', ['-v']).status === 0
    ? false
    : "there is no haproxy on this machine (Debian's package haproxy)";

const page = readFileSync(new URL('../../../docs/haproxy.md', import.meta.url), 'utf8');
// The block of code that stands in the page after `<!-- tested: NAME -->`.
export function block(name) {
  const found = new RegExp(`<!-- tested: ${name} -->\n\`\`\`\\w+\n([^]*?)\n\`\`\``).exec(page);
  if (!found) throw new Error(`docs/haproxy.md has no block marked "tested: ${name}"`);
  return `${found[1]}\n`;
}

export class Haproxy {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'utakata-haproxy-'));
    this.socket = join(this.folder, 'admin.sock');
    this.all = [];
  }

  // edit: of the page's configuration, for oddities.
  async start(edit = (text) => text, args = []) {
    this.port ??= (await free_ports(1))[0];
    const text = block('haproxy')
      .replace('/run/haproxy/admin.sock', this.socket)
      .replace('bind :80', `bind 127.0.0.1:${this.port}`);
    const file = join(this.folder, 'haproxy.cfg');
    writeFileSync(file, edit(text));
    const child = spawn('haproxy', ['-db', '-f', file, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        this.output += data;
      });
    child.ended = new Promise((done) => child.once('exit', done));
    this.all.push(child);
    this.child = child;
    await wait_for(
      async () => {
        if (child.exitCode !== null) throw new Error(`haproxy ended: ${this.output}`);
        return (await this.ask('show info')).includes(`\nPid: ${child.pid}\n`);
      },
      { what: 'haproxy to answer' },
    );
    return this;
  }

  // Another process takes over; the old one stays for the sockets that it has.
  reload() {
    return this.start(undefined, ['-sf', String(this.child.pid)]);
  }

  get url() {
    return `ws://127.0.0.1:${this.port}`;
  }

  ask(command) {
    return new Promise((done, failed) => {
      let text = '';
      const socket = connect(this.socket, () => socket.write(`${command}\n`));
      socket.on('data', (data) => {
        text += data;
      });
      socket.on('error', failed);
      socket.on('close', () => done(text));
    });
  }

  // {instance id or name: {admin, weight, port}}, as HAProxy tells it.
  async servers(backend = 'game') {
    const lines = (await this.ask(`show servers state ${backend}`)).trim().split('\n').slice(2);
    const all = {};
    for (const line of lines) {
      const words = line.split(' ');
      all[words[3].split(':').at(-1)] = {
        admin: Number(words[6]),
        weight: Number(words[7]),
        port: Number(words[18]),
      };
    }
    return all;
  }

  // The ids of those that take clients.
  async open() {
    const all = Object.entries(await this.servers());
    return all.filter(([, one]) => one.admin === 0).map(([id]) => id);
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.child.ended;
  }

  async stop() {
    for (const child of this.all) {
      child.kill('SIGKILL');
      await child.ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
