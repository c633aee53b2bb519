// fetch, XMLHttpRequest and cookies of virtual users, over the native engine, against servers of Node's.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import http from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { as, become_a_browser, cookies_for, engine, everyone, fetch, fetch_for, FileReader, keep_cookie, someone, XMLHttpRequest } from './kit/engine.mjs';
import { wait_for } from './kit/wait.mjs';

const servers = [];
const listens = (server) => new Promise((go) => server.listen(0, '127.0.0.1', () => go(server.address().port)));

// Requests are answered by `serve`; connections are counted.
async function served(serve) {
  const server = http.createServer(serve);
  const one = { server, connections: 0, open: new Set(), url: '' };
  server.on('connection', (socket) => {
    ++one.connections;
    one.open.add(socket);
    socket.on('close', () => one.open.delete(socket));
  });
  servers.push(server);
  one.url = `http://127.0.0.1:${await listens(server)}`;
  return one;
}
// Says what it is told to whoever has sent something.
async function raw(say) {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => say(socket));
  });
  servers.push({ close: () => server.close(), closeAllConnections() {} });
  return `http://127.0.0.1:${await listens(server)}`;
}
async function body_of(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}
const mirror = async (request, response) => {
  const { method, url, headers } = request;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ method, url, headers, body: (await body_of(request)).toString('latin1') }));
};
const mirrored = await served(mirror);
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  setTimeout(() => process.exit(), 200);  // the engine does not end by itself
});
const fails = async (promise) => promise.then(() => assert.fail('it did not fail'), (error) => error);

test('fetch: what is asked for arrives, in each form that a body has', async () => {
  const form = new FormData();
  form.append('a', 'b');
  const table = [
    [undefined, '', undefined],
    ['hällo', 'h\u00c3\u00a4llo', 'text/plain;charset=UTF-8'],
    ['', '', 'text/plain;charset=UTF-8'],
    [new URLSearchParams({ a: 'b c' }), 'a=b+c', 'application/x-www-form-urlencoded;charset=UTF-8'],
    [new Uint8Array([1, 200, 3]), '\u0001\u00c8\u0003', undefined],
    [new Uint16Array([65, 66, 67]).subarray(1), 'B\0C\0', undefined],
    [new Uint8Array([1, 2]).buffer, '\u0001\u0002', undefined],
    [new Blob(['blob'], { type: 'image/png' }), 'blob', 'image/png'],
    [new Blob(['stream']).stream(), 'stream', undefined],
    [form, /^--.*\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--.*--/is, /^multipart\/form-data; boundary=/],
    [{ toString: () => 'an object' }, 'an object', 'text/plain;charset=UTF-8'],
  ];
  const is = (found, wanted) => (wanted instanceof RegExp ? assert.match(found, wanted) : assert.equal(found, wanted));
  for (const [body, arrived, type] of table) {
    const said = await (await fetch(`${mirrored.url}/a?b=c#d`, { method: 'post', body, headers: { 'X-A': '1' } })).json();
    assert.deepEqual([said.method, said.url, said.headers['x-a']], ['POST', '/a?b=c', '1']);
    is(said.body, arrived);
    is(said.headers['content-type'], type);
    if (typeof arrived === 'string') assert.equal(said.headers['content-length'], String(arrived.length));
  }
});

test('fetch: a Request, headers of each kind, and what is refused before anything is sent', async () => {
  const request = new Request(mirrored.url, { method: 'PATCH', body: 'x', headers: { a: 'b' } });
  const said = await (await fetch(request, { headers: [['c', 'd'], ['Host', 'elsewhere']] })).json();
  assert.deepEqual([said.method, said.body, said.headers.c, said.headers.a, said.headers.host], ['PATCH', 'x', 'd', undefined, 'elsewhere']);
  const { headers } = await (await fetch(mirrored.url, { headers: new Headers({ 'content-type': 'a/b', accept: 'c/d' }) })).json();
  assert.deepEqual(Object.keys(headers).sort(), ['accept', 'content-type', 'host', 'user-agent']);
  assert.equal(headers.accept, 'c/d');
  const refused = [['/x'], ['no url'], [mirrored.url, { method: 'CONNECT' }], [mirrored.url, { method: 'A B' }], [mirrored.url, { body: 'x' }],
    [mirrored.url, { headers: { 'a b': 'c' } }], [mirrored.url, { headers: { a: 'b\r\nc: d' } }], [mirrored.url.replace('//', '//a:b@')]];
  for (const given of refused) assert.ok((await fails(fetch(...given))) instanceof TypeError, String(given[0]));
  assert.equal(await (await fetch('data:,hi')).text(), 'hi');
});

test('fetch: an answer has all that a Response has', async () => {
  const { url } = await served((request, response) => {
    if (request.url === '/none') return response.writeHead(204).end();
    response.writeHead(201, 'Made', { 'Content-Type': 'application/json', 'Set-Cookie': ['a=b', 'c=d'], 'X-Two': ['1', '2'] }).end('{"a":"ä"}');
  });
  const answer = await fetch(`${url}/x`);
  assert.ok(answer instanceof Response);
  assert.deepEqual([answer.status, answer.statusText, answer.ok, answer.url, answer.redirected, answer.type], [201, 'Made', true, `${url}/x`, false, 'basic']);
  assert.deepEqual([answer.headers.get('x-two'), answer.headers.getSetCookie()], ['1, 2', ['a=b', 'c=d']]);
  const copies = Array.from({ length: 6 }, () => answer.clone());
  assert.equal(await copies[0].text(), '{"a":"ä"}');
  assert.deepEqual(await copies[1].json(), { a: 'ä' });
  assert.equal(Buffer.from(await copies[2].arrayBuffer()).toString(), '{"a":"ä"}');
  assert.deepEqual([(await copies[3].blob()).size, (await copies[3].blob().catch(() => null))], [10, null]);
  assert.equal((await body_of(copies[4].body)).toString(), '{"a":"ä"}');
  assert.equal((await copies[5].bytes()).length, 10);
  assert.deepEqual([copies[0].bodyUsed, copies[4].bodyUsed, answer.bodyUsed], [true, true, false]);
  for (const used of [copies[0], copies[4]]) assert.ok((await fails(used.text())) instanceof TypeError);
  assert.ok(answer.times.connect > 0 && answer.times.whole >= answer.times.first_byte);
  const none = await fetch(`${url}/none`);
  assert.deepEqual([none.status, none.body, await none.text(), none.bodyUsed], [204, null, '', false]);
  const head = await fetch(`${url}/x`, { method: 'HEAD' });
  assert.deepEqual([head.status, await head.text()], [201, '']);
  assert.ok((await fails((await fetch(`${mirrored.url}`, { method: 'HEAD' })).json())) instanceof SyntaxError);
});

test('connections are kept: one for each user, or one for all', async () => {
  const { url, ...counted } = await served(mirror).then((one) => ({ ...one, count: () => one.connections, open: () => one.open }));
  const [ann, bob] = [someone(), someone()];
  for (let i = 0; i < 5; ++i) for (const user of [ann, bob]) await (await fetch_for(user)(url)).text();
  assert.equal(counted.count(), 2);
  const shared = fetch_for(everyone);
  for (let i = 0; i < 5; ++i) assert.equal((await shared(url)).times.connect > 0, i === 0);
  assert.equal(counted.count(), 3);
  await Promise.all([shared(url), shared(url), shared(url)]);
  assert.equal(counted.count(), 5, 'as many as are under way at once');
  engine.close_pool(ann.pool);
  await wait_for(() => counted.open().size === 4, { what: "the end of ann's" });
});

test('a server that ends kept connections is no error', async () => {
  const one = await served(mirror);
  const user = someone();
  for (let i = 0; i < 20; ++i) {
    const answer = await fetch_for(user)(one.url, { method: i % 2 ? 'POST' : 'GET', body: i % 2 ? 'x' : undefined });
    assert.equal(answer.status, 200);
    one.server.closeIdleConnections();
    await wait_for(() => one.open.size === 0);
  }
  assert.equal(one.connections, 20);
});

test('redirects are followed as browsers do it, told, or refused', async () => {
  const elsewhere = await served(mirror);
  const { url } = await served((request, response) => {
    const [, status, to] = /^\/(\d+)(.*)$/.exec(request.url) ?? [];
    if (!status) return mirror(request, response);
    const location = { '/elsewhere': elsewhere.url, '/again': request.url, '/ftp': 'ftp://x/', '/bad': 'http://[' }[to] ?? to;
    response.writeHead(Number(status), location ? { location } : {}).end();
  });
  const posted = (path, more) => fetch(url + path, { method: 'POST', body: 'x', headers: { authorization: 'me', 'content-type': 'a/b' }, ...more });
  for (const [status, method, body, type] of [[301, 'GET', '', undefined], [302, 'GET', '', undefined], [303, 'GET', '', undefined], [307, 'POST', 'x', 'a/b'], [308, 'POST', 'x', 'a/b']]) {
    const answer = await posted(`/${status}/there?x`);
    assert.deepEqual([answer.redirected, answer.url], [true, `${url}/there?x`]);
    const said = await answer.json();
    assert.deepEqual([said.method, said.url, said.body, said.headers['content-type'], said.headers.authorization], [method, '/there?x', body, type, 'me']);
  }
  const far = await (await posted('/307/elsewhere')).json();
  assert.deepEqual([far.headers.authorization, far.headers.host], [undefined, elsewhere.url.slice(7)]);
  assert.deepEqual([(await posted('/302/there', { redirect: 'manual' })).status, (await posted('/302')).status], [302, 302]);
  for (const [path, init] of [['/302/there', { redirect: 'error' }], ['/302/again'], ['/302/ftp'], ['/302/bad']])
    assert.equal((await fails(fetch(url + path, init))).phase, 'redirect', path);
});

test('cookies are kept for each user, and go where they belong', async () => {
  let expires = '';
  const { url } = await served((request, response) => {
    if (request.url === '/in') response.setHeader('set-cookie', ['a=1; HttpOnly', 'b=2; Path=/deep', 'c=3; Max-Age=0', 'd=4; Secure', `e=5; Expires=${expires}`]);
    if (request.url === '/in/by') response.writeHead(302, { 'set-cookie': 'f=6; path=/', location: '/' });
    response.end(request.headers.cookie ?? 'none');
  });
  const [ann, bob] = [someone(), someone()];
  const gets = async (user, path, init) => (await fetch_for(user)(url + path, init)).text();
  expires = new Date(Date.now() + 60_000).toUTCString();
  assert.equal(await gets(ann, '/in'), 'none');
  assert.equal(await gets(ann, '/'), 'a=1; e=5');
  assert.equal(await gets(ann, '/deep/er'), 'b=2; a=1; e=5');
  assert.equal(await gets(ann, '/', { credentials: 'omit' }), 'none');
  assert.equal(await gets(ann, '/', { headers: { cookie: 'mine=1' } }), 'mine=1');
  assert.equal(await gets(bob, '/'), 'none');
  expires = 'Thu, 01 Jan 1970 00:00:00 GMT';
  await gets(ann, '/in');
  assert.equal(await gets(ann, '/in/by'), 'a=1; f=6');
  assert.equal(await gets({ pool: 1, cookies: null }, '/in/by'), 'none');
});

test('cookies: RFC 6265 in a table', () => {
  const table = [  // set at, the line, sent to
    ['http://a.b.example/x/y', 'k=v', { 'http://a.b.example/': false, 'http://a.b.example/x/z': true, 'http://a.b.example/x': true, 'http://a.b.example/xx': false, 'http://b.example/x/': false, 'http://c.a.b.example/x/': false }],
    ['http://a.b.example/', 'k=v; Domain=.B.example', { 'http://b.example/': true, 'http://c.b.example/': true, 'http://xb.example/': false, 'ws://a.b.example/': true }],
    ['http://a.b.example/', 'k=v; domain=other.example', { 'http://a.b.example/': false, 'http://other.example/': false }],
    ['http://a.b.example/', 'k=v; domain=example', { 'http://a.b.example/': false, 'http://example/': false }],
    ['http://10.0.0.1/', 'k=v; domain=10.0.0.1', { 'http://10.0.0.1/': true }],
    ['http://10.0.0.1/', 'k=v; domain=0.0.1', { 'http://10.0.0.1/': false }],
    ['https://a.example/', 'k=v; secure', { 'https://a.example/': true, 'http://a.example/': false, 'wss://a.example/': true, 'ws://a.example/': false }],
    ['http://a.example/', 'k=v; max-age=60', { 'http://a.example/': true }],
    ['http://a.example/', 'k=v; max-age=-1; expires=Tue, 01-Jan-2999 00:00:00 GMT', { 'http://a.example/': false }],
    ['http://a.example/', 'k=v; expires=Tue, 01-Jan-2999 00:00:00 GMT', { 'http://a.example/': true }],
    ['http://a.example/', 'k=v; expires=tomorrow', { 'http://a.example/': true }],
    ['http://a.example/', 'nonsense', { 'http://a.example/': false }],
    ['http://a.example/', '=v', { 'http://a.example/': false }],
  ];
  for (const [from, line, to] of table) {
    const jar = [];
    keep_cookie(jar, new URL(from), line);
    for (const [url, is_sent] of Object.entries(to)) assert.equal(cookies_for(jar, new URL(url)), is_sent ? 'k=v' : '', `${line} to ${url}`);
  }
  const jar = [];
  for (const line of ['a=1', 'a=2', 'b=1; max-age=10', 'a=3; path=/x']) keep_cookie(jar, new URL('http://a.example/'), line, 1000);
  assert.equal(cookies_for(jar, new URL('http://a.example/x'), 1000), 'a=3; a=2; b=1');
  assert.equal(cookies_for(jar, new URL('http://a.example/x'), 20_000), 'a=3; a=2');
  for (let i = 0; i < 400; ++i) keep_cookie(jar, new URL('http://a.example/'), `n${i}=`);
  assert.equal(jar.length, 300);
});

test('codings: none is asked for by itself, and each that comes is undone', async () => {
  const text = 'wörds '.repeat(1000);
  const codings = { gzip: gzipSync, deflate: deflateSync, raw: deflateRawSync, br: brotliCompressSync };
  const { url } = await served((request, response) => {
    const coding = request.url.slice(1);
    if (coding === 'bad') return response.writeHead(200, { 'content-encoding': 'gzip' }).end('this is not gzip');
    if (!codings[coding]) return response.end(request.headers['accept-encoding'] ?? 'none');
    response.writeHead(200, { 'content-encoding': coding === 'raw' ? 'deflate' : coding }).end(codings[coding](text));
  });
  assert.equal(await (await fetch(url)).text(), 'none');
  assert.equal(await (await fetch(url, { headers: { 'accept-encoding': 'gzip' } })).text(), 'gzip');
  for (const coding of Object.keys(codings)) assert.equal(await (await fetch(`${url}/${coding}`)).text(), text, coding);
  assert.equal((await fetch(`${url}/gzip`, { method: 'HEAD' })).status, 200);
  assert.equal((await fails(fetch(`${url}/bad`))).phase, 'receive');
});

test('aborted: at once, while it waits, or by time; the server sees the connection end', async () => {
  const one = await served(() => {});
  const controller = new AbortController();
  const waiting = fails(fetch(one.url, { signal: controller.signal }));
  await wait_for(() => one.connections === 1);
  controller.abort();
  assert.equal((await waiting).name, 'AbortError');
  await wait_for(() => one.open.size === 0, { what: 'the end' });
  assert.equal((await fails(fetch(one.url, { signal: controller.signal }))).name, 'AbortError');
  assert.equal(await fails(fetch(one.url, { signal: AbortSignal.abort('why') })), 'why');
  assert.equal(one.connections, 1);
  assert.equal((await fails(fetch(one.url, { signal: AbortSignal.timeout(50) }))).name, 'TimeoutError');
  const unresolved = new AbortController();
  const looked_up = fails(fetch(one.url.replace('127.0.0.1', 'localhost'), { signal: unresolved.signal }));
  unresolved.abort();
  assert.equal((await looked_up).name, 'AbortError');
});

// Counters, of the whole run until now.
const totals = {};
function counted() {
  for (const [name, count] of JSON.parse(engine.take()).counters) totals[name] = (totals[name] ?? 0) + count;
  return { ...totals };
}
// Without a resolver nobody can say that there is no such host.
const resolving = ['error=no_such_host,phase=resolve', 'error=resolver,phase=resolve'];

test('each failure says how far it had come', async () => {
  const before = counted();
  const { url: missing } = await served((request, response) => response.writeHead(404).end());
  assert.equal((await fetch(missing)).status, 404);
  const gone = await raw(() => {});
  servers.at(-1).close();
  const table = [
    ['http://no-such-host.invalid/', 'resolve', /no-such-host/],
    [gone, 'connect', /Connection refused/],
    [await raw((socket) => socket.end()), 'wait', /hung up without an answer/],
    [await raw((socket) => socket.resetAndDestroy()), 'wait', /reset/],
    [await raw((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal')), 'receive', /in the middle/],
    [await raw((socket) => socket.end('SSH-2.0-OpenSSH\r\n')), 'receive', /not HTTP/],
    [await raw((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n')), 'receive', /too large/],
  ];
  for (const [url, phase, words] of table) {
    const error = await fails(fetch_for(someone())(url));
    assert.ok(error instanceof TypeError, url);
    assert.equal(error.phase, phase, `${url}: ${error.message}`);
    assert.match(error.message, words);
    assert.match(error.stack, /load_http\.test\.mjs/, 'the place in the scenario');
  }
  const after = counted();
  const since = Object.keys(after).filter((name) => name.startsWith('http_errors{')).map((name) => [name.slice(12, -1), after[name] - (before[name] ?? 0)]);
  assert.deepEqual(since.filter(([, count]) => count > 0).sort(), [
    ['error=404,phase=status', 1],
    ['error=hung_up,phase=receive', 1],
    ['error=hung_up,phase=wait', 1],
    ['error=malformed,phase=receive', 1],
    [resolving.find((name) => since.some(([one, count]) => one === name && count > 0)), 1],
    ['error=refused,phase=connect', 1],
    ['error=reset,phase=wait', 1],
    ['error=too_big,phase=receive', 1],
  ].sort());
  assert.equal(after.http_reqs - (before.http_reqs ?? 0), table.length + 1);
});

// All events of a request, with the state at each.
function watched(request, told = []) {
  for (const type of ['readystatechange', 'loadstart', 'progress', 'load', 'error', 'abort', 'timeout', 'loadend'])
    request.addEventListener(type, () => told.push(`${type} ${request.readyState}`));
  return told;
}
const ended = (request) => new Promise((go) => request.addEventListener('loadend', go));
function sent(url, { method = 'GET', body, ...fields } = {}) {
  const request = new XMLHttpRequest();
  request.open(method, url);
  Object.assign(request, fields);
  const told = watched(request);
  request.send(body);
  return Object.assign(request, { told });
}

test('XMLHttpRequest: events and states in their order', async () => {
  const request = new XMLHttpRequest();
  const told = watched(request);
  const by_fields = [];
  for (const type of ['onreadystatechange', 'onload', 'onloadend']) request[type] = (event) => by_fields.push(`${event.type} ${event.target === request}`);
  assert.deepEqual([request.readyState, request.status, request.responseText], [XMLHttpRequest.UNSENT, 0, '']);
  request.open('post', `${mirrored.url}/p?q#r`);
  request.setRequestHeader('X-A', '1');
  request.setRequestHeader('x-a', '2');
  const uploaded = [];
  for (const type of ['loadstart', 'progress', 'load', 'loadend']) request.upload.addEventListener(type, (event) => uploaded.push(`${type} ${event.loaded}/${event.total}`));
  request.send('hi');
  await ended(request);
  assert.deepEqual(told, ['readystatechange 1', 'loadstart 1', 'readystatechange 2', 'readystatechange 3', 'progress 3', 'readystatechange 4', 'load 4', 'loadend 4']);
  assert.deepEqual(by_fields, ['readystatechange true', 'readystatechange true', 'readystatechange true', 'readystatechange true', 'load true', 'loadend true']);
  assert.deepEqual(uploaded, ['loadstart 0/2', 'progress 2/2', 'load 2/2', 'loadend 2/2']);
  assert.deepEqual([request.status, request.statusText, request.responseURL, request.DONE], [200, 'OK', `${mirrored.url}/p?q`, 4]);
  const said = JSON.parse(request.responseText);
  assert.deepEqual([said.method, said.url, said.body, said.headers['x-a'], said.headers['content-type']], ['POST', '/p?q', 'hi', '1, 2', 'text/plain;charset=UTF-8']);
  assert.equal(request.getResponseHeader('Content-Type'), 'application/json');
  assert.equal(request.getResponseHeader('x-none'), null);
  assert.match(request.getAllResponseHeaders(), /^connection: keep-alive\r\ncontent-length: \d+\r\ncontent-type: application\/json\r\ndate: /);
});

test('XMLHttpRequest: each type of response, and cookies that a page does not see', async () => {
  const { url } = await served((request, response) => {
    if (request.url === '/latin') return response.writeHead(200, { 'content-type': 'text/plain; charset=ISO-8859-1' }).end(Buffer.from('h\u00e4', 'latin1'));
    response.writeHead(request.url === '/none' ? 204 : 200, { 'set-cookie': 'a=b', 'content-type': 'text/x' });
    response.end(request.url === '/none' ? undefined : '{"a":"ä"}');
  });
  const user = someone();
  const got = async (responseType, path = '/') => {
    const request = await as(user, () => sent(url + path, { responseType }));
    await ended(request);
    return request;
  };
  assert.equal((await got('')).response, '{"a":"ä"}');
  assert.equal((await got('text')).responseText, '{"a":"ä"}');
  assert.deepEqual((await got('json')).response, { a: 'ä' });
  assert.equal((await got('json', '/latin')).response, null);
  assert.equal(Buffer.from((await got('arraybuffer')).response).toString(), '{"a":"ä"}');
  assert.deepEqual(await (async (blob) => [blob.type, await blob.text()])((await got('blob')).response), ['text/x', '{"a":"ä"}']);
  assert.equal((await got('', '/latin')).responseText, 'hä');
  const none = await got('', '/none');
  assert.deepEqual([none.status, none.responseText, none.told.includes('readystatechange 3')], [204, '', false]);
  assert.deepEqual([none.getResponseHeader('set-cookie'), none.getAllResponseHeaders().includes('set-cookie')], [null, false]);
  assert.equal(user.cookies.length, 1);
  assert.throws(() => none.send(), { name: 'InvalidStateError' });
  const arraybuffer = await got('arraybuffer');
  assert.throws(() => arraybuffer.responseText, { name: 'InvalidStateError' });
});

test('XMLHttpRequest: refused, late and aborted', async () => {
  const silent = await served(() => {});
  const before = counted();
  const { url: missing } = await served((request, response) => response.writeHead(404).end());
  assert.equal((await fetch(missing)).status, 404);
  const gone = await raw(() => {});
  servers.at(-1).close();
  const refused = sent(gone);
  await ended(refused);
  assert.deepEqual(refused.told, ['loadstart 1', 'readystatechange 4', 'error 4', 'loadend 4']);
  assert.deepEqual([refused.status, refused.responseText, refused.getAllResponseHeaders()], [0, '', '']);
  const late = sent(silent.url, { timeout: 50 });
  await ended(late);
  assert.deepEqual(late.told, ['loadstart 1', 'readystatechange 4', 'timeout 4', 'loadend 4']);
  const given_up = sent(silent.url);
  await wait_for(() => silent.connections === 2);
  given_up.abort();
  assert.deepEqual(given_up.told, ['loadstart 1', 'readystatechange 4', 'abort 4', 'loadend 4']);
  assert.equal(given_up.readyState, XMLHttpRequest.UNSENT);
  await wait_for(() => silent.open.size === 0, { what: 'the end of what was given up' });
  const again = sent(silent.url);
  again.open('GET', mirrored.url);  // the first one is forgotten
  again.send();
  await ended(again);
  assert.equal(JSON.parse(again.responseText).method, 'GET');
  assert.equal(again.told.filter((one) => one === 'loadend 4').length, 1);
  for (const wrong of [(x) => x.open('GET', 'http://['), (x) => x.open('A B', mirrored.url), (x) => x.open('GET', mirrored.url, false), (x) => x.open('TRACE', mirrored.url), (x) => x.send(), (x) => x.setRequestHeader('a', 'b')])
    assert.throws(() => wrong(new XMLHttpRequest()), DOMException);
});

test('a handler may ask again, and whose turn it is stays known', async () => {
  const [ann, bob] = [someone(), someone()];
  const one = await served(mirror);
  const chain = (user) => as(user, () => new Promise((go) => {
    const next = (left) => {
      const request = new XMLHttpRequest();  // of whose turn it is
      request.open('GET', one.url);
      request.onload = () => (left > 0 ? next(left - 1) : go());
      request.send();
    };
    next(9);
  }));
  await Promise.all([chain(ann), chain(bob)]);
  assert.equal(one.connections, 2);
});

test('FileReader: a Blob as bytes, text and data: URL', async () => {
  const read = (how, blob) => new Promise((go, fail) => {
    const reader = new FileReader(), told = [];
    for (const type of ['loadstart', 'load', 'loadend']) reader.addEventListener(type, () => told.push(type));
    reader.onerror = fail;
    reader.onloadend = () => go([reader.result, reader.readyState, ...told]);
    reader[how](blob);
  });
  const blob = new Blob(['hä'], { type: 'text/x' });
  assert.deepEqual(await read('readAsText', blob), ['hä', 2, 'loadstart', 'load']);
  assert.equal((await read('readAsDataURL', blob))[0], 'data:text/x;base64,aMOk');
  assert.equal((await read('readAsArrayBuffer', blob))[0].byteLength, 3);
  assert.throws(() => new FileReader().readAsText('no blob'), TypeError);
});

test('socket.io-client, unmodified, in the build that browsers get', async (t) => {
  const child = fork(join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, 'kit/socketio_server.mjs'));
  const port = await new Promise((go) => child.once('message', go));
  t.after(() => child.disconnect());
  become_a_browser();
  const { io } = await import('socket.io-client');
  const joins = async (options) => {
    const socket = await as(someone(), () => io(`http://127.0.0.1:${port}`, { forceNew: true, ...options }));
    t.after(() => socket.disconnect());
    await new Promise((go, fail) => socket.on('connect', go).on('connect_error', fail));
    return socket;
  };
  const asks = (socket, ...all) => socket.timeout(5000).emitWithAck(...all);
  const echo = (socket, data) => new Promise((go) => socket.emit('echo', data, (...all) => go(all)));

  const polling = await joins({ transports: ['polling'] });
  assert.equal(await asks(polling, 'connections'), 2, 'a poll and a post at a time, and all on two connections');
  for (let i = 0; i < 20; ++i) assert.deepEqual(await echo(polling, { i, words: 'ä'.repeat(i) }), [{ i, words: 'ä'.repeat(i) }, 'polling']);
  const [bytes] = await echo(polling, new Uint8Array([0, 1, 255]).buffer);
  assert.deepEqual([bytes instanceof ArrayBuffer, ...new Uint8Array(bytes)], [true, 0, 1, 255]);
  assert.equal(await asks(polling, 'connections'), 2);

  const upgraded = await joins();
  await wait_for(() => upgraded.io.engine.transport.name === 'websocket', { what: 'the upgrade' });
  assert.deepEqual((await echo(upgraded, new Uint8Array([7]).buffer))[1], 'websocket');
  const heard = new Promise((go) => polling.once('said', go));
  upgraded.emit('say', { all: ['hear', 'it'] });
  assert.deepEqual(await heard, { all: ['hear', 'it'] });

  const left = new Promise((go) => polling.once('disconnect', go));
  polling.emit('leave me');
  assert.equal(await left, 'io server disconnect');
  child.kill('SIGSTOP');
  const failure = new Promise((go) => io(`http://127.0.0.1:1`, { transports: ['polling'], forceNew: true, reconnection: false }).on('connect_error', go));
  assert.equal((await failure).message, 'xhr poll error');
  child.kill('SIGCONT');
});
