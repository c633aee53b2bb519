// utakata-realtime among others: it is drained, watched, lent time, given other tenants, and ends in order.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import WebSocket from 'ws';
import { app, realtime, realtime_with } from './kit/realtime.mjs';
import { wait_for } from './kit/wait.mjs';

const token = 'of-this-instance';
const told = (server, method, path, body, shown = token) => fetch(`${server.url}${path}`, {
  method, body, headers: { authorization: `Bearer ${shown}` },
});
const stats = async (server) => (await fetch(`${server.url}/stats`)).json();

// A bare client: what it was told, and how it ended.
function comes(server, { key = app.key, ...options } = {}) {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/app/${key}?protocol=7`, options);
  const one = { socket, said: [], code: null };
  socket.on('message', (text) => one.said.push(JSON.parse(text)));
  socket.on('error', () => {});
  one.ended = new Promise((resolve) => {
    socket.on('close', (code) => resolve(one.code = code));
    socket.on('unexpected-response', (request, response) => {
      request.destroy();
      resolve(response.statusCode);
    });
  });
  one.hears = (event) => wait_for(() => one.said.find((said) => said.event === event), { what: event });
  return one;
}
async function is_in(server, options) {
  const one = comes(server, options);
  await one.hears('pusher:connection_established');
  return one;
}

test('told to drain it lets nobody in, asks its clients to go at the pace given, and says when it is empty', async () => {
  const server = await realtime();
  try {
    const clients = await Promise.all(Array.from({ length: 6 }, () => is_in(server)));
    assert.equal((await told(server, 'POST', '/drain', '{}', 'guessed')).status, 401);
    assert.equal((await told(server, 'POST', '/drain', '{}')).status, 400);
    assert.equal((await stats(server)).draining, false);
    const order = (state, close) => told(server, 'POST', '/drain', JSON.stringify({ state, deadline_ms: null, ...(close && { close }) }));

    assert.equal((await order('serving', { pace: 100, most: 2 })).status, 200);
    await wait_for(async () => (await stats(server)).connections === 4, { what: 'two to be shed' });
    clients.push(await is_in(server));

    assert.equal((await order('draining')).status, 200);
    assert.equal(await comes(server).ended, 503);
    assert.equal((await stats(server)).connections, 5, 'nobody is asked to go without a pace');

    assert.equal((await order('draining', { pace: 100, most: null, ask: `${server.url}/x`, reconnects: false })).status, 200);
    assert.deepEqual(await Promise.all(clients.map((one) => one.ended)), Array(7).fill(4200));
    const now = await stats(server);
    assert.deepEqual([now.connections, now.draining, now.accepted, now.refused], [0, true, 7, 1]);
  } finally {
    assert.equal(await server.stop(), 0);
  }
});

test('by SIGTERM everybody is told to come back, and it ends as soon as they have gone', async () => {
  const server = await realtime('--stop-within', '30');
  const clients = await Promise.all(Array.from({ length: 20 }, () => is_in(server)));
  const deaf = await is_in(server);
  assert.equal(await server.stop(), 0);
  assert.deepEqual(await Promise.all(clients.map((one) => one.ended)), Array(20).fill(4200));
  assert.equal(await deaf.ended, 4200);
});

test('who says nothing is asked, and told to come back when it does not answer', async () => {
  const server = await realtime('--activity-timeout', '1');
  try {
    const [mute, quiet, lively] = await Promise.all([is_in(server), is_in(server), is_in(server)]);
    assert.equal(JSON.parse(mute.said[0].data).activity_timeout, 1);
    quiet.socket.send('{"event":"pusher:ping","data":{}}');
    lively.socket.on('message', (text) => {
      if (JSON.parse(text).event === 'pusher:ping') lively.socket.send('{"event":"pusher:pong","data":{}}');
    });
    assert.equal(await mute.ended, 4202);
    assert.equal(await quiet.ended, 4201);
    assert.equal(lively.code, null);
    assert.ok(lively.said.some((said) => said.event === 'pusher:ping'));
    assert.ok(mute.said.some((said) => said.event === 'pusher:ping'));
  } finally {
    await server.stop();
  }
});

test('what it was lent ends, and with it the server', async () => {
  const server = await realtime();
  const client = await is_in(server);
  const ended = new Promise((resolve) => server.child.once('exit', resolve));
  assert.equal((await told(server, 'PUT', '/lease?ms=60000')).status, 200);
  assert.equal((await told(server, 'PUT', '/lease?ms=0')).status, 400);
  assert.equal((await told(server, 'PUT', '/lease?ms=200', undefined, 'guessed')).status, 401);
  assert.equal((await told(server, 'PUT', '/lease?ms=200')).status, 200);
  assert.equal(await ended, 3);
  assert.equal(await client.ended, 1006);
});

test('a first lease ends it where nobody lends it more', async () => {
  const server = await realtime('--lease', '2');
  const began = performance.now();
  const ended = new Promise((resolve) => server.child.once('exit', resolve));
  assert.equal((await told(server, 'PUT', '/lease?ms=3000')).status, 200);
  assert.equal(await ended, 3);
  assert.ok(performance.now() - began > 2500, 'what it was lent later counts');
});

test('tenants come from a file, which is read again when it changes; one that is wrong changes nothing', async () => {
  const folder = mkdtempSync('/tmp/utakata-tenants-');
  const file = join(folder, 'tenants.yaml');
  const tenant = (name, more = '') => `  ${name}: { id: ${name}-1, key: ${name}, secret: s-${name}${more} }\n`;
  writeFileSync(file, `apps:\n${tenant('show', ', limits: { connections: 2 }, origins: [ "https://show.example" ]')}${tenant('game')}`);
  const server = await realtime_with(['--tenants', file]);
  try {
    const [one, two] = [await is_in(server, { key: 'show' }), await is_in(server, { key: 'show', origin: 'https://show.example' })];
    assert.equal(await comes(server, { key: 'show' }).ended, 4004, 'it has two already');
    const gamer = await is_in(server, { key: 'game' });
    await is_in(server, { key: 'game', origin: 'https://other.example' });

    writeFileSync(file, `apps:\n${tenant('show', ', limit: 3')}`);
    server.child.kill('SIGHUP');
    await wait_for(() => server.errors().includes('left as it was'), { what: 'the mistake to be told' });
    assert.match(server.errors(), /:2:\d+: `limit` is not a key here, did you mean `limits`\?/);
    assert.equal((await stats(server)).connections, 4);

    writeFileSync(file, `apps:\n${tenant('show', ', limits: { connections: 3 }, origins: [ "https://show.example" ]')}${tenant('chat')}`);
    assert.equal(await gamer.ended, 4001, 'its tenant is gone');
    assert.equal(await comes(server, { key: 'show', origin: 'https://evil.example' }).ended, 4009);
    const three = await is_in(server, { key: 'show' });
    await is_in(server, { key: 'chat' });
    assert.deepEqual([one.code, two.code], [null, null], 'who was here stays');
    assert.equal(await comes(server, { key: 'game' }).ended, 4001);

    writeFileSync(file, `apps:\n${tenant('show', ', enabled: false')}`);
    assert.deepEqual(await Promise.all([one, two, three].map((each) => each.ended)), [4003, 4003, 4003]);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    assert.match(metrics, /^realtime_connections\{app="show-1"\} 0$/m);
    assert.match(metrics, /^realtime_accepted_total 6$/m);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true });
  }
});

test('it names what is wrong with its options, and does not start', async () => {
  const folder = mkdtempSync('/tmp/utakata-tenants-');
  const file = join(folder, 'tenants.yaml');
  writeFileSync(file, 'apps: { a: { id: 1, key: k } }');
  await assert.rejects(realtime_with(['--tenants', file]), /ended \(2\).*`a` needs the key `secret`/);
  await assert.rejects(realtime_with(['--tenants', `${file}.none`]), /ended \(2\).*cannot be read/);
  await assert.rejects(realtime_with(['--app', '1:a:s', '--app', '1:b:s']), /ended \(2\).*each needs its own/);
  await assert.rejects(realtime_with([]), /ended \(2\).*Name a tenant/);
  rmSync(folder, { recursive: true });
});
