// The voters of examples/live-vote, its scenario and its stack as they are, all on this machine: everybody comes within OPENING seconds,
// one call for votes reaches all, each votes once. `tools/soak voters [N]` builds what this needs.
//
//   UTAKATA_BIN=build/release/utakata OPENING=60 node tests/soak/voters.mjs [N]     N: 10,000
//
// A process may have so many descriptors only: servers and users are spread over as many processes as that asks for. Server, web
// server and clients count on their own; the exit code is 1 if they do not agree, or anything failed.
//
// The web server is the example's own, which is one process of Node. PAGE=lean: what it says to voters is said by tests/soak/vote_page.cc
// instead, in as many processes as descriptors ask for. With N people asking for news each half minute that is N / 30 requests a second,
// and Node takes 0.2 ms for one: on a machine that has two cores for everything, users and all, PAGE=lean is usual from 100,000 on.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { free_ports } from '../e2e/kit/ports.mjs';
import { start_stack, utakata_program } from '../e2e/kit/stack.mjs';
import { wait_for } from '../e2e/kit/wait.mjs';

const people = Number(process.argv[2] ?? 10_000), opening_s = Number(process.env.OPENING ?? 60);
const example = fileURLToPath(new URL('../../examples/live-vote/', import.meta.url));
const is_lean = (process.env.PAGE ?? (people < 100_000 ? 'node' : 'lean')) === 'lean';
const number_in = (file) => (existsSync(file) ? Number(readFileSync(file, 'latin1')) : null);

// ---- before anything is begun: what this machine must allow ----
const descriptors = Number(execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'latin1' })) || 1e6;
// A fifth of them poll, over two connections each: 1.2 a person. All of them talk to the web server besides, which Node closes after 5 s.
const channels = Math.max(3, Math.ceil((people * 1.3) / descriptors));
const workers = Math.max(2, Math.ceil((people * (is_lean ? 2.3 : 1.6)) / descriptors)), pages = Math.ceil((people * 1.2) / descriptors);
const kb_each = 45;  // user, servers and kernel, as measured
const conntrack_max = number_in('/proc/sys/net/netfilter/nf_conntrack_max');
const is_tracked = () => number_in('/proc/sys/net/netfilter/nf_conntrack_count') > 0;
const memory = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync('/proc/meminfo', 'latin1'))[1]) * 1024;
const gib = (bytes) => `${(bytes / 2 ** 30).toFixed(2)} GiB`;

function preflight() {
  const lacks = [];
  if (channels > 90) lacks.push(`${descriptors} descriptors a process are too few: raise the hard limit (ulimit -Hn) to ${Math.ceil((people / 90) * 1.3)}`);
  if (is_tracked() && conntrack_max < people * 1.5)
    lacks.push(`the kernel tracks connections, ${conntrack_max} at most: sysctl net.netfilter.nf_conntrack_max=${people * 2}`);
  if (memory('MemAvailable') < people * kb_each * 1024)
    lacks.push(`${gib(memory('MemAvailable'))} of memory are free, and ${gib(people * kb_each * 1024)} are needed`);
  if (lacks.length > 0) throw new Error(`this machine cannot hold ${people} voters: ${lacks.join('; ')}`);
}

// ---- what it takes ----
const children = (pid) => {
  const file = `/proc/${pid}/task/${pid}/children`;
  const own = existsSync(file) ? readFileSync(file, 'latin1').trim().split(' ').filter(Boolean).map(Number) : [];
  return [pid, ...own.flatMap(children)];
};
const proportional = (pid) => {  // bytes; pages that processes share count once
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))[1]) * 1024;
  } catch {
    return 0;  // it has ended
  }
};
const cpu_s = (pid) => {
  try {
    const [user, system] = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /, '').split(' ').slice(11, 13);
    return (Number(user) + Number(system)) / 100;
  } catch {
    return 0;
  }
};
// Of the kernel, for sockets and what belongs to them: nothing else here makes it grow so.
const kernel = () => memory('Slab') + Number(/^TCP:.* mem (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'latin1'))[1]) * 4096;
const sum = (list) => list.reduce((all, one) => all + one, 0);

// ---- the lean page ----
class Page {
  constructor(port, fleet, web_port, number) {
    const program = join(dirname(utakata_program()), 'vote_page');
    this.child = spawn(program, [port, new URL(fleet.api).port, web_port, number].map(String), { stdio: ['pipe', 'pipe', 'inherit'] });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    this.listens = this.lines.next();
  }
  async counted() {
    this.child.stdin.write('\n');
    return JSON.parse((await this.lines.next()).value);
  }
}
async function lean_pages(fleet, web_port) {
  const [port] = await free_ports(1);
  const all = Array.from({ length: pages }, (_, number) => new Page(port, fleet, web_port, number));
  await Promise.all(all.map((one) => one.listens));
  return { url: `http://127.0.0.1:${port}`, all };
}

// ---- the run ----
async function rehearse(fleet, page, votes_counted, page_pids) {
  const instances = await fleet.serving('channels', channels);
  const serving = (await fleet.status()).clusters.flatMap((one) => one.instances);
  const stats = async () => Promise.all(instances.map(async ({ address }) => (await fetch(`http://${address}/stats`)).json()));
  const accepted_before = sum((await stats()).map((one) => one.accepted)), kernel_before = kernel();
  const child = spawn(utakata_program(), ['load', 'voters.mjs', '--workers', String(workers)], {
    cwd: example, env: { ...process.env, VOTERS: people, OPENING: opening_s, VOTE_PAGE: page }, stdio: ['ignore', 'inherit', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (bytes) => {
    errors += bytes;
    if (process.env.SHOW) process.stderr.write(bytes);
  });
  const ended = new Promise((done) => child.once('close', (code, signal) => done(signal ?? code)));
  let is_over = false;
  ended.then(() => { is_over = true; });

  const began = performance.now(), peak = { here: 0, users: 0, servers: 0, kernel: 0, whole: 0 };
  const times = new Map(), servers = [fleet.pid, ...serving.map(({ pid }) => pid), ...page_pids];
  let all_here_s = null;
  while (!is_over) {
    const here = sum((await stats()).map((one) => one.connections));
    peak.here = Math.max(peak.here, here);
    if (here >= people) all_here_s ??= (performance.now() - began) / 1000;
    const users_pids = children(child.pid);
    for (const pid of [...users_pids, ...servers]) times.set(pid, cpu_s(pid) || times.get(pid));
    const now = { users: sum(users_pids.map(proportional)), servers: sum(servers.map(proportional)), kernel: kernel() - kernel_before };
    for (const [name, bytes] of Object.entries(now)) peak[name] = Math.max(peak[name], bytes);
    peak.whole = Math.max(peak.whole, now.users + now.servers + now.kernel);
    await Promise.race([ended, sleep(people > 20_000 ? 2000 : 500)]);
  }
  const code = await ended, took_s = (performance.now() - began) / 1000;
  const accepted = sum((await stats()).map((one) => one.accepted)) - accepted_before;
  const votes = await votes_counted();
  const cpu = (pids) => `${sum(pids.map((pid) => times.get(pid) ?? 0)).toFixed(0)} s`;
  console.log(`${people} voters in ${workers} processes, ${channels} instances, ${
    is_lean ? `a lean page in ${pages}` : "the example's own page"}; all there after ${
    all_here_s === null ? 'never' : `${all_here_s.toFixed(1)} s`}, all done after ${took_s.toFixed(1)} s`);
  console.log(`counted: ${peak.here} there at once by the instances, which accepted ${accepted}; ${votes} votes by the web server`);
  console.log(`memory at most: ${gib(peak.whole)} (users ${gib(peak.users)}, servers ${gib(peak.servers)}, kernel ${gib(peak.kernel)})`);
  const by_kind = { users: [...times.keys()].filter((pid) => !servers.includes(pid)), utakata: [fleet.pid], page: page_pids };
  for (const { id, pid } of serving) (by_kind[id.replace(/-\d+$/, '')] ??= []).push(pid);
  console.log(`CPU: ${Object.entries(by_kind).map(([kind, pids]) => `${kind} ${cpu(pids)}`).join(', ')}`);
  return [[code !== 0, `utakata load ended with ${code}: ${errors.slice(-3000)}`], [peak.here !== people, `${peak.here} were there at once`],
    [accepted !== people, `${accepted} were accepted`], [votes !== people, `${votes} votes`]].filter(([is_so]) => is_so).map(([, what]) => what);
}

const faults = [];
let fleet, lean = null;
try {
  preflight();
  const [port] = await free_ports(1), page = `http://127.0.0.1:${port}`;
  const realtime = join(dirname(utakata_program()), 'utakata-realtime');
  fleet = await start_stack({ file: join(example, 'stack.yaml'), args: ['-p', `page=${port}`, '-p', `realtime=${realtime}`, '-p', `channels=${channels}`] });
  await wait_for(async () => (await fetch(`${page}/api/place`, { method: 'POST' })).ok, { within: 60_000, what: 'the page to be there' });
  if (is_lean) lean = await lean_pages(fleet, port);
  const votes = async () => (lean
    ? sum((await Promise.all(lean.all.map((one) => one.counted()))).map((one) => one.votes))
    : sum(Object.values((await (await fetch(`${page}/api/info`)).json()).tally.counts)));
  faults.push(...await rehearse(fleet, lean?.url ?? page, votes, lean?.all.map((one) => one.child.pid) ?? []));
} catch (problem) {
  faults.push(problem.message);
} finally {
  for (const { child } of lean?.all ?? []) child.stdin.end();
  await fleet?.stop().catch((problem) => faults.push(problem.message));
}
if (faults.length > 0) console.log(`FAILED: ${faults.join('; ')}`);
process.exit(faults.length > 0 ? 1 : 0);
