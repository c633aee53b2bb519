// utakata-realtime beside a bare send() loop, beside `ws` and beside Socket.IO; ratios are of one round, their median is shown.
import * as kit from './kit.mjs';
import { compare, few, many, node, realtime, rounds, said, seconds, show, with_pairs } from './realtime_kit.mjs';
import over_tls from './realtime_tls.mjs';

const broadcasts = () => with_pairs(['floor', 'ours', 'ws', 'socket_io'], async ({ floor, ours, ws, socket_io }) => {
  await (await realtime(ours)).subscribe('realtime_load', 'pusher', few);
  await (await floor.serve(kit.program('send_floor'), 'broadcast', String(ours.frame_bytes))).subscribe('realtime_load', 'raw', few);
  await (await node(ws, 'ws')).subscribe('realtime_load', 'websocket', few);
  await (await node(socket_io, 'socket_io')).subscribe('realtime_load', 'socket_io', few);
  const single = await compare({ floor, ours, ws, socket_io }, 'floor', [seconds, 1, 0]);
  show(`${said(few)}, one message at a time: of a bare send() loop's deliveries`, single.ratio('ours'), 'x', { at_least: 0.9 },
    single.note('ours'));
  show('the same by `ws`', single.ratio('ws'), 'x', null, single.note('ws'));
  show('the same by Socket.IO', single.ratio('socket_io'), 'x', null, single.note('socket_io'));
  const joined = await compare({ floor, ours, ws, socket_io }, 'floor', [seconds, 16, 0]);
  show(`${said(few)}, 16 messages on their way: of a loop that sends them joined`, joined.ratio('ours'), 'x', { at_least: 0.9 },
    joined.note('ours'));
  show('the same by `ws`', joined.ratio('ws'), 'x', null, joined.note('ws'));
  show('the same by Socket.IO', joined.ratio('socket_io'), 'x', null, joined.note('socket_io'));
});

const crowd = () => with_pairs(['floor', 'ours'], async ({ floor, ours }) => {
  await realtime(ours);
  await ours.subscribe('realtime_load', 'pusher', 1);
  await ours.leave();  // code that has run once is in memory
  const before = kit.resident_mb(ours.server.pid);
  await ours.subscribe('realtime_load', 'pusher', many, ours.server.pid);
  const bytes = ((kit.resident_mb(ours.server.pid) - before) * 2 ** 20) / many;
  await (await floor.serve(kit.program('send_floor'), 'broadcast', String(ours.frame_bytes))).subscribe('realtime_load', 'raw', many);
  const single = await compare({ floor, ours }, 'floor', [seconds, 1, 0]);
  show(`${said(many)}, one message at a time: of a bare send() loop's deliveries`, single.ratio('ours'), 'x', { at_least: 0.9 },
    single.note('ours'));
  show('an idle subscriber: resident memory', bytes, 'bytes', { at_most: 600 },
    `${said(many)} of one channel; ${before.toFixed(1)} MB when one had come and gone`);
  const echoes = [];
  for (let round = 0; round < rounds; round++) echoes.push(await ours.ask(seconds, 1, 2000));
  const each = (field, scale = 1, digits = 0) => echoes.map((one) => (one[field] / scale).toFixed(digits)).join(' ');
  const share = echoes.reduce((sum, one) => sum + one.own, 0) / echoes.reduce((sum, one) => sum + one.echoes, 0);
  // A machine that is busy with others all the time tells nothing of us.
  const which = share >= 0.5 ? 'own_p99_us' : 'p99_us';
  show(`p99 of pusher:ping to pusher:pong while ${said(many)} are sent to`, kit.median(echoes.map((one) => one[which])) / 1000, 'ms',
    { at_most: 3 }, `500/s; rounds: ${each('own_p99_us', 1000, 2)}, of the ${(100 * share).toFixed(0)} % that no other process made late${
      share >= 0.5 ? '' : ', too few to be believed'}; of all: ${each('p99_us', 1000, 2)}; p50 ${
      kit.median(echoes.map((one) => one.p50_us / 1000)).toFixed(2)} ms, worst ${
      Math.max(...echoes.map((one) => one.most_us / 1000)).toFixed(2)} ms; the asker was away for ${
      each('away_most_us', 1000, 1)} ms at most; both waited ${each('waited_ms')} ms for a core; stolen ${each('stolen_ms')} ms; ksoftirqd had ${
      each('softirq_ms')} ms of the server's core`);
});

// Each floor has as many messages on their way as what it is the floor of.
const relays = async () => {
  await with_pairs(['floor', 'ours'], async ({ floor, ours }) => {
    await (await floor.serve(kit.program('send_floor'), 'echo')).subscribe('relay_load', 'echo', 64);
    await (await realtime(ours)).subscribe('relay_load', 'ping', 64);
    const all = await compare({ floor, ours }, 'floor', [seconds]);
    show('WebSocket pings on 64 connections: of a bare epoll echo', all.ratio('ours'), 'x', { at_least: 0.95 }, all.note('ours'));
  });
  await with_pairs(['floor', 'ours'], async ({ floor, ours }) => {
    await (await floor.serve(kit.program('send_floor'), 'echo')).subscribe('relay_load', 'echo', 32);
    await (await realtime(ours)).subscribe('relay_load', 'peer', 32);
    const all = await compare({ floor, ours }, 'floor', [seconds]);
    show('client events to one peer, 64 connections: of a bare epoll echo', all.ratio('ours'), 'x', { at_least: 0.85 },
      all.note('ours'));
  });
};

// Both join the channel when they are asked to; ours is published to by the HTTP API, Node by an event of a client. The floor beside
// them says how much of the ratio the kernel leaves to be had.
const socket_io_dialect = () => with_pairs(['ours', 'node', 'floor'], async ({ ours, node: other, floor }) => {
  await (await realtime(ours)).subscribe('realtime_load', 'socket_io_api', few);
  await (await node(other, 'socket_io')).subscribe('realtime_load', 'socket_io', few);
  await (await floor.serve(kit.program('send_floor'), 'broadcast', String(ours.frame_bytes))).subscribe('realtime_load', 'raw', few);
  const single = await compare({ ours, node: other, floor }, 'node', [seconds, 1, 0]);
  show(`${said(few)} by Socket.IO, one message at a time: of Node's Socket.IO`, single.ratio('ours'), 'x', { at_least: 2.5 },
    single.note('ours'));
  show('the same by a bare send() loop', single.ratio('floor'), 'x', null, single.note('floor'));
});

export default async function all() {
  await broadcasts();
  await socket_io_dialect();
  await crowd();
  await relays();
  await over_tls();
}
