// utakata-realtime beside a bare send() loop, beside `ws` and beside Socket.IO: whoever sends is on core 0, whoever receives on
// core 1. All are connected all the time and have their turns; ratios are of one round, their median is shown.
import { once } from 'node:events';
import { join } from 'node:path';
import * as kit from './kit.mjs';

const seconds = kit.options.is_short ? 1 : 3;
const rounds = kit.options.is_short ? 1 : 5;
const few = kit.options.is_short ? 500 : 5_000;
const many = kit.options.is_short ? 2_000 : 19_000;  // 20,000 descriptors are what a process may have
const file = { stdio: ['pipe', 'pipe', 'pipe'] };

// A line of what it says, as soon as it is there.
async function line_of(child, pattern) {
  for (;;) {
    const found = pattern.exec(child.output);
    if (found) {
      child.output = child.output.slice(found.index + found[0].length);
      return found[1];
    }
    const how = await Promise.race([once(child.stdout, 'data'), child.ended]);
    if ('code' in how) throw new Error(`${child.spawnargs.join(' ')} ended (${how.code}): ${child.errors}`);
  }
}

// What sends, and what receives from it.
class Pair {
  async serve(command, ...args) {
    this.server = kit.start(0, command, args);
    this.port = Number(await line_of(this.server, /(\d+)\n/));
    return this;
  }
  async load(program, ...args) {
    this.client = kit.start(1, kit.program(program), [String(this.port), ...args.map(String)], file);
    this.frame_bytes = JSON.parse(await line_of(this.client, /(.*)\n/)).frame_bytes;
    return this;
  }
  async ask(...words) {
    const before = kit.cpu_seconds(this.server.pid);
    this.client.stdin.write(`${words.join(' ')}\n`);
    const told = JSON.parse(await line_of(this.client, /(.*)\n/));
    return { ...told, cpu_us: ((kit.cpu_seconds(this.server.pid) - before) * 1e6) / told.messages };
  }
  async leave() {
    this.client?.stdin.end();
    await this.client?.ended;
  }
  async end() {
    await this.leave();
    if (this.server) await kit.stop(this.server);
  }
}
const realtime = (pair) => pair.serve(join(kit.build, 'utakata-realtime'), '--port', '0', '--app', '1:show:between-us',
  '--client-events', '--client-events-per-second', '1000000000');
const node = (pair, what) => pair.serve(process.execPath, join(kit.here, 'broadcasters.mjs'), what);

// Turns of all, and what each had of the floor's rate in the same round.
async function compare(pairs, ...words) {
  const told = Object.fromEntries(Object.keys(pairs).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const [name, pair] of Object.entries(pairs)) told[name].push(await pair.ask(...words));
  for (const [name, all] of Object.entries(told)) kit.say(`    ${name.padEnd(9)} ${all.map((one) => one.rate).join(' ')} /s`);
  const ratios = (name) => told[name].map((one, round) => one.rate / told.floor[round].rate);
  const of = (name, field) => kit.median(told[name].map((one) => one[field]));
  const rate = (name) => Math.round(of(name, 'rate')).toLocaleString('en-US');
  return {
    ratio: (name) => kit.median(ratios(name)),
    note: (name) => `${rate(name)} of ${rate('floor')} /s; ${of(name, 'cpu_us').toFixed(2)} of ${
      of('floor', 'cpu_us').toFixed(2)} us CPU each; rounds: ${ratios(name).map((one) => one.toFixed(2)).join(' ')}`,
  };
}
const show = (what, value, unit, must, note) => kit.figure('realtime', what, value, unit, must, note);
const said = (count) => `${count.toLocaleString('en-US')} subscribers`;

async function with_pairs(names, work) {
  const pairs = Object.fromEntries(names.map((name) => [name, new Pair()]));
  try {
    await work(pairs);
  } finally {
    for (const pair of Object.values(pairs)) await pair.end();
  }
}

const broadcasts = () => with_pairs(['floor', 'ours', 'ws', 'socket_io'], async ({ floor, ours, ws, socket_io }) => {
  await (await realtime(ours)).load('realtime_load', 'pusher', few);
  await (await floor.serve(kit.program('send_floor'), 'broadcast', String(ours.frame_bytes))).load('realtime_load', 'raw', few);
  await (await node(ws, 'ws')).load('realtime_load', 'websocket', few);
  await (await node(socket_io, 'socket_io')).load('realtime_load', 'socket_io', few);
  const single = await compare({ floor, ours, ws, socket_io }, seconds, 1, 0);
  show(`${said(few)}, one message at a time: of a bare send() loop's deliveries`, single.ratio('ours'), 'x', { at_least: 0.9 },
    single.note('ours'));
  show('the same by `ws`', single.ratio('ws'), 'x', null, single.note('ws'));
  show('the same by Socket.IO', single.ratio('socket_io'), 'x', null, single.note('socket_io'));
  const joined = await compare({ floor, ours, ws, socket_io }, seconds, 16, 0);
  show(`${said(few)}, 16 messages on their way: of a loop that sends them joined`, joined.ratio('ours'), 'x', { at_least: 0.9 },
    joined.note('ours'));
  show('the same by `ws`', joined.ratio('ws'), 'x', null, joined.note('ws'));
  show('the same by Socket.IO', joined.ratio('socket_io'), 'x', null, joined.note('socket_io'));
});

const crowd = () => with_pairs(['floor', 'ours'], async ({ floor, ours }) => {
  await realtime(ours);
  await ours.load('realtime_load', 'pusher', 1);
  await ours.leave();  // code that has run once is in memory
  const before = kit.resident_mb(ours.server.pid);
  await ours.load('realtime_load', 'pusher', many);
  const bytes = ((kit.resident_mb(ours.server.pid) - before) * 2 ** 20) / many;
  await (await floor.serve(kit.program('send_floor'), 'broadcast', String(ours.frame_bytes))).load('realtime_load', 'raw', many);
  const single = await compare({ floor, ours }, seconds, 1, 0);
  show(`${said(many)}, one message at a time: of a bare send() loop's deliveries`, single.ratio('ours'), 'x', { at_least: 0.9 },
    single.note('ours'));
  show('an idle subscriber: resident memory', bytes, 'bytes', { at_most: 600 },
    `${said(many)} of one channel; ${before.toFixed(1)} MB when one had come and gone`);
  const echoes = [];
  for (let round = 0; round < rounds; round++) echoes.push(await ours.ask(seconds, 1, 2000));
  const p99 = echoes.map((one) => one.p99_us / 1000);
  show(`p99 of pusher:ping to pusher:pong while ${said(many)} are sent to`, kit.median(p99), 'ms', { at_most: 3 },
    `500/s; rounds: ${p99.map((one) => one.toFixed(2)).join(' ')}; p50 ${
      kit.median(echoes.map((one) => one.p50_us / 1000)).toFixed(2)} ms, worst ${
      Math.max(...echoes.map((one) => one.most_us / 1000)).toFixed(2)} ms`);
});

// Each floor has as many messages on their way as what it is the floor of.
const relays = async () => {
  await with_pairs(['floor', 'ours'], async ({ floor, ours }) => {
    await (await floor.serve(kit.program('send_floor'), 'echo')).load('relay_load', 'echo', 64);
    await (await realtime(ours)).load('relay_load', 'ping', 64);
    const all = await compare({ floor, ours }, seconds);
    show('WebSocket pings on 64 connections: of a bare epoll echo', all.ratio('ours'), 'x', { at_least: 0.95 }, all.note('ours'));
  });
  await with_pairs(['floor', 'ours'], async ({ floor, ours }) => {
    await (await floor.serve(kit.program('send_floor'), 'echo')).load('relay_load', 'echo', 32);
    await (await realtime(ours)).load('relay_load', 'peer', 32);
    const all = await compare({ floor, ours }, seconds);
    show('client events to one peer, 64 connections: of a bare epoll echo', all.ratio('ours'), 'x', { at_least: 0.85 },
      all.note('ours'));
  });
};

export default async function all() {
  await broadcasts();
  await crowd();
  await relays();
}
