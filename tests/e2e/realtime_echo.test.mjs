// utakata-realtime under Laravel Echo, unchanged, and broadcasts as Laravel sends them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import EchoModule from 'laravel-echo';
import Pusher from 'pusher-js';
import { laravel } from './kit/laravel.mjs';
import { app, realtime } from './kit/realtime.mjs';
import { wait_for } from './kit/wait.mjs';

const Echo = EchoModule.default ?? EchoModule;
let server, site;
const open = [];

// `broadcaster`: pusher, or reverb, which is what a new Laravel application says.
function echo(user, { broadcaster = 'reverb' } = {}) {
  const one = new Echo({
    broadcaster, Pusher, key: app.key, cluster: '', wsHost: '127.0.0.1', wsPort: server.port, forceTLS: false,
    enabledTransports: ['ws'], authEndpoint: `${site.url}/broadcasting/auth`, bearerToken: user,
    auth: { headers: {} }, // its own: that of Echo's defaults is one for all in a process, and a token with it
  });
  open.push(one);
  return one;
}
// One for whom `done` has been called with something.
const told = (listen) => new Promise((resolve) => listen(resolve));
const subscribed = (channel) => new Promise((resolve, reject) => channel.subscribed(() => resolve(channel)).error(reject));

before(async () => {
  server = await realtime('--client-events');
  site = await laravel({ port: server.port });
});
after(async () => {
  for (const one of open) one.disconnect();
  site.stop();
  assert.equal(await server.stop(), 0);
});

for (const broadcaster of ['reverb', 'pusher'])
  test(`as ${broadcaster}: a broadcast is heard under its own name, and under that of its class`, async () => {
    const orders = await subscribed(echo('ann', { broadcaster }).channel('orders'));
    const all = [];
    orders.listenToAll((event, data) => all.push([event, data.id]));
    const own = told((done) => orders.listen('.orders.shipped', done));
    const by_class = told((done) => orders.listen('OrderShipped', done));
    await site.broadcast(['orders'], 'orders.shipped', { id: 7, to: 'Kyōto' });
    await site.broadcast(['orders'], 'App\\Events\\OrderShipped', { id: 8 });
    assert.deepEqual(await own, { id: 7, to: 'Kyōto', socket: null });
    assert.deepEqual(await by_class, { id: 8, socket: null });
    assert.deepEqual(all, [['.orders.shipped', 7], ['OrderShipped', 8]]);
  });

test('toOthers: who caused it does not hear it', async () => {
  const [ann, bob] = [echo('ann'), echo('bob')];
  const [anns, bobs] = await Promise.all([ann, bob].map((one) => subscribed(one.channel('lists'))));
  const heard = [];
  anns.listen('.changed', ({ n }) => heard.push(`ann ${n}`));
  bobs.listen('.changed', ({ n }) => heard.push(`bob ${n}`));
  await site.broadcast(['lists'], 'changed', { n: 1 }, ann.socketId());
  await site.broadcast(['lists'], 'changed', { n: 2 });
  await wait_for(() => heard.length >= 3);
  assert.deepEqual(heard.sort(), ['ann 2', 'bob 1', 'bob 2']);
});

test('a private channel is for whom the application lets in, and they whisper to each other', async () => {
  const [ann, bob] = [echo('ann'), echo('bob')];
  const [anns, bobs] = await Promise.all([ann, bob].map((one) => subscribed(one.private('orders.12'))));
  const typing = told((done) => bobs.listenForWhisper('typing', done));
  let ann_heard = 0;
  anns.listenForWhisper('typing', () => ann_heard++);
  anns.whisper('typing', { name: 'Ann' });
  assert.deepEqual(await typing, { name: 'Ann' });
  const heard = Promise.all([anns, bobs].map((one) => told((done) => one.listen('.orders.shipped', done))));
  await site.broadcast(['private-orders.12', 'private-orders.13'], 'orders.shipped', { id: 12 });
  assert.deepEqual((await heard).map(({ id }) => id), [12, 12]);
  assert.equal(ann_heard, 0, 'who whispers does not hear it');

  await assert.rejects(subscribed(ann.private('orders.closed')), (error) => error.status === 403);
  await assert.rejects(subscribed(echo('nobody').private('orders.12')), (error) => error.status === 403);
});

test('who is here, who joins, who leaves', async () => {
  const [ann, bob] = [echo('ann'), echo('bob')];
  const here = await told((done) => ann.join('room.1').here(done));
  assert.deepEqual(here, [{ id: 1, name: 'Ann' }]);
  const heard = [];
  ann.join('room.1').joining(({ name }) => heard.push(`+${name}`)).leaving(({ name }) => heard.push(`-${name}`));
  const both = await told((done) => bob.join('room.1').here(done));
  assert.deepEqual(both.map(({ name }) => name).sort(), ['Ann', 'Bob']);
  const second_tab = echo('bob');
  await told((done) => second_tab.join('room.1').here(done));
  const wave = told((done) => ann.join('room.1').listenForWhisper('wave', done));
  bob.join('room.1').whisper('wave', { hand: 'left' });
  assert.deepEqual(await wave, { hand: 'left' });
  bob.leave('room.1');
  const info = await told((done) => echo('cid').join('room.1').here(done));
  assert.deepEqual(info.map(({ name }) => name).sort(), ['Ann', 'Bob', 'Cid'], 'Bob has another tab');
  second_tab.disconnect();
  await wait_for(() => heard.includes('-Bob'));
  assert.deepEqual(heard, ['+Bob', '+Cid', '-Bob']);
});

test('who leaves a channel hears nothing more of it', async () => {
  const ann = echo('ann');
  const heard = [];
  const [left, kept] = await Promise.all(['left', 'kept'].map((name) => subscribed(ann.channel(name))));
  for (const channel of [left, kept]) channel.listen('.said', () => heard.push(channel.name));
  ann.leave('left');
  await site.broadcast(['left', 'kept'], 'said', {});
  await wait_for(() => heard.length > 0);
  const again = await subscribed(ann.channel('left'));
  const once_more = told((done) => again.listen('.said', done));
  await site.broadcast(['left'], 'said', {});
  await once_more;
  assert.deepEqual(heard, ['kept']);
});
