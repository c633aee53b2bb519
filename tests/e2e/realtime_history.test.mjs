// Pages of timelines: for servers by the pusher SDK, for pusher-js and socket.io-client as they are; of one process, of workers, of
// servers that share a Redis.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import PusherServer from 'pusher';
import Pusher from 'pusher-js';
import { io } from 'socket.io-client';
import { app, realtime } from './kit/realtime.mjs';
import { redis } from './kit/redis.mjs';
import { wait_for } from './kit/wait.mjs';

const ends = [];
after(async () => {
  for (const end of ends.reverse()) await end();
});

async function start(...options) {
  const server = await realtime('--client-events', ...options);
  ends.push(() => server.stop());
  const key = Buffer.alloc(32, 7).toString('base64');
  server.api = new PusherServer({ ...app, host: '127.0.0.1', port: server.port, useTLS: false, encryptionMasterKeyBase64: key });
  return server;
}

// A page by the HTTP API.
async function page(server, channel, params) {
  return (await server.api.get({ path: `/channels/${channel}/timeline`, params })).json();
}
const texts = ({ messages }) => messages.map(({ data }) => JSON.parse(data));
const offsets = ({ messages }) => messages.map(({ offset }) => offset);
const say = async (server, channel, ...all) => {
  for (const data of all) await server.api.trigger(channel, 'said', data);
};

function pusher(server) {
  const made = new Pusher(app.key, {
    cluster: '', wsHost: '127.0.0.1', wsPort: server.port, forceTLS: false, enabledTransports: ['ws'], disableStats: true,
    channelAuthorization: { customHandler: ({ socketId, channelName }, done) =>
      done(null, server.api.authorizeChannel(socketId, channelName, channelName.startsWith('presence-') ? { user_id: 'ann' } : undefined)) },
  });
  ends.push(() => made.disconnect());
  return made;
}
const next = (emitter, event) => new Promise((resolve) => {
  const heard = (data) => {
    emitter.unbind(event, heard);
    resolve(data);
  };
  emitter.bind(event, heard);
});
async function reads(who, name) {
  const channel = who.subscribe(name);
  await next(channel, 'pusher:subscription_succeeded');
  return channel;
}
async function socket(server, transports = ['websocket']) {
  const made = io(server.url, { transports, forceNew: true });
  ends.push(() => made.disconnect());
  await new Promise((resolve) => made.once('connect', resolve));
  return made;
}

test('a server has the timeline of any channel, page by page, with the SDK it has', async () => {
  const server = await start('--timelines');
  await say(server, 'news', ...Array(7).keys());
  const newest = await page(server, 'news', { limit: 3 });
  assert.deepEqual(Object.keys(newest), ['epoch', 'newest', 'messages', 'more']);
  assert.deepEqual([newest.newest, newest.more], [7, true]);
  assert.deepEqual(newest.messages[0], { offset: 5, event: 'said', data: '4' });
  const rest = await page(server, 'news', { before: newest.messages[0].offset });
  assert.deepEqual([texts(rest), rest.more, rest.epoch], [[0, 1, 2, 3], false, newest.epoch]);
  const later = await page(server, 'news', { after: 2, limit: 2 });
  assert.deepEqual([offsets(later), later.more], [[3, 4], true]);
  assert.deepEqual(await page(server, 'nobody-spoke'), { epoch: '', newest: 0, messages: [], more: false });

  const reader = await reads(pusher(server), 'presence-room');
  reader.trigger('client-move', { x: 1 }); // not to itself: its page has it
  const [moved] = await wait_for(async () => {
    const { messages } = await page(server, 'presence-room');
    return messages.length > 0 && messages;
  }, { what: 'the client event to be kept' });
  assert.deepEqual(moved, { offset: 1, event: 'client-move', data: { x: 1 }, user_id: 'ann' });
});

test('what cannot be had is refused with the reason', async () => {
  const [server, without] = [await start('--timelines'), await start()];
  const refusal = (of, channel, params) =>
    page(of, channel, params).then(() => assert.fail('it was answered'), ({ status, body }) => `${status} ${body.trim()}`);
  assert.equal(await refusal(server, 'news', { limit: 101 }), '400 `limit` must be a whole number from 1 to 100.');
  assert.equal(await refusal(server, 'news', { before: '2x' }), '400 `before` must be an offset, a whole number.');
  assert.equal(await refusal(server, 'news', { before: 2, after: 1 }), '400 A page is `before` an offset or `after` one, not both.');
  assert.equal(await refusal(without, 'news'), '400 This app keeps no timelines.');
  const forged = new PusherServer({ ...app, secret: 'guessed', host: '127.0.0.1', port: server.port, useTLS: false });
  await assert.rejects(forged.get({ path: '/channels/news/timeline' }), ({ status }) => status === 401);

  const [ann, sue] = [pusher(without), await socket(without)];
  await reads(ann, 'news');
  const error = next(ann.connection, 'error');
  ann.send_event('utakata:history', { channel: 'news' });
  assert.equal((await error).data.message, 'This app keeps no timelines.');
  await sue.emitWithAck('subscribe', 'news');
  assert.deepEqual(await sue.emitWithAck('history', 'news', {}), { ok: false, error: 'This app keeps no timelines.' });
});

test('clients of both dialects have the pages of what they read, and of nothing else', async () => {
  const server = await start('--timelines');
  await say(server, 'news', { n: 1 }, { n: 2 }, { n: 3 });
  const ann = pusher(server);
  const news = await reads(ann, 'news');
  const ask = (data) => {
    const told = next(news, 'utakata:history');
    ann.send_event('utakata:history', { channel: 'news', ...data });
    return told;
  };
  const newest = await ask({ limit: 2 });
  assert.deepEqual([texts(newest), newest.more, newest.newest], [[{ n: 2 }, { n: 3 }], true, 3]);
  assert.deepEqual(texts(await ask({ before: newest.messages[0].offset })), [{ n: 1 }]);
  const error = next(ann.connection, 'error');
  ann.send_event('utakata:history', { channel: 'other' });
  assert.deepEqual((await error).data, { code: 4301, message: 'Subscribe to the channel first.' });
  assert.equal(ann.connection.state, 'connected');

  for (const transports of [['websocket'], ['polling']]) {
    const sue = await socket(server, transports);
    assert.equal((await sue.emitWithAck('history', 'news', {})).error, 'not subscribed to that channel');
    await sue.emitWithAck('subscribe', 'news');
    const { ok, epoch, messages, more } = await sue.emitWithAck('history', 'news', { after: 1, limit: 1 });
    assert.deepEqual([ok, epoch, more], [true, newest.epoch, true]);
    assert.deepEqual(messages, [{ offset: 2, event: 'said', data: { n: 2 } }], 'data as its listeners hear it');
    assert.match((await sue.emitWithAck('history', 'news', { limit: 0 })).error, /`limit`/);
    const all = await Promise.all([...Array(24)].map(() => sue.emitWithAck('history', 'news')));
    assert.ok(all.some((one) => one.error === '10 client events or pages a second are allowed'));
  }
});

test('pages of an encrypted channel are sealed as its events are, and told to all that listen to the client', async () => {
  const server = await start('--timelines');
  const eve = pusher(server);
  const room = await reads(eve, 'private-encrypted-room');
  const heard = next(room, 'said');
  await say(server, 'private-encrypted-room', { secret: 1 });
  assert.deepEqual(await heard, { secret: 1 });
  const told = next(eve, 'utakata:history');
  eve.send_event('utakata:history', { channel: 'private-encrypted-room' });
  const { messages: [sealed] } = await told;
  assert.deepEqual(Object.keys(JSON.parse(sealed.data)).sort(), ['ciphertext', 'nonce']);
  assert.deepEqual([sealed], (await page(server, 'private-encrypted-room')).messages);
});

test('whichever worker is asked, the page is the same', async () => {
  const server = await start('--timelines', '--workers', '3');
  const numbers = [...Array(20).keys()];
  await say(server, 'news', ...numbers);
  const asked = async () => {
    const all = await Promise.all(numbers.map(() => page(server, 'news', { limit: 15 })));
    for (const one of all) assert.deepEqual([texts(one), one.newest, one.more], [numbers.slice(5), 20, true]);
    assert.equal(new Set(all.map(({ epoch }) => epoch)).size, 1);
    return true;
  };
  await wait_for(asked, { what: 'all to have heard all' });
});

test('servers of one Redis have the same pages, also one that comes later, also after it was away', async () => {
  let store = await redis();
  ends.push(() => store.stop());
  const options = ['--timelines', '--redis', store.url];
  const [one, two] = [await start(...options), await start(...options)];
  const ann = pusher(one);
  const story = await reads(ann, 'story'); // before anything was said there
  await wait_for(async () => {
    await say(two, 'story', 'ready?');
    return (await page(one, 'story')).newest > 0;
  }, { every: 100, what: 'them to hear one another' });
  for (let i = 0; i < 70; ++i) await say(i % 2 ? one : two, 'story', i);
  const later = await start(...options);
  const whole = async (server, last) => {
    const all = [];
    let before, shown;
    do {
      shown = await page(server, 'story', { limit: 30, ...(before && { before }) });
      all.unshift(...shown.messages);
      before = shown.messages[0]?.offset;
    } while (shown.more);
    assert.deepEqual(all.at(-1)?.data, last);
    return { epoch: shown.epoch, all };
  };
  const same = async (servers, last) => {
    const [first, ...others] = await Promise.all(servers.map((each) => wait_for(() => whole(each, last), { what: 'all of it' })));
    for (const other of others) assert.deepEqual(other, first);
    return first;
  };
  const { all, epoch } = await same([one, two, later], '69');
  assert.deepEqual(all.map(({ offset }) => offset), all.map((_, i) => all[0].offset + i));
  const told = next(story, 'utakata:history');
  ann.send_event('utakata:history', { channel: 'story', limit: 100 });
  assert.deepEqual(await told, { epoch, newest: all.at(-1).offset, messages: all.slice(-100), more: all.length > 100 });

  const { port } = store;
  await store.stop();
  await wait_for(() => [one, two, later].every((each) => each.errors().includes('Redis: ')), { what: 'all to notice' });
  await same([one, two, later], '69'); // as far as each knows
  await say(one, 'story', 'meanwhile');
  store = await redis(port);
  const anew = await same([one, two, later], 'meanwhile');
  assert.notEqual(anew.epoch, epoch, 'an empty Redis begins anew');
  assert.equal(anew.all[0].offset, 1);
});
