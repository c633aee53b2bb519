// https: and wss: of virtual users, by the OpenSSL that Node has, against servers of Node's.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { as, fetch, fetch_for, someone, trust, WebSocket } from './kit/engine.mjs';
import { wait_for } from './kit/wait.mjs';

const folder = mkdtempSync(join(tmpdir(), 'load-tls-'));
const certificate = join(folder, 'certificate.pem'), key = join(folder, 'key.pem');
let server, port, told;  // of the last handshake: the name, and the protocol that was chosen

before(async () => {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=nobody',
    '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost', '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  server = https.createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, async (request, response) => {
    let size = 0;
    for await (const part of request) size += part.length;
    response.setHeader('set-cookie', 'seen=yes; Secure');
    response.end(`${request.method} ${size} ${request.headers.cookie ?? ''}`);
  });
  server.on('secureConnection', (socket) => {
    server.handshakes = (server.handshakes ?? 0) + 1;
    told = [socket.servername, socket.alpnProtocol];
  });
  new WebSocketServer({ server }).on('connection', (socket, request) => {
    socket.send(request.headers.cookie ?? 'no cookie');
    socket.on('message', (data, is_binary) => (data.length === 5 && String(data) === 'leave' ? socket.close(4001, 'so') : socket.send(data, { binary: is_binary })));
  });
  await new Promise((go) => server.listen(0, 'localhost', go));
  ({ port } = server.address());
});
after(() => {
  rmSync(folder, { recursive: true });
  server.closeAllConnections();
  server.close();
  setTimeout(() => process.exit(), 200);  // the engine does not end by itself
});
const fails = async (promise) => promise.then(() => assert.fail('it did not fail'), (error) => error);

// Opens, and is told: what it heard, and how it ended.
function opens(url) {
  const socket = new WebSocket(url), one = { socket, heard: [], error: null, close: null };
  socket.binaryType = 'arraybuffer';
  socket.onmessage = ({ data }) => one.heard.push(data);
  socket.onerror = (event) => (one.error = event);
  socket.onclose = (event) => (one.close = event);
  return one;
}

test('nobody is believed whom the system does not vouch for', async () => {
  const error = await fails(fetch(`https://127.0.0.1:${port}/`));
  assert.deepEqual([error.phase, /self-signed certificate/.test(error.message)], ['tls', true], error.message);
  const one = opens(`wss://127.0.0.1:${port}/`);
  await wait_for(() => one.close);
  assert.deepEqual([one.error.phase, one.error.message, one.close.code], ['tls', 'self-signed certificate', 1006]);
});

test('a file of authorities: by name and by address, and only these', async () => {
  assert.throws(() => trust('/no/such/file.pem'), /\/no\/such\/file\.pem/);
  trust(certificate);
  const user = someone();
  assert.equal(await (await fetch_for(user)(`https://localhost:${port}/`)).text(), 'GET 0 ');
  assert.deepEqual(told, ['localhost', 'http/1.1']);
  const handshakes = server.handshakes;
  assert.equal(await (await fetch_for(user)(`https://localhost:${port}/`, { method: 'POST', body: 'x'.repeat(5_000_000) })).text(), 'POST 5000000 seen=yes');
  assert.equal(server.handshakes, handshakes, 'the connection was kept');
  assert.equal((await fetch(`https://127.0.0.1:${port}/`)).status, 200);
  assert.deepEqual(told, [false, 'http/1.1'], 'an address is no name to be told');
  const plain = net.createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await new Promise((go) => plain.listen(0, '127.0.0.1', go));
  assert.equal((await fails(fetch(`https://127.0.0.1:${plain.address().port}/`))).phase, 'tls');
  plain.close();
});

test('wss: with the cookies of https:, small and large, and closed by code', async () => {
  const user = someone();
  await fetch_for(user)(`https://localhost:${port}/`);
  const one = await as(user, () => opens(`wss://localhost:${port}/`));
  await wait_for(() => one.heard.length === 1, { what: 'the greeting' });
  assert.equal(one.heard[0], 'seen=yes');
  assert.equal(told[0], 'localhost');
  const large = new Uint8Array(3_000_000).map((_, at) => at % 251);
  for (let i = 0; i < 3; ++i) one.socket.send(large);
  one.socket.send('hällo');
  await wait_for(() => one.heard.length === 5, { what: 'the echoes' });
  for (const echo of one.heard.slice(1, 4)) assert.ok(Buffer.from(echo).equals(Buffer.from(large)));
  assert.equal(one.heard[4], 'hällo');
  one.socket.send('leave');
  await wait_for(() => one.close);
  assert.deepEqual([one.close.code, one.close.reason, one.close.wasClean, one.error], [4001, 'so', true, null]);
});

test('insecure: anybody is believed', async () => {
  trust('', true);
  assert.equal((await fetch(`https://127.0.0.1:${port}/`)).status, 200);
});
