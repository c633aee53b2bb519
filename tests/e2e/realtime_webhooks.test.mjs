// Webhooks of utakata-realtime, taken by a real server and read by the `pusher` SDK, unchanged.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import PusherServer from 'pusher';
import WebSocket from 'ws';
import { app, realtime_with } from './kit/realtime.mjs';
import { wait_for } from './kit/wait.mjs';

const folder = mkdtempSync('/tmp/utakata-webhooks-');
const api = new PusherServer({ ...app, host: '127.0.0.1', port: 1, useTLS: false });
const told = [];       // events, in the order in which they came
const times = [];      // ms from one POST to the next
let refusals = 0;      // how many of the next POSTs are answered 500
let hook, server;

before(async () => {
  hook = createServer((request, response) => {
    let rawBody = '';
    request.on('data', (bytes) => rawBody += bytes);
    request.on('end', () => {
      times.push(performance.now());
      const webhook = api.webhook({ headers: request.headers, rawBody });
      response.statusCode = refusals > 0 ? 500 : 200;
      if (refusals > 0) refusals -= 1;
      else if (webhook.isValid()) told.push(...webhook.getEvents());
      else told.push({ name: 'of nobody', rawBody });
      response.end();
    });
  });
  await new Promise((resolve) => hook.listen(0, '127.0.0.1', resolve));
  const file = join(folder, 'tenants.yaml');
  writeFileSync(file, `apps:
  show:
    id: "${app.appId}"
    key: ${app.key}
    secret: ${app.secret}
    client_events: true
    webhooks:
      - url: http://127.0.0.1:${hook.address().port}/hook
        headers: [ "X-Of: show" ]
`);
  server = await realtime_with(['--tenants', file]);
});
after(async () => {
  await server.stop();
  hook.close();
  rmSync(folder, { recursive: true });
});

async function comes(channel, user) {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/app/${app.key}?protocol=7`);
  const said = [];
  socket.on('message', (text) => said.push(JSON.parse(text)));
  const of = (event) => wait_for(() => said.find((one) => one.event === event), { what: event });
  const id = JSON.parse((await of('pusher:connection_established')).data).socket_id;
  const auth = channel.startsWith('p') ? api.authorizeChannel(id, channel, user && { user_id: user }) : {};
  socket.send(JSON.stringify({ event: 'pusher:subscribe', data: { channel, ...auth } }));
  await of('pusher_internal:subscription_succeeded');
  return { socket, id };
}
const of = (channel) => told.filter((event) => event.channel === channel).map((event) => event.name);

test('what happens on channels is told, signed and in order; who is back within the grace was not away', async () => {
  const ann = await comes('presence-room', 'ann');
  const bob = await comes('presence-room', 'bob');
  ann.socket.send(JSON.stringify({ event: 'client-wave', channel: 'presence-room', data: { hand: 'left' } }));
  await wait_for(() => of('presence-room').length === 4, { what: 'four events' });
  assert.deepEqual(of('presence-room'), ['channel_occupied', 'member_added', 'member_added', 'client_event']);
  assert.deepEqual(told.find((event) => event.name === 'client_event'), {
    name: 'client_event', channel: 'presence-room', event: 'client-wave', data: '{"hand":"left"}', socket_id: ann.id, user_id: 'ann',
  });

  bob.socket.close();
  const again = await comes('presence-room', 'bob');
  again.socket.close();
  await wait_for(() => of('presence-room').includes('member_removed'), { what: 'bob to be gone' });
  assert.deepEqual(of('presence-room').slice(4), ['member_removed'], 'the reload is not told');
  ann.socket.close();
  await wait_for(() => of('presence-room').includes('channel_vacated'), { what: 'the room to be empty' });
  assert.deepEqual(of('presence-room').slice(5).sort(), ['channel_vacated', 'member_removed']);
});

test('a server that fails is tried again, later each time, and nothing is lost or doubled', async () => {
  refusals = 2;
  const first = times.length;
  const reader = await comes('cache-news');
  await wait_for(() => of('cache-news').length === 2, { what: 'it to be taken' });
  assert.deepEqual(of('cache-news').sort(), ['cache_miss', 'channel_occupied']);
  assert.equal(times.length - first, 3, 'refused twice');
  const [a, b, c] = times.slice(first);
  assert.ok(c - b > b - a, `waits grow: ${[b - a, c - b]}`);
  reader.socket.close();
  assert.match(await (await fetch(`${server.url}/metrics`)).text(), /^realtime_webhook_events_total\{app="1"\} \d+$/m);
});
