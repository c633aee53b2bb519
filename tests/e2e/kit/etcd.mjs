// An etcd of a test's own on loopback: members that can be killed, frozen and started again.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { free_ports } from './ports.mjs';
import { wait_for } from './wait.mjs';

export const why_not =
  spawnSync('sh', ['-c', 'command -v etcd']).status === 0
    ? false
    : "there is no etcd on this machine (Debian's package etcd-server)";

// args: more words of the command line, or a function of a member that answers them.
export async function start_etcd(count = 1, args = []) {
  const ports = await free_ports(2 * count);
  const members = Array.from({ length: count }, (_, k) => ({
    name: `m${k}`,
    client: `http://127.0.0.1:${ports[2 * k]}`,
    peer: `http://127.0.0.1:${ports[2 * k + 1]}`,
  }));
  const etcd = new Etcd(members, args);
  for (const one of members) etcd.start(one);
  await etcd.answers();
  return etcd;
}

async function ask(client, path, body) {
  const answer = await fetch(`${client}/v3/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(2000),
  });
  return answer.json();
}

// What is under a prefix, in the keys' order: {key, value, revision}, of which the last is etcd's
// number of the write that made the row.
async function rows(client, prefix) {
  const key = Buffer.from(prefix);
  const end = Buffer.from(prefix);
  end[end.length - 1]++;
  const range = { key: key.toString('base64'), range_end: end.toString('base64') };
  const answer = await ask(client, 'kv/range', range);
  const text = (base64) => Buffer.from(base64 ?? '', 'base64').toString();
  return (answer.kvs ?? []).map((row) => ({
    key: text(row.key),
    value: text(row.value),
    revision: Number(row.create_revision),
  }));
}

export async function read_etcd(client, stack) {
  const prefix = `/utakata/${stack}/activities/`;
  return (await rows(client, prefix)).map(({ key, value, revision }) => {
    const { at_ms, ...one } = JSON.parse(value);
    const absent = { cluster: '', instance: '', because: '', by: '', cut: null };
    const number = Number(key.slice(prefix.length));
    return { ...absent, ...one, number, revision, wall_ms: at_ms };
  });
}

const runs = ({ process }) => process.exitCode === null && process.signalCode === null;

class Etcd {
  constructor(members, args) {
    this.folder = mkdtempSync(join(tmpdir(), 'utakata-etcd-'));
    Object.assign(this, { members, args });
  }

  get endpoints() {
    return this.members.map((one) => one.client);
  }

  start(member) {
    member.process = spawn(
      'etcd',
      [
        ['name', member.name],
        ['data-dir', join(this.folder, member.name)],
        ['listen-client-urls', member.client],
        ['advertise-client-urls', member.client],
        ['listen-peer-urls', member.peer],
        ['initial-advertise-peer-urls', member.peer],
        ['initial-cluster', this.members.map((one) => `${one.name}=${one.peer}`).join(',')],
        ['initial-cluster-token', this.folder],
      ]
        .map(([name, value]) => `--${name}=${value}`)
        .concat(typeof this.args === 'function' ? this.args(member) : this.args),
      { stdio: 'ignore' },
    );
    member.ended = new Promise((resolve) => member.process.once('exit', resolve));
  }

  // One member that runs, or the one that is named.
  ask(path, body, member = this.members.find(runs) ?? this.members[0]) {
    return ask(member.client, path, body);
  }

  // A majority is there: a write would be done.
  answers(member) {
    const key = Buffer.from('is anybody there').toString('base64');
    return wait_for(async () => !!(await this.ask('kv/range', { key }, member)).header, {
      within: 20_000,
      what: 'etcd to answer',
    });
  }

  async leader() {
    const { leader } = await this.ask('maintenance/status', {});
    for (const member of this.members.filter(runs))
      if ((await this.ask('maintenance/status', {}, member)).header.member_id === leader) return member;
    throw new Error('these members have no leader');
  }

  get first_client() {
    return (this.members.find(runs) ?? this.members[0]).client;
  }

  // The record of a stack, as record.mjs reads it from SQLite; and of each activity which controller
  // recorded it, and etcd's revision.
  activities(stack) {
    return read_etcd(this.first_client, stack);
  }

  // The newest one.
  async revision() {
    const key = Buffer.from('is anybody there').toString('base64');
    return Number((await this.ask('kv/range', { key })).header.revision);
  }

  async keys(prefix) {
    return (await rows(this.first_client, prefix)).map(({ key }) => key);
  }

  // Who owns a cluster, and the revision at which it began to: {controller, revision}, or undefined.
  async owner(stack, cluster) {
    const [row] = await rows(this.first_client, `/utakata/${stack}/owners/${cluster}`);
    return row && { controller: JSON.parse(row.value).controller, revision: row.revision };
  }

  put(key, value) {
    const base64 = (text) => Buffer.from(text).toString('base64');
    return this.ask('kv/put', { key: base64(key), value: base64(value) });
  }

  // Writes until the database of one member is as large as `--quota-backend-bytes` lets it be.
  async fill() {
    const value = 'x'.repeat(300_000);
    for (let k = 0; k < 200; k++)
      if (/space exceeded/.test((await this.put('of somebody else', value)).error)) return;
    throw new Error('etcd is not full yet');
  }

  // As docs/etcd.md says: old values are forgotten, their space is given back, the alarm is ended.
  async make_room() {
    await this.compact();
    await this.ask('maintenance/defragment', {});
    const { alarms = [] } = await this.ask('maintenance/alarm', { action: 'GET' });
    for (const one of alarms)
      await this.ask('maintenance/alarm', { ...one, action: 'DEACTIVATE' });
  }

  // Whatever was before now is forgotten.
  async compact() {
    const revision = await this.revision();
    const { error } = await this.ask('kv/compaction', { revision, physical: true });
    if (error) throw new Error(error);
  }

  async kill(member = this.members[0]) {
    member.process.kill('SIGKILL');
    await member.ended;
  }

  async stop() {
    for (const one of this.members) one.process.kill('SIGKILL');
    await Promise.all(this.members.map((one) => one.ended));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
