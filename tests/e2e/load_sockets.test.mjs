// WebSockets of virtual users, over the native engine, against servers of npm's `ws` and bare ones: compression, addresses, phases.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { defaults, engine, fetch, WebSocket } from './kit/engine.mjs';
import { wait_for } from './kit/wait.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const servers = [];
after(() => {
  for (const server of servers) server.close();
  setTimeout(() => process.exit(), 200);  // the engine does not end by itself
});

// Echoes to whoever comes.
async function echoes(options = {}) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...options });
  const one = { server, sockets: [], requests: [] };
  server.on('connection', (socket, request) => {
    one.sockets.push(socket);
    one.requests.push(request);
    socket.on('error', () => {});
    socket.on('message', (data, is_binary) => socket.send(data, { binary: is_binary }));
  });
  await new Promise((go) => server.on('listening', go));
  servers.push({ close: () => (server.clients.forEach((client) => client.terminate()), server.close()) });
  one.port = server.address().port;
  one.url = `ws://127.0.0.1:${one.port}/`;
  return one;
}
async function bare(say) {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (data) => say(socket, data));
  });
  await new Promise((go) => server.listen(0, '127.0.0.1', go));
  servers.push(server);
  return `ws://127.0.0.1:${server.address().port}/`;
}
function opens(url, ...rest) {
  const socket = new WebSocket(url, ...rest), one = { socket, heard: [], error: null, close: null, is_open: false };
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => (one.is_open = true);
  socket.onmessage = ({ data }) => one.heard.push(data);
  socket.onerror = (event) => (one.error = event);
  socket.onclose = (event) => (one.close = event);
  return one;
}
const totals = {};
function counted() {
  for (const [name, count] of JSON.parse(engine.take()).counters) totals[name] = (totals[name] ?? 0) + count;
  return { ...totals };
}
const since = (before, name) => (counted()[name] ?? 0) - (before[name] ?? 0);

const texts = ['', 'tiny', 'x'.repeat(300), 'ä€😀'.repeat(700), JSON.stringify(Array.from({ length: 5000 }, (_, n) => ({ n, is: 'seat' })))];
const bytes = new Uint8Array(100_000).map((_, at) => (at * at) % 251);

test('compression is agreed on with ws in each of its settings, and all arrives in both directions', async () => {
  const agreed = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';
  const table = [
    [{ perMessageDeflate: true }, agreed],
    [{ perMessageDeflate: { threshold: 0 } }, agreed],
    [{ perMessageDeflate: { threshold: 0, serverMaxWindowBits: 9 } }, `${agreed}; server_max_window_bits=9`],
    [{ perMessageDeflate: { threshold: 0, clientMaxWindowBits: 8 } }, `${agreed}; client_max_window_bits=8`],
    [{ perMessageDeflate: false }, ''],
  ];
  for (const [options, extensions] of table) {
    const server = await echoes(options);
    const one = opens(server.url, [], { compression: true });
    await wait_for(() => one.is_open, { what: `to be open: ${one.error?.message}` });
    assert.equal(one.socket.extensions, extensions);
    const told = server.sockets[0]._socket.bytesRead;
    for (const text of texts) one.socket.send(text);
    one.socket.send(bytes);
    await wait_for(() => one.heard.length === texts.length + 1, { what: 'the echoes' });
    assert.deepEqual(one.heard.slice(0, -1), texts);
    assert.ok(Buffer.from(one.heard.at(-1)).equals(Buffer.from(bytes)));
    const sent = server.sockets[0]._socket.bytesRead - told, whole = texts.reduce((sum, text) => sum + Buffer.byteLength(text), bytes.length);
    assert.equal(sent < whole / 2, extensions !== '' && !extensions.includes('client_max_window_bits'), `${extensions}: ${sent} of ${whole}`);
    one.socket.close();
    await wait_for(() => one.close);
    assert.equal(one.socket.extensions, extensions);
  }
});

test('it is off unless it is asked for, by the socket or for all that do not say', async () => {
  const server = await echoes({ perMessageDeflate: true });
  const asked = () => server.requests.at(-1).headers['sec-websocket-extensions'];
  const offer = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits';
  const table = [[undefined, false, undefined], [{ compression: true }, false, offer], [undefined, true, offer], [{ compression: false }, true, undefined]];
  for (const [options, by_default, wanted] of table) {
    defaults.compression = by_default;
    const one = opens(server.url, [], options);
    await wait_for(() => one.is_open);
    assert.equal(asked(), wanted);
    assert.equal(one.socket.extensions !== '', wanted !== undefined);
  }
  defaults.compression = false;
});

test('a server that would keep what it sent, or compresses unasked, is no partner', async () => {
  const table = [
    [true, 'permessage-deflate', '', 'handshake'],
    [false, 'permessage-deflate; server_no_context_takeover', '', 'handshake'],
    [false, '', '\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00', 'first_message'],
  ];
  const { createHash } = await import('node:crypto');
  for (const [compression, answer, more, phase] of table) {
    const url = await bare((socket, data) => {
      const key = /Sec-WebSocket-Key: (.*)\r/i.exec(data)[1];
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      socket.write(`HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${answer && `Sec-WebSocket-Extensions: ${answer}\r\n`}\r\n${more}`, 'latin1');
    });
    const before = counted();
    const one = opens(url, [], { compression });
    await wait_for(() => one.close);
    assert.deepEqual([one.error.phase, one.error.kind, one.close.code, one.heard], [phase, 'malformed', 1006, []], one.error.message);
    assert.equal(since(before, `ws_errors{error=malformed,phase=${phase}}`), 1);
  }
});

test('failures are counted by phase and kind, ends by their code, and the first message is timed', async () => {
  const closed = await bare(() => {});
  servers.at(-1).close();
  const codes = await echoes();
  codes.server.on('connection', (socket, { url }) => {
    if (url === '/code') socket.close(4007, 'so');
    if (url === '/cut') socket.terminate();
    if (url === '/said') socket.send('hi', () => socket.terminate());
  });
  const rejects = await bare((socket) => socket.end('HTTP/1.1 429 Slow Down\r\nContent-Length: 0\r\n\r\n'));
  const table = [
    [closed, 'error=refused,phase=connect', 'code=1006,phase=connect'],
    [closed.replace('ws:', 'wss:'), 'error=refused,phase=connect', 'code=1006,phase=connect'],
    [(await bare((socket) => socket.end('garbage'))).replace('ws:', 'wss:'), 'error=tls,phase=tls', 'code=1006,phase=tls'],
    [rejects, 'error=429,phase=handshake', 'code=1006,phase=handshake'],
    [await bare((socket) => socket.end()), 'error=hung_up,phase=handshake', 'code=1006,phase=handshake'],
    [`${codes.url}cut`, 'error=hung_up,phase=first_message', 'code=1006,phase=first_message'],
    [`${codes.url}said`, 'error=hung_up,phase=open', 'code=1006,phase=open'],
    [`${codes.url}code`, null, 'code=4007,phase=first_message'],
  ];
  for (const [url, error, end] of table) {
    const before = counted(), one = opens(url);
    await wait_for(() => one.close);
    const all = counted(), news = (name) => Object.keys(all).filter((key) => key.startsWith(`${name}{`) && all[key] > (before[key] ?? 0)).map((key) => key.slice(name.length + 1, -1));
    assert.deepEqual([news('ws_errors'), news('ws_closed')], [error ? [error] : [], [end]], `${url} ${one.error?.message}`);
  }
  const { trends } = await new Promise((go) => {
    counted();
    const one = opens(codes.url);
    one.socket.onopen = () => one.socket.send('echo');
    one.socket.onmessage = () => go(JSON.parse(engine.take()));
  });
  assert.match(JSON.stringify(trends), /ws_first_message/);
});

test('a name is asked for once, however many dial it; its addresses are tried in turn; failures are of the phase resolve', async (context) => {
  const server = await echoes(), { lookup } = dns.promises;
  context.after(() => { dns.promises.lookup = lookup; syncBuiltinESMExports(); });
  const asked = [], names = { 'two.example': ['::1', '127.0.0.1'], 'gone.example': ['::1'] };
  dns.promises.lookup = async (name, options) => {
    asked.push(name);
    assert.deepEqual(options, { all: true, verbatim: true });
    if (names[name]) return names[name].map((address) => ({ address, family: net.isIP(address) }));
    throw Object.assign(new Error(`getaddrinfo for ${name}`), { code: name === 'slow.example' ? 'EAI_AGAIN' : 'ENOTFOUND' });
  };
  syncBuiltinESMExports();
  const all = Array.from({ length: 200 }, () => opens(`ws://two.example:${server.port}/`));
  await wait_for(() => all.every((one) => one.is_open), { what: 'all to be open' });
  assert.deepEqual(asked, ['two.example']);
  const answer = await fetch(`http://two.example:${server.port}/`);
  assert.equal(answer.status, 426);
  assert.deepEqual(asked, ['two.example'], 'requests know it, too');

  const table = [['gone.example', 'error=refused,phase=connect'], ['none.example', 'error=no_such_host,phase=resolve'], ['slow.example', 'error=resolver,phase=resolve']];
  for (const [name, error] of table) {
    const before = counted();
    const dialled = Array.from({ length: 20 }, () => opens(`ws://${name}:${server.port}/`));
    const fetched = await Promise.allSettled(Array.from({ length: 5 }, () => fetch(`http://${name}:${server.port}/`)));
    await wait_for(() => dialled.every((one) => one.close));
    const phase = error.replace(/.*phase=/, ''), now = counted(), news = (key) => (now[key] ?? 0) - (before[key] ?? 0);
    assert.deepEqual([...new Set(dialled.map((one) => one.error.phase))], [phase]);
    assert.deepEqual([...new Set(fetched.map((one) => one.reason.phase))], [phase]);
    assert.deepEqual([news(`ws_errors{${error}}`), news(`ws_closed{code=1006,phase=${phase}}`), news(`http_errors{${error}}`), news('http_reqs')], [20, 20, 5, 5]);
    assert.equal(asked.filter((one) => one === name).length, 1, `${name} is asked for once`);
  }
});

test('sources that are no addresses of this machine are refused by name', () => {
  assert.throws(() => engine.sources('192.0.2.77', 0, 1), /192\.0\.2\.77 is no address of this machine/);
  assert.throws(() => engine.sources('eth77', 0, 1), /`eth77` is neither/);
  assert.throws(() => engine.sources('', 1, 1), /below n/);
});

test('connections come from where they are told to, and each worker keeps to its own', async () => {
  const server = await echoes();
  const from = async (text, worker, of) => {
    engine.sources(text, worker, of);
    server.requests.length = 0;
    const all = Array.from({ length: 4 }, () => opens(server.url));
    await wait_for(() => all.every((one) => one.is_open));
    return [...new Set(server.requests.map((request) => request.socket.remoteAddress))].sort();
  };
  assert.deepEqual(await from('127.9.0.0/24', 0, 2), ['127.9.0.1', '127.9.0.3', '127.9.0.5', '127.9.0.7']);
  assert.deepEqual(await from('127.9.0.0/24', 1, 2), ['127.9.0.2', '127.9.0.4', '127.9.0.6', '127.9.0.8']);
  assert.deepEqual(await from('lo', 0, 1), ['127.0.0.1']);
  assert.deepEqual(await from('', 0, 1), ['127.0.0.1']);
});

// A machine of its own, with 100 ports for each address.
const small = (work) => ['-rn', 'sh', '-c', `ip link set lo up && echo 40000 40099 > /proc/sys/net/ipv4/ip_local_port_range && exec "${process.execPath}" --input-type=module -e '${work}'`];
const can_be_alone = spawnSync('unshare', small('')).status === 0;
const script = (what) => `
  import { engine, WebSocket, fetch_for, someone } from "${join(here, 'kit/engine.mjs')}";
  import { WebSocketServer } from "ws";
  const server = new WebSocketServer({ port: 8080, host: "127.0.0.1", backlog: 1024 });
  await new Promise((go) => server.on("listening", go));
  const from = {};
  server.on("connection", (socket, { socket: { remoteAddress } }) => (from[remoteAddress] = (from[remoteAddress] ?? 0) + 1));
  const dial = (count) => Promise.all(Array.from({ length: count }, () => new Promise((go) => {
    const socket = new WebSocket("ws://127.0.0.1:8080/");
    socket.onopen = () => go("open");
    socket.onerror = ({ phase, kind, message }) => go([phase, kind, message].join("|"));
  })));
  const said = {};
  ${what}
  console.log(JSON.stringify(said));
  process.exit();
`;

test('more connections to one server on loopback than an address has ports: they are spread unasked', { skip: !can_be_alone && 'there is no unshare -rn here' }, () => {
  const work = script(`
    said.few = await dial(20);
    said.from_few = { ...from };
    said.many = await dial(330);
    said.from = { ...from };
    engine.sources("127.0.0.77", 0, 1);
    said.named = await dial(101);
    engine.sources("127.0.0.78,127.0.0.79", 0, 1);
    said.two = await dial(200);
    const error = await fetch_for(someone())("http://127.0.0.1:8080/").catch((error) => error);
    said.http = [error.phase, error.message];
  `);
  const said = JSON.parse(execFileSync('unshare', small(work), { encoding: 'utf8', cwd: here, timeout: 50_000 }));
  const refused = (ends) => ends.filter((one) => one !== 'open');
  assert.deepEqual([said.from_few, refused(said.few)], [{ '127.0.0.1': 20 }, []]);
  assert.deepEqual(refused(said.many), []);
  assert.deepEqual(said.from, Object.fromEntries(Array.from({ length: 14 }, (_, at) => [`127.0.0.${at + 1}`, 25])), 'a quarter of the ports of each');
  assert.equal(refused(said.named).length, 1);
  assert.match(refused(said.named)[0], /^connect\|ports\|all 100 ports to 127\.0\.0\.1 port 8080 are taken, from 1 address: name more with --source/);
  assert.deepEqual(refused(said.two), []);
  assert.equal(said.http[0], 'connect');
  assert.match(said.http[1], /from 2 addresses: name more with --source/);
});
