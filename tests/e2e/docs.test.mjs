// The code in docs/apps.md, run as it stands there: what app authors copy must work.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { WebSocketServer } from 'ws';
import { io } from 'socket.io-client';
import { SocketIoClient, WsClient } from './kit/clients.mjs';
import { free_ports } from './kit/ports.mjs';
import { wait_for } from './kit/wait.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const text = readFileSync(join(here, '../../docs/apps.md'), 'utf8');
const folder = mkdtempSync(join(here, 'node_modules/.docs-')); // there `ws` is found
after(() => rmSync(folder, { recursive: true }));

// The block of code after `<!-- tested: NAME -->`, in a file of its own.
function block(name) {
  const found = text.match(new RegExp(`<!-- tested: ${name} -->\n\`\`\`js\n([^]*?)\n\`\`\``));
  assert.ok(found, `docs/apps.md has no block of code marked "tested: ${name}"`);
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, found[1]);
  return file;
}

async function start(t, name) {
  const [port] = await free_ports(1);
  const env = { ...process.env, PORT: port, HOST: '127.0.0.1', UTAKATA_TOKEN: 'secret' };
  const child = spawn(process.execPath, [block(name)], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env,
  });
  t.after(() => child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}`;
  await wait_for(async () => (await fetch(`${url}/healthz`)).ok, { what: `${name} to be ready` });
  const stats = async () => (await fetch(`${url}/stats`)).json();
  const tell = (body, token = 'secret') =>
    fetch(`${url}/drain`, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body });
  return { child, url, stats, tell };
}

test('the lease pattern ends the program unless the controller lends it more', async (t) => {
  const program = `import { took_lease } from ${JSON.stringify(pathToFileURL(block('lease')).href)};
    import { createServer } from 'node:http';
    createServer((request, response) => took_lease(request, response) || response.end()).listen(process.env.PORT, '127.0.0.1');`;
  const [port] = await free_ports(1);
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PORT: port, UTAKATA_TOKEN: 'secret', UTAKATA_LEASE: '2' },
  });
  t.after(() => child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}`;
  await wait_for(async () => (await fetch(url)).ok, { what: 'it to be ready' });
  const began = performance.now();
  const lend = (ms, token) =>
    fetch(`${url}/lease?ms=${ms}`, { method: 'PUT', headers: { authorization: `Bearer ${token}` } });
  assert.equal((await lend(60_000, 'guessed')).status, 403);
  assert.equal((await lend(3000, 'secret')).status, 200);
  assert.equal(await new Promise((done) => child.once('exit', done)), 1);
  const lasted = performance.now() - began;
  assert.ok(lasted > 2500 && lasted < 30_000, `${lasted} ms`);
});

test('every block that a reader would copy is tested', () => {
  const blocks = text.match(/^```js$/gm).length;
  assert.equal(text.match(/^<!-- tested: [\w-]+ -->\n```js$/gm).length, blocks);
});

const kinds = { ws: WsClient, socketio: SocketIoClient };
for (const [name, Kind] of Object.entries(kinds)) {
  test(`the ${name} pattern counts, drains by closing transports, resumes, ends`, async (t) => {
    const app = await start(t, name);
    const open = () => new Kind({ instance: 'app-1', url: app.url }).open();
    const clients = await Promise.all(Array.from({ length: 12 }, open));
    assert.deepEqual(await app.stats(), { connections: 12, accepted: 12 });
    await clients[0].leave();
    await wait_for(async () => (await app.stats()).connections === 11, { what: 'one fewer' });
    assert.equal((await app.stats()).accepted, 12);

    assert.equal((await app.tell('{"state": "draining"}', 'wrong')).status, 403);
    assert.equal((await app.stats()).connections, 11);
    const draining = '{"state": "draining", "deadline_ms": null}';
    for (let twice = 0; twice < 2; twice++) assert.ok((await app.tell(draining)).ok);
    const is_empty = async () => (await app.stats()).connections === 0;
    await wait_for(is_empty, { what: 'all to be sent elsewhere' });
    await wait_for(() => clients.every((one) => one.closed), { what: 'the clients to know' });
    for (const { closed } of clients.slice(1)) {
      if (name === 'ws') assert.equal(closed.code, 1012);
      else assert.equal(closed.reason, 'transport close');
    }

    assert.ok((await app.tell('{"state": "serving"}')).ok);
    const late = await open();
    if (name === 'ws') assert.equal(late.closed, null);
    assert.deepEqual(await app.stats(), { connections: 1, accepted: 13 });
    late.cut();
    const ended = new Promise((resolve) => app.child.once('exit', resolve));
    app.child.kill('SIGTERM');
    assert.equal(await ended, 0);
  });
}

test('a Socket.IO client that was sent elsewhere comes back by itself', async (t) => {
  const app = await start(t, 'socketio');
  const socket = io(app.url, { transports: ['websocket'], forceNew: true, reconnectionDelay: 50 });
  t.after(() => socket.disconnect());
  await new Promise((resolve) => socket.once('connect', resolve));
  const lost = new Promise((resolve) => socket.once('disconnect', resolve));
  await app.tell('{"state": "draining"}');
  assert.equal(await lost, 'transport close');
  await app.tell('{"state": "serving"}');
  await new Promise((resolve) => socket.once('connect', resolve));
});

test('the client pattern waits when it is refused, and asks again after a loss', async (t) => {
  const app = await start(t, 'socketio');
  let asked = 0;
  const placer = createServer((request, response) => {
    asked++;
    if (asked === 1) return response.writeHead(503, { 'retry-after': '1' }).end();
    response.end(JSON.stringify({ id: `p-${asked}`, url: app.url }));
  });
  await new Promise((resolve) => placer.listen(0, '127.0.0.1', resolve));
  const { connect } = await import(pathToFileURL(block('client')).href);
  const sockets = [];
  t.after(() => {
    sockets.forEach((socket) => socket.disconnect());
    placer.close();
    placer.closeAllConnections();
  });
  connect(`http://127.0.0.1:${placer.address().port}`, (socket) => sockets.push(socket));
  await wait_for(() => sockets[0]?.connected, { what: 'a connection, after one refusal' });
  assert.equal(asked, 2);
  await app.tell('{"state": "draining"}');
  await wait_for(() => asked === 3, { what: 'another place to be asked for' });
  await app.tell('{"state": "serving"}');
  await wait_for(() => sockets.at(-1)?.connected, { what: 'the connection to stand again' });
});

test('a vanished `ws` client is ended; one that answers pings stays', async (t) => {
  const { end_the_vanished } = await import(pathToFileURL(block('ws-ping')).href);
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await new Promise((resolve) => sockets.once('listening', resolve));
  const timer = end_the_vanished(sockets, 100);
  t.after(() => {
    clearInterval(timer);
    sockets.clients.forEach((socket) => socket.terminate());
    sockets.close();
  });
  const url = `ws://127.0.0.1:${sockets.address().port}`;
  const [there, vanished] = [
    await new WsClient({ url }).open(),
    await new WsClient({ url }).open(),
  ];
  vanished.socket._socket.pause(); // it reads nothing more, so it answers no ping
  await wait_for(() => sockets.clients.size === 1, { what: 'the vanished one to be ended' });
  let pings = 0;
  there.socket.on('ping', () => pings++);
  await wait_for(() => pings >= 3, { what: 'three more rounds' });
  assert.ok(there.is_open);
  vanished.cut();
  there.cut();
});
