// Clients of Socket.IO that break off at one process and come back to another: socket.io-client, unchanged, on servers that
// are one by a Redis, and on the workers of one.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import PusherServer from 'pusher';
import { io } from 'socket.io-client';
import WebSocket from 'ws';
import { cut_line } from './kit/cut_line.mjs';
import { app, realtime } from './kit/realtime.mjs';
import { redis } from './kit/redis.mjs';
import { wait_for } from './kit/wait.mjs';

let store;
let servers = [];
const sockets = [];
const lines = [];
const api_of = (server) => new PusherServer({ ...app, host: '127.0.0.1', port: server.port, useTLS: false });
const options = () => ['--client-events', '--timelines', '--redis', store.url];
const start = async () => {
  const made = await realtime(...options());
  servers.push(made);
  return made;
};
const peers = async (server) => Number(/realtime_peers (\d+)/.exec(await (await fetch(`${server.url}/metrics`)).text())[1]);
const all_know = (all = servers) =>
  wait_for(async () => (await Promise.all(all.map(peers))).every((one) => one === all.length - 1), { what: 'all to know one another', within: 15_000 });

const once = (emitter, event) => new Promise((resolve) => emitter.once(event, (...all) => resolve(all)));
async function connected(url, options = {}) {
  const made = io(url, { transports: ['websocket'], forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 100, ...options });
  sockets.push(made);
  await once(made, 'connect');
  return made;
}
const asks = async (who, ...all) => {
  const answer = await who.timeout(5000).emitWithAck(...all);
  assert.equal(answer.ok, true, JSON.stringify(answer));
  return answer;
};
const joins = (who, channel, member) => asks(who, 'subscribe', channel, api_of(servers[0]).authorizeChannel(who.id, channel, member));
function heard_by(who) {
  const heard = [];
  who.on('said', (data, { channel }) => heard.push(`${channel} ${data}`));
  return heard;
}
const waits_for_heard = (heard, all) => wait_for(() => heard.length >= all.length, { what: `${all} to be heard, not ${heard}` })
  .finally(() => assert.deepEqual(heard, all));
// A client at the first server, through a line that leads to the second from now on.
async function at_the_first() {
  const line = await cut_line(servers[0].port);
  lines.push(line);
  const who = await connected(line.url);
  line.leads_to(servers[1].port);
  return { line, who };
}

before(async () => {
  store = await redis();
  await start();
  await start();
  await all_know();
});
after(async () => {
  for (const one of sockets) one.disconnect();
  for (const one of lines) one.close();
  for (const one of servers) one.child.kill('SIGKILL');
  await store.stop();
});

for (const how of ['cut', 'lose'])
  test(`a connection that is ${how === 'cut' ? 'cut' : 'gone without a word'} comes back to another server: the same client, in its rooms, with what it missed`, async () => {
    const { line, who } = await at_the_first();
    const watcher = await connected(servers[1].url);
    const [room, news] = [`presence-room-${how}`, `news-${how}`];
    const users = async (server) => (await (await api_of(server).get({ path: `/channels/${room}/users` })).json()).users.map((one) => one.id).sort();
    await joins(watcher, room, { user_id: 'watcher' });
    await joins(who, room, { user_id: 'ann', user_info: { age: 7 } });
    await asks(who, 'subscribe', news);
    const heard = heard_by(who);
    const api = api_of(servers[0]);
    await api.trigger(news, 'said', 1);
    await waits_for_heard(heard, [`${news} 1`]);
    const told = [];
    for (const event of ['added', 'removed']) watcher.on(`member_${event}`, ({ user_id }) => told.push(`${user_id} ${event}`));
    await wait_for(async () => (await users(servers[1])).join() === 'ann,watcher', { what: 'ann to be seen' });
    const [sid, back] = [who.id, once(who, 'connect')];
    if (how === 'cut') line.leads_to(1);
    line[how]();
    await wait_for(() => !who.connected, { what: 'the break' });
    // Others are told that she went, and that she came, as when she comes again to the same.
    if (how === 'cut') await wait_for(() => told.at(-1) === 'ann removed', { what: 'ann to be missed' });
    for (const what of [2, 3]) await api.trigger([news, room], 'said', what);
    line.leads_to(servers[1].port);
    await back;
    assert.equal(who.recovered, true);
    assert.equal(who.id, sid);
    await api.trigger(news, 'said', 4);
    await waits_for_heard(heard, [`${news} 1`, `${news} 2`, `${room} 2`, `${news} 3`, `${room} 3`, `${news} 4`]);
    // In the room as before, and once.
    for (const server of servers) await wait_for(async () => (await users(server)).join() === 'ann,watcher', { what: 'ann to be one member' });
    await asks(who, 'client-hi', room, 1);
    if (how === 'cut') await wait_for(() => told.at(-1) === 'ann added', { what: 'ann to be seen again' });
    // At the first server nothing is left of it.
    await wait_for(async () => (await (await fetch(`${servers[0].url}/stats`)).json()).connections === 0, { what: 'the old connection to be ended' });
  });

test('at a server that has just begun, too, and what it missed on several channels comes in the order in which it was said', async () => {
  const { line, who } = await at_the_first();
  const channels = ['a', 'b', 'c'].map((one) => `fresh-${one}`);
  for (const one of channels) await asks(who, 'subscribe', one);
  const heard = heard_by(who);
  line.leads_to(1);
  line.cut();
  await wait_for(() => !who.connected, { what: 'the break' });
  const all = [...Array(12).keys()].map((i) => [channels[(i * 2) % 3], i]);
  for (const [channel, what] of all) await api_of(servers[0]).trigger(channel, 'said', what);
  const fresh = await start();
  await all_know();
  const back = once(who, 'connect');
  line.leads_to(fresh.port);
  await back;
  assert.equal(who.recovered, true);
  await waits_for_heard(heard, all.map((one) => one.join(' ')));
});

test('of two connections that come with one seat to two servers at once, one is there in the end', async () => {
  const hello = async (server, asks_) => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/socket.io/?EIO=4&transport=websocket`);
    const said = [];
    socket.on('message', (bytes) => said.push(String(bytes)));
    await wait_for(() => said.length > 0, { what: 'the opening' });
    return { socket, connect: async () => {
      socket.send(`40${JSON.stringify(asks_)}`);
      return JSON.parse((await wait_for(() => said.find((one) => one.startsWith('40')), { what: 'the answer' })).slice(2));
    } };
  };
  for (let round = 0; round < 3; ++round) {
    const first = await hello(servers[0], {});
    const { sid, pid } = await first.connect();
    first.socket.close();
    const third = servers[2] ?? await start();
    await all_know();
    const two = await Promise.all([servers[1], third].map((server) => hello(server, { pid })));
    const answers = await Promise.all(two.map((one) => one.connect()));
    const seated = two.filter((_, i) => answers[i].sid === sid && answers[i].pid === pid);
    assert.ok(seated.length > 0, JSON.stringify(answers));
    await wait_for(() => seated.filter((one) => one.socket.readyState === WebSocket.OPEN).length === 1, { what: 'the later to have cut the earlier' });
    for (const { socket } of two) socket.close();
  }
});

test('who missed more than is kept, and who was at a server that was killed, begins anew', async () => {
  const { line, who } = await at_the_first();
  await asks(who, 'subscribe', 'flood');
  line.cut();
  await wait_for(() => !who.connected, { what: 'the break' });
  line.leads_to(1);
  for (let from = 0; from < 110; from += 10)
    await api_of(servers[0]).triggerBatch([...Array(10).keys()].map((i) => ({ channel: 'flood', name: 'said', data: from + i })));
  const back = once(who, 'connect');
  line.leads_to(servers[1].port);
  await back;
  assert.equal(who.recovered, false);

  const doomed = await start();
  await all_know();
  line.leads_to(doomed.port);
  line.cut();
  await once(who, 'connect');
  assert.equal(who.recovered, true);
  const again = once(who, 'connect');
  line.leads_to(servers[1].port);
  servers = servers.filter((one) => one !== doomed);
  doomed.child.kill('SIGKILL');
  await again;
  assert.equal(who.recovered, false);
});

test('a server that ends leaves those who were there to the others', async () => {
  const leaving = await start();
  await all_know();
  const line = await cut_line(leaving.port);
  lines.push(line);
  const who = await connected(line.url);
  const heard = heard_by(who);
  await asks(who, 'subscribe', 'moving');
  await api_of(servers[0]).trigger('moving', 'said', 1);
  await waits_for_heard(heard, ['moving 1']);
  const [sid, back] = [who.id, once(who, 'connect')];
  line.leads_to(1);  // to nobody, until it has ended
  servers = servers.filter((one) => one !== leaving);
  assert.equal(await leaving.stop(), 0);
  line.leads_to(servers[1].port);
  await api_of(servers[0]).trigger('moving', 'said', 2);
  await back;
  assert.equal(who.recovered, true);
  assert.equal(who.id, sid);
  await waits_for_heard(heard, ['moving 1', 'moving 2']);
});

test('one that is told to drain and stays is asked for them also after its goodbye', async () => {
  const two = [];
  for (let i = 0; i < 2; ++i) two.push(await realtime(...options(), '--redis-prefix', 'of-two'));
  await all_know(two);
  const line = await cut_line(two[0].port);
  lines.push(line);
  const who = await connected(line.url);
  line.leads_to(1);
  const [sid, back] = [who.id, once(who, 'connect')];
  await fetch(`${two[0].url}/drain`, { method: 'POST', body: '{"state":"draining","close":{"pace":100}}', headers: { authorization: 'Bearer of-this-instance' } });
  await wait_for(async () => (await peers(two[1])) === 0, { what: 'the goodbye' });
  line.leads_to(two[1].port);
  await back;
  assert.equal(who.recovered, true);
  assert.equal(who.id, sid);
  for (const one of two) assert.equal(await one.stop(), 0);
});

test('whichever worker of a host it comes back to, by WebSocket or by polls', async () => {
  const server = await realtime('--workers', '3', '--timelines');
  const api = api_of(server);
  for (const transports of [['websocket'], ['polling']]) {
    const who = await connected(server.url, { transports });
    const heard = heard_by(who);
    const [sid, channel] = [who.id, `story-${transports}`];
    await asks(who, 'subscribe', channel);
    const worker = () => who.io.engine.id.split('-')[0];
    const seen = new Set([worker()]);
    const all = [];
    for (let turn = 0; seen.size < 3; ++turn) {
      assert.ok(turn < 60, 'it comes to each worker in time');
      const back = once(who, 'connect');
      who.io.engine.close();
      await wait_for(() => !who.connected, { what: 'the break' });
      await api.trigger(channel, 'said', turn);
      all.push(`${channel} ${turn}`);
      await back;
      assert.equal(who.recovered, true, `from ${[...seen]} to ${worker()}`);
      assert.equal(who.id, sid);
      seen.add(worker());
      await waits_for_heard(heard, all);
    }
    who.disconnect();
  }
  assert.equal(await server.stop(), 0);
});
