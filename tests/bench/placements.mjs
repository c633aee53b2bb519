// Placements over keep-alive HTTP, beside nginx answering the same and beside the home-made way. Everything that answers is
// on core 0 and is frozen while another has its turn; wrk and the instances are on core 1.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { free_ports } from '../e2e/kit/ports.mjs';
import { wait_for } from '../e2e/kit/wait.mjs';
import * as kit from './kit.mjs';

const instances = 100;
const seconds = 2;
const rounds = kit.options.is_short ? 1 : 9;
let first_key = 1;

export async function wrk(url, { keys = 0, pids = [], time = seconds, connections = 64 } = {}) {
  const before = kit.cpu_seconds(...pids);
  const first = first_key;
  if (keys) first_key += 1_000_000;  // of another that asks at the same time
  const output = await kit.run(1, 'wrk', ['-t1', `-c${connections}`, `-d${time}s`, '-s', join(kit.here, 'place.lua'), url],
    { env: { ...process.env, KEYS: String(keys), FIRST_KEY: String(first) } });
  const cpu = kit.cpu_seconds(...pids) - before;
  const told = JSON.parse(/^JSON (.*)$/m.exec(output)[1]);
  return { ...told, rate: told.answers / (told.us / 1e6), cpu_us: (cpu * 1e6) / told.answers };
}

async function start_nginx(folder, port, body) {
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, `worker_processes 1; daemon off; pid ${folder}/nginx.pid; error_log stderr crit;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; default_type application/json;
  client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u;
  scgi_temp_path ${folder}/s;
  server { listen 127.0.0.1:${port}; location / { return 200 '${body}'; } } }\n`);
  const child = kit.start(0, '/usr/sbin/nginx', ['-c', file, '-e', 'stderr']);
  await answers(`http://127.0.0.1:${port}/`, child);
  return { child, pids: kit.children_of(child.pid), url: `http://127.0.0.1:${port}/v1/place` };
}

async function answers(url, child) {
  await wait_for(async () => (await fetch(url, { method: 'POST', body: '{"seats":1}' })).ok,
    { what: `${url}: ${child.errors}` });
}

async function start_home_made(port, redis_port) {
  const redis = kit.start(0, 'redis-server',
    ['--port', String(redis_port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']);
  const child = kit.start(0, process.execPath, [join(kit.here, 'home_made.mjs'), String(port), String(redis_port), String(instances)]);
  await answers(`http://127.0.0.1:${port}/`, child);
  return { child, redis, pids: [child.pid, redis.pid], url: `http://127.0.0.1:${port}/` };
}

const granted = async (fleet) => (await fleet.cluster('game')).granted;

async function measure(fleet, all) {
  const { ours, nginx, home } = all;
  const turns = [['unkeyed', ours, 0], ['nginx', nginx, 0], ['keyed', ours, 1], ['home', home, 0], ['mixed', ours, 4]];
  const results = Object.fromEntries(turns.map(([name]) => [name, []]));
  const freeze = (one, signal) => { for (const pid of one.all) process.kill(pid, signal); };
  for (const one of [ours, nginx, home]) freeze(one, 'SIGSTOP');
  for (let round = 0; round < rounds; round++) {
    for (const [name, one, keys] of turns) {
      freeze(one, 'SIGCONT');
      const result = await wrk(one.url, { keys, pids: one.pids });
      freeze(one, 'SIGSTOP');
      results[name].push(result);
      kit.say(`    ${name.padEnd(8)} ${Math.round(result.rate).toLocaleString('en-US').padStart(8)}/s  ${result.cpu_us.toFixed(2)} us CPU`
        + `  p99 ${result.p99_us} us  not 200: ${result.not_ok + result.broken}`);
    }
  }
  for (const one of [ours, nginx, home]) freeze(one, 'SIGCONT');
  return results;
}

export default async function placements() {
  const folder = mkdtempSync(join(tmpdir(), 'utakata-bench-'));
  const fleet = await kit.up(
    kit.stack_text('bench', [kit.tiny_cluster({ instances, capacity: 10_000_000, more: '    seats: 4\n' })]));
  const parts = [];
  try {
    await fleet.serving('game', instances, 60_000);
    kit.pin(fleet.pid, 0);
    const first = await fleet.place('game');
    const body = JSON.stringify(first.body);
    const [nginx_port, home_port, redis_port] = await free_ports(3);
    const nginx = await start_nginx(folder, nginx_port, body);
    parts.push(nginx.child);
    const home = await start_home_made(home_port, redis_port);
    parts.push(home.child, home.redis);
    const ours = { url: `${fleet.api}${fleet.path}/clusters/game/placements`, pids: [fleet.pid], all: [fleet.pid] };
    nginx.all = [nginx.child.pid, ...nginx.pids];
    home.all = home.pids;
    const before = await wait_for(() => granted(fleet), { what: 'the first grant' });
    const results = await measure(fleet, { ours, nginx, home });
    await report(fleet, results, before, body);
  } finally {
    for (const child of parts) await kit.stop(child, child.spawnargs.includes('/usr/sbin/nginx') ? 'SIGQUIT' : 'SIGTERM');
    await kit.down(fleet);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function report(fleet, results, before, body) {
  const of = (name, field) => kit.median(results[name].map((one) => one[field]));
  const show = (what, value, unit, must, note) => kit.figure('placements', what, value, unit, must, note);
  const rate = of('unkeyed', 'rate');
  show('placements, 64 connections, 100 instances', rate, '/s', null,
    `${of('unkeyed', 'cpu_us').toFixed(2)} us CPU each; answers of ${body.length} bytes`);
  show('nginx `return 200`, the same body', of('nginx', 'rate'), '/s', null, `${of('nginx', 'cpu_us').toFixed(2)} us CPU each`);
  show('home-made: Node, ioredis, a sorted set of 100', of('home', 'rate'), '/s', null, `${of('home', 'cpu_us').toFixed(2)} us CPU each`);
  show('rate, of nginx\'s', rate / of('nginx', 'rate'), 'x', { at_least: 0.9 });
  show('CPU for a request, of nginx\'s', of('unkeyed', 'cpu_us') / of('nginx', 'cpu_us'), 'x', { at_most: 1.1 });
  show('rate, of the home-made way\'s', rate / of('home', 'rate'), 'x', { at_least: 3.5 });
  show('keyed, each call its own key: rate, of unkeyed', of('keyed', 'rate') / rate, 'x', { at_least: 0.7 });
  show('keyed, four callers a key: rate, of unkeyed', of('mixed', 'rate') / rate, 'x', { at_least: 0.7 });
  const ours = ['unkeyed', 'keyed', 'mixed'].flatMap((name) => results[name]);
  show('answers that were not a 200', ours.reduce((sum, one) => sum + one.not_ok + one.broken, 0), '', { equals: 0 });
  // wrk leaves off in the middle of its last questions: up to 64 a run are granted and never counted.
  const answers = ours.reduce((sum, one) => sum + one.answers, 0);
  const in_flight = 64 * ours.length;
  const now = await wait_for(async () => {
    const count = (await granted(fleet)) - before;
    return count >= answers && count;
  }, { what: 'the controller to count its grants' }).catch(() => granted(fleet));
  show('grants that the controller counts beyond wrk\'s answers', now - answers, '', { at_most: in_flight }, 'questions under way at the end');
}
