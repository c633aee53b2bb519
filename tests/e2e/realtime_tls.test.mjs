// utakata-realtime by TLS of its own: wss for pusher-js and for many, https for who publishes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import PusherServer from 'pusher';
import Pusher from 'pusher-js';
import WebSocket from 'ws';
import { app, realtime } from './kit/realtime.mjs';
import { wait_for } from './kit/wait.mjs';

const folder = mkdtempSync(join(tmpdir(), 'realtime-tls-'));
const certificate = join(folder, 'certificate.pem');
const key = join(folder, 'key.pem');
let server;
let api;

// Self-signed, for 127.0.0.1. Each file is replaced whole, as who renews certificates does.
function makes_certificate(name) {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', `${key}.new`, '-out', `${certificate}.new`], { stdio: 'ignore' });
  renameSync(`${key}.new`, key);
  renameSync(`${certificate}.new`, certificate);
  return readFileSync(certificate);
}

// A client that trusts `ca` alone, and what it was told.
async function comes(ca, channel, port = server.tls_port) {
  const socket = new WebSocket(`wss://127.0.0.1:${port}/app/${app.key}?protocol=7`, { ca });
  const one = { socket, said: [], code: null };
  socket.on('error', (error) => one.error = error);
  socket.on('close', (code) => one.code = code);
  socket.on('message', (text) => one.said.push(JSON.parse(text)));
  const hears = (event) => wait_for(() => one.said.some((said) => said.event === event), { what: event });
  await hears('pusher:connection_established');
  one.name = socket._socket.getPeerCertificate().subject.CN;
  socket.send(JSON.stringify({ event: 'pusher:subscribe', data: { channel } }));
  await hears('pusher_internal:subscription_succeeded');
  return one;
}
const heard = (one, event) => one.said.filter((said) => said.event === event).map((said) => JSON.parse(said.data));
const gets = (path, port, ca) => new Promise((resolve, reject) => {
  https.get({ host: '127.0.0.1', port, path, ca, agent: false }, async (response) => {
    let body = '';
    for await (const part of response) body += part;
    resolve({ status: response.statusCode, body });
  }).on('error', reject);
});
const stats = async () => (await fetch(`${server.url}/stats`)).json();

before(async () => {
  makes_certificate('first');
  server = await realtime('--tls-certificate', certificate, '--tls-key', key, '--tls-port', '0');
  api = new PusherServer({ ...app, host: '127.0.0.1', port: server.port, useTLS: false });
});
after(async () => {
  assert.equal(await server.stop(), 0, 'it ends by SIGTERM in order');
  rmSync(folder, { recursive: true });
});

test('pusher-js comes by wss, the server SDK by https, and who comes in the clear is there too', async () => {
  // Neither can be given an authority of one's own in the process.
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  const options = { cluster: '', wsHost: '127.0.0.1', enabledTransports: ['ws', 'wss'], disableStats: true };
  const clients = [
    new Pusher(app.key, { ...options, forceTLS: true, wssPort: server.tls_port }),
    new Pusher(app.key, { ...options, forceTLS: false, wsPort: server.port }),
  ];
  try {
    await Promise.all(clients.map((client) => new Promise((resolve) => {
      client.subscribe('mixed').bind('pusher:subscription_succeeded', resolve);
    })));
    const both = Promise.all(clients.map((client) => new Promise((resolve) => client.channel('mixed').bind('said', resolve))));
    const by_https = new PusherServer({ ...app, host: '127.0.0.1', port: server.tls_port, useTLS: true });
    assert.equal((await by_https.trigger('mixed', 'said', { text: 'hällo' })).status, 200);
    assert.deepEqual(await both, [{ text: 'hällo' }, { text: 'hällo' }]);
  } finally {
    for (const client of clients) client.disconnect();
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  }
});

test('a broadcast reaches 50 clients by wss, whole and in order', async () => {
  const ca = readFileSync(certificate);
  const clients = await Promise.all(Array.from({ length: 50 }, () => comes(ca, 'crowd')));
  for (let i = 0; i < 20; ++i) await api.trigger('crowd', 'said', { i, much: 'x'.repeat(i * 400) });
  await wait_for(() => clients.every((one) => heard(one, 'said').length === 20), { what: 'all to hear all' });
  for (const one of clients)
    assert.deepEqual(heard(one, 'said').map(({ i, much }) => [i, much.length]), Array.from({ length: 20 }, (_, i) => [i, i * 400]));
  for (const one of clients) one.socket.close(1000);
  await wait_for(() => clients.every((one) => one.code !== null), { what: 'all to go' });
  assert.deepEqual([...new Set(clients.map((one) => one.code))], [1000], 'each close was answered');
});

test('who reads too slowly by wss is cut, and the others hear everything', async () => {
  const ca = readFileSync(certificate);
  const [slow, lively] = await Promise.all([comes(ca, 'flood'), comes(ca, 'flood')]);
  slow.socket._socket.pause();
  const batch = Array.from({ length: 10 }, () => ({ channel: 'flood', name: 'much', data: 'm'.repeat(9000) }));
  let sent = 0;
  while ((await stats()).cut_for_slowness === 0) {
    assert.ok(sent < 5000, 'the buffers on the way are not that large');
    for (let i = 0; i < 10; ++i, sent += batch.length) await api.triggerBatch(batch);
  }
  await wait_for(() => lively.said.filter((said) => said.event === 'much').length === sent, { what: 'the lively one to hear all' });
  assert.equal((await stats()).cut_for_slowness, 1);
  slow.socket._socket.resume();
  await wait_for(() => slow.code !== null, { what: 'the slow one to see that it was cut' });
  assert.equal(slow.code, 1006);
  assert.equal(lively.code, null);
  lively.socket.close();
});

test('the certificate is replaced while clients are here: they stay, and who comes then is shown the new one', async () => {
  const before = await comes(readFileSync(certificate), 'renewed');
  assert.equal(before.name, 'first');
  const ca = makes_certificate('second');
  await wait_for(() => server.errors().includes('was read anew'), { what: 'the certificate to be read' });
  const after = await comes(ca, 'renewed');
  assert.equal(after.name, 'second');
  await api.trigger('renewed', 'said', 1);
  await wait_for(() => [before, after].every((one) => heard(one, 'said').length === 1), { what: 'both to hear it' });

  writeFileSync(certificate, 'no certificate');
  await wait_for(() => server.errors().includes('the old one stays in use'), { what: 'the bad one to be refused' });
  const later = await comes(ca, 'renewed');
  assert.equal(later.name, 'second');
  for (const one of [before, after, later]) one.socket.close();
});

test('TLS only: all is at the one port, and who speaks in the clear there is sent away', async () => {
  const ca = makes_certificate('only');
  const only = await realtime('--tls-certificate', certificate, '--tls-key', key);
  try {
    assert.equal(only.port, only.tls_port);
    assert.deepEqual(await gets('/healthz', only.tls_port, ca), { status: 200, body: 'ok\n' });
    const one = await comes(ca, 'any', only.tls_port);
    assert.equal(JSON.parse((await gets('/stats', only.tls_port, ca)).body).connections, 1);
    await assert.rejects(fetch(`http://127.0.0.1:${only.port}/healthz`));
    await assert.rejects(gets('/healthz', only.tls_port, undefined), /self-signed/);
    one.socket.close();
  } finally {
    assert.equal(await only.stop(), 0);
  }
});

test('a certificate that is none is named before anybody is let in', async () => {
  const none = join(folder, 'none.pem');
  await assert.rejects(realtime('--tls-certificate', none, '--tls-key', key), (error) => {
    assert.match(error.message, /ended \(2\)/);
    return error.message.includes(none);
  });
  await assert.rejects(realtime('--tls-certificate', certificate), /--tls-key/);
});
