// Servers that refuse, stall, lie and flood: each of a scenario's users is told as a browser's page would be, what happened is counted
// by kind and phase, and the run goes on.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { WebSocketServer } from 'ws';
import { load } from './kit/load.mjs';
import { asked, binary, close_frame, close_misfits, closing, frame, listening, nobody, opened, ping, pour, says, text, upgrade } from './kit/misfits.mjs';

after(close_misfits);

// What the users of a run said of it, a line of JSON each.
const told = (run) => run.out.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));

// A user dials each, all at once, and tells what it was told.
const dials = (addresses, thresholds) => `
  const addresses = ${JSON.stringify(addresses)};
  export const load = { users: addresses.length, iterations: 1, thresholds: ${JSON.stringify(thresholds)} };
  export default async function user(u) {
    const [name, url] = addresses[u.number];
    const socket = new WebSocket(url, [], { handshakeTimeout: 1000 });
    const events = [];
    await new Promise((go) => {
      socket.onopen = () => { events.push('open'); };
      socket.onmessage = ({ data }) => events.push('message');
      socket.onerror = ({ phase, message }) => events.push('error ' + phase + ': ' + message);
      socket.onclose = ({ code, reason, wasClean }) => { events.push('close ' + code + ' ' + reason + (wasClean ? '' : '!')); go(); };
    });
    console.log(JSON.stringify({ name, events, state: socket.readyState }));
  }`;

// rows: [name, address, what is counted, its events]
async function misfits(rows) {
  const counts = {};
  const addresses = [];
  for (const [name, address, metric] of rows) {
    addresses.push([name, `ws://${await address}/`]);
    if (metric) counts[metric] = (counts[metric] ?? 0) + 1;
  }
  const thresholds = Object.fromEntries(Object.entries(counts).map(([metric, count]) => [metric, `count==${count}`]));
  const run = await load(dials(addresses, { ...thresholds, iterations: `count==${rows.length}` }));
  assert.equal(run.code, 0, run.out + run.err);
  const all = new Map(told(run).map((one) => [one.name, one]));
  for (const [name, , , ...events] of rows) {
    const one = all.get(name);
    assert.equal(one?.state, 3, `${name}\n${run.out}`);
    assert.equal(one.events.length, events.length, `${name}: ${one.events.join(' | ')}`);
    events.forEach((event, at) => assert.match(one.events[at], event, name));
  }
}
const fault = (phase, kind) => `ws_errors{phase:${phase},error:${kind}}`;
const closed = (code) => `ws_closed{phase:first_message,code:${code}}`;

test('a handshake that comes to nothing', async () => {
  const answer = (words) => asked((socket) => socket.end(words));
  const never = [/^close 1006 !$/];
  await misfits([
    ['nobody there', nobody(), fault('connect', 'refused'), /^error connect: Connection refused$/, ...never],
    ['reset when asked', asked((socket) => socket.resetAndDestroy()), fault('handshake', 'reset'), /^error handshake: .*closed before/, ...never],
    ['hung up', asked((socket) => socket.end()), fault('handshake', 'hung_up'), /^error handshake: .*closed before/, ...never],
    ['half an answer', answer('HTTP/1.1 101 Swit'), fault('handshake', 'hung_up'), /^error handshake: .*closed before/, ...never],
    ['never an answer', asked(() => {}), fault('handshake', 'timed_out'), /^error handshake: .*in time/, ...never],
    ['an answer without an end', asked((socket) => void pour(socket, `X: ${'y'.repeat(1000)}\r\n`)), fault('handshake', 'malformed'), /^error handshake: .*HTTP\/1\.1/, ...never],
    ['a header without an end', asked((socket) => void pour(socket, 'HTTP/1.1 101 OK\r\nX: yyyyyyyyyyyyyyyyyyyyyyy'.repeat(100))), fault('handshake', 'malformed'), /^error handshake: .*does not end/, ...never],
    ['garbage', answer('\0\xff\r\n\r\nwhat?'), fault('handshake', 'malformed'), /^error handshake: .*HTTP\/1\.1/, ...never],
    ['404', answer('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'), fault('handshake', '404'), /^error handshake: .*status 404/, ...never],
    ['503', answer('HTTP/1.1 503 Busy\r\nRetry-After: 1\r\n\r\n'), fault('handshake', '503'), /^error handshake: .*status 503/, ...never],
    ['200', answer('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'), fault('handshake', '200'), /^error handshake: .*status 200/, ...never],
    ['sent elsewhere', answer('HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\n\r\n'), fault('handshake', '302'), /^error handshake: .*status 302/, ...never],
    ['another key', asked((socket) => socket.end(upgrade('Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='))), fault('handshake', 'malformed'), /^error handshake: .*not to our key/, ...never],
    ['a protocol of its own', asked((socket, head) => socket.end(upgrade(head, 'Sec-WebSocket-Protocol: tea\r\n'))), fault('handshake', 'malformed'), /^error handshake: .*subprotocol tea/, ...never],
    ['not asked for', asked((socket, head) => socket.end(upgrade(head, 'Sec-WebSocket-Extensions: x-tea\r\n'))), fault('handshake', 'malformed'), /^error handshake: .*extension/, ...never],
  ]);
});

test('a WebSocket that is closed, by each code', async () => {
  const rows = [];
  const orderly = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999];
  for (const code of orderly)
    rows.push([`code ${code}`, says(close_frame(code, 'so')), closed(code), /^open$/, new RegExp(`^close ${code} so$`)]);
  for (const code of [999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535])  // are never sent
    rows.push([`code ${code}`, says(close_frame(code)), fault('first_message', 'malformed'), /^open$/, /^error first_message: .*code/i, /^close 1006 !$/]);
  rows.push(['no code', says(frame(closing)), closed(1005), /^open$/, /^close 1005 $/]);
  rows.push(['half a code', says(frame(closing, 'x')), fault('first_message', 'malformed'), /^open$/, /^error first_message: /, /^close 1006 !$/]);
  rows.push(['a reason that is no text', says(frame(closing, Buffer.from([3, 232, 0xff]))), fault('first_message', 'malformed'), /^open$/, /^error first_message: /, /^close 1006 !$/]);
  rows.push(['hung up', opened((socket) => socket.end()), fault('first_message', 'hung_up'), /^open$/, /^error first_message: .*lost/, /^close 1006 !$/]);
  rows.push(['reset', opened((socket) => setTimeout(() => socket.resetAndDestroy(), 20)), fault('first_message', 'reset'), /^open$/, /^error first_message: .*lost/, /^close 1006 !$/]);
  rows.push(['reset before it is asked', listening((socket) => socket.resetAndDestroy()), null, /^error (connect: .*reset|handshake: .*(lost|closed))/, /^close 1006 !$/]);
  await misfits(rows);
});

test('frames that RFC 6455 forbids', async () => {
  const malformed = fault('first_message', 'malformed');
  const cut = [/^error (first_message|open): /, /^close 1006 !$/];
  await misfits([
    ['masked', says(frame(text, 'hi', { mask: [1, 2, 3, 4] })), malformed, /^open$/, ...cut],
    ['bad UTF-8', says(frame(text, Buffer.from([0x68, 0xff]))), malformed, /^open$/, ...cut],
    ['UTF-8 that does not end', says(frame(text, Buffer.from([0xe2, 0x82]))), malformed, /^open$/, ...cut],
    ['reserved bits', says(frame(text, 'hi', { reserved: 0x40 })), malformed, /^open$/, ...cut],
    ['an opcode that is none', says(frame(5, 'hi')), malformed, /^open$/, ...cut],
    ['a control that is none', says(frame(11)), malformed, /^open$/, ...cut],
    ['a ping in pieces', says(frame(ping, 'hi', { is_last: false })), malformed, /^open$/, ...cut],
    ['a ping of 126 bytes', says(frame(ping, 'x'.repeat(126))), malformed, /^open$/, ...cut],
    ['what goes on without a beginning', says(frame(0, 'hi')), malformed, /^open$/, ...cut],
    ['a beginning within a message', says(frame(text, 'a', { is_last: false }), frame(text, 'b')), malformed, /^open$/, ...cut],
    ['a length of 2^63', says(frame(binary, '', { length: 2n ** 63n })), malformed, /^open$/, ...cut],
    ['a good one, and then a bad one', says(frame(text, 'hi'), frame(text, 'hi', { reserved: 0x10 })), fault('open', 'malformed'), /^open$/, /^message$/, ...cut],
    ['with the answer', asked((socket, head) => {
      socket.once('data', () => socket.end());
      socket.write(Buffer.concat([Buffer.from(upgrade(head)), frame(text, 'hi'), close_frame(4000)]));
    }), 'ws_closed{phase:open,code:4000}',
      /^open$/, /^message$/, /^close 4000 $/],
  ]);
});

test('floods: 100 MB at once, pieces and pings without an end, a user who is slow, a server that does not read: memory is bounded', async () => {
  const poured = {};
  // Until the user breaks off, or has gone.
  const floods = (name, piece, first = '') => opened(async (socket) => {
    socket.on('data', () => socket.destroy());
    socket.write(first);
    poured[name] = piece.length * await pour(socket, piece);
  });
  const megabyte = Buffer.alloc(2 ** 20, 'x');
  const addresses = [
    ['100 MB', await opened((socket) => {
      socket.write(frame(binary, '', { length: 100 * 2 ** 20 }));
      void pour(socket, megabyte, 100);
    })],
    ['pieces', await floods('pieces', frame(0, megabyte, { is_last: false }), frame(text, '', { is_last: false }))],
    ['empty pieces', await floods('empty pieces', Buffer.concat(Array(1000).fill(frame(0, '', { is_last: false }))), frame(text, '', { is_last: false }))],
    ['pings', await opened((socket) => void pour(socket.pause(), Buffer.concat(Array(100).fill(frame(ping, 'x'.repeat(125))))))],
    ['slow', await floods('slow', frame(binary, megabyte))],
    ['never reads', await opened((socket) => socket.pause())],
    ['echo', await opened((socket) => socket.on('data', (bytes) => (bytes[0] & 15) === closing ? socket.end(frame(closing)) : socket.write(frame(text, 'heard'))))],
  ].map(([name, address]) => [name, `ws://${address}/`]);
  const run = await load(`
    import { readFileSync } from 'node:fs';
    const addresses = ${JSON.stringify(addresses)};
    export const load = { users: addresses.length, iterations: 1, thresholds: {
      iterations: 'count==' + addresses.length, 'ws_errors{error:too_big}': 'count==2', 'ws_errors{error:not_read}': 'count==2' } };
    const heard = {};
    const spends = (ms) => { const until = performance.now() + ms; while (performance.now() < until); };
    const work = {
      slow: (socket) => { heard.slow = (heard.slow ?? 0) + 1; spends(10); if (heard.slow === 100) socket.close(); },
      echo: (socket) => { heard.echo = (heard.echo ?? 0) + 1; heard.echo === 200 ? socket.close() : socket.send('on'); },
    };
    export default async function user(u) {
      const [name, url] = addresses[u.number];
      const socket = new WebSocket(url);
      socket.binaryType = 'arraybuffer';
      const events = [];
      await new Promise((go) => {
        socket.onopen = () => {
          events.push('open');
          if (name === 'echo') socket.send('begin');
          if (name === 'empty pieces') setTimeout(() => socket.close(), 300);
          if (name === 'never reads') for (let k = 0; k < 80; ++k) socket.send(new Uint8Array(2 ** 20));
        };
        socket.onmessage = () => work[name](socket);
        socket.onerror = ({ phase, message }) => events.push('error ' + phase + ': ' + message);
        socket.onclose = ({ code }) => { events.push('close ' + code); go(); };
      });
      console.log(JSON.stringify({ name, events, heard: heard[name] }));
    }
    export const teardown = () => console.log(JSON.stringify({ name: 'memory', mb: Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status'))[1]) / 1024 }));`, ['--workers', '1']);
  assert.equal(run.code, 0, run.out + run.err);
  const all = new Map(told(run).map((one) => [one.name, one]));
  const is_told = (name, ...events) => {
    const one = all.get(name);
    assert.equal(one.events.length, events.length, `${name}: ${one.events.join(' | ')}`);
    events.forEach((event, at) => assert.match(one.events[at], event, name));
  };
  is_told('100 MB', /^open$/, /^error first_message: .*larger/, /^close 1006$/);
  is_told('pieces', /^open$/, /^error first_message: .*larger/, /^close 1006$/);
  is_told('pings', /^open$/, /^error first_message: .*64 MB.*has not read/, /^close 1006$/);
  is_told('never reads', /^open$/, /^error first_message: .*has not read/, /^close 1006$/);
  assert.equal(all.get('slow').heard, 100);
  assert.equal(all.get('echo').heard, 200, 'who is beside them goes on');
  assert.ok(poured.pieces >= 64 * 2 ** 20 && poured.pieces < 90 * 2 ** 20, `${poured.pieces} bytes of pieces went out`);
  assert.ok(poured.slow < 130 * 2 ** 20, `${poured.slow} bytes went to who had read a hundred`);
  // Four of them may hold 64 MB each, twice where it grows, beside 100 MB of Node's.
  assert.ok(all.get('memory').mb < 500, `${all.get('memory').mb} MB at most`);
});

test('answers that are none, to fetch', async () => {
  const answer = (words) => asked((socket) => socket.end(words));
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n';
  const bomb = gzipSync(Buffer.alloc(100 * 2 ** 20));
  const [round, page] = [await asked((socket) => socket.end(`HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n`)), await answer(`${head}Content-Length: 2\r\n\r\nhi`)];
  const rows = [  // what fetch says, by phase or status; and how often a request failed so, redirects included
    ['nobody there', await nobody(), /^connect: .*refused/i],
    ['reset', await asked((socket) => socket.resetAndDestroy()), /^wait: .*(reset|lost|closed)/],
    ['hung up', await asked((socket) => socket.end()), /^wait: /],
    ['garbage', await answer('\0what?\r\n\r\n'), /^receive: /],
    ['half a head', await answer('HTTP/1.1 200 OK\r\nConte'), /^receive: /],
    ['a head without an end', await asked((socket) => void pour(socket, head.repeat(100))), /^receive: .*header/],
    ['half a body', await answer(`${head}Content-Length: 10\r\n\r\nhalf`), /^receive: /],
    ['two lengths', await answer(`${head}Content-Length: 1\r\nContent-Length: 2\r\n\r\nhi`), /^receive: /],
    ['chunks that are none', await answer(`${head}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`), /^receive: /],
    ['100 MB', await asked((socket) => {
      socket.write(`${head}Content-Length: ${100 * 2 ** 20}\r\n\r\n`);
      void pour(socket, Buffer.alloc(2 ** 20), 100);
    }), /^receive: .*too large: .*67108864/],
    ['a body without an end', await asked((socket) => {
      socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
      void pour(socket, Buffer.from(`100000\r\n${'x'.repeat(2 ** 20)}\r\n`));
    }), /^receive: .*too large: .*67108864/],
    ['100 MB, compressed', await asked((socket) => socket.end(Buffer.concat([Buffer.from(`${head}Content-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`), bomb]))), /^receive: .*Content-Encoding/],
    ['not compressed', await answer(`${head}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi`), /^receive: .*Content-Encoding/],
    ['never an answer', await asked(() => {}), /^aborted$/],
    ['never a body', await asked((socket) => socket.write(`${head}Content-Length: 10\r\n\r\nhalf`)), /^aborted$/],
    ['round and round', round, /^redirect: .*more than 20/],
    ['to another world', await answer('HTTP/1.1 302 Found\r\nLocation: gopher://127.0.0.1/\r\nContent-Length: 0\r\n\r\n'), /^redirect: .*gopher/],
    ['404', await answer('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'), /^404 $/],
    ['503', await answer('HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy'), /^503 busy$/],
    ['elsewhere', await answer(`HTTP/1.1 302 Found\r\nLocation: http://${page}/\r\nContent-Length: 0\r\n\r\n`), /^200 hi$/],
  ];
  const count = (phase, kind, times) => [`http_errors{phase:${phase},error:${kind}}`, `count==${times}`];
  const thresholds = Object.fromEntries([
    count('connect', 'refused', 1), count('wait', 'reset', 1), count('wait', 'hung_up', 1), count('wait', 'timed_out', 1), count('receive', 'malformed', 4),
    count('receive', 'hung_up', 2), count('receive', 'too_big', 4), count('receive', 'timed_out', 1), count('status', 404, 1), count('status', 503, 1),
    ['http_errors{phase:redirect}', 'count==2'], ['http_errors', 'count==19'], ['iterations', `count==${rows.length}`]]);
  const run = await load(`
    import { readFileSync } from 'node:fs';
    const addresses = ${JSON.stringify(rows.map(([name, address]) => [name, `http://${address}/`]))};
    export const load = { users: addresses.length, iterations: 1, thresholds: ${JSON.stringify(thresholds)} };
    export default async function user(u) {
      const [name, url] = addresses[u.number];
      const said = await fetch(url, { signal: name.startsWith('never') ? AbortSignal.timeout(500) : undefined }).then(
        async (answer) => answer.status + ' ' + await answer.text(),
        (error) => error.name === 'TimeoutError' ? 'aborted' : error.phase + ': ' + error.message);
      console.log(JSON.stringify({ name, said }));
    }
    export const teardown = () => console.log(JSON.stringify({ name: 'memory', mb: Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status'))[1]) / 1024 }));`, ['--workers', '1']);
  const all = new Map(told(run).map((one) => [one.name, one]));
  for (const [name, , words] of rows) assert.match(all.get(name)?.said ?? run.err, words, name);
  assert.equal(run.code, 0, run.out + run.err);
  assert.ok(all.get('memory').mb < 500, `${all.get('memory').mb} MB at most`);  // 64 MB each of three, as it grows and as it is told
});

test('TLS: who is not vouched for, has another name, talks in the clear or never', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'misfits-'));
  const made = (name) => {
    const files = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=nobody',
      '-addext', `subjectAltName=${name}`, '-keyout', files.key, '-out', files.cert], { stdio: 'ignore' });
    return files;
  };
  const served = async ({ cert, key }) => {
    const server = https.createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => response.end('hi'));
    new WebSocketServer({ server }).on('connection', (socket) => socket.close(4000, 'so'));
    await new Promise((go) => server.listen(0, '127.0.0.1', go));
    after(() => server.closeAllConnections());
    after(() => server.close());
    return `127.0.0.1:${server.address().port}`;
  };
  const good = made('IP:127.0.0.1'), other = made('DNS:elsewhere.example');
  const authorities = join(folder, 'all.pem');
  writeFileSync(authorities, readFileSync(good.cert, 'utf8') + readFileSync(other.cert, 'utf8'));
  const addresses = { good: await served(good), other: await served(other), clear: await listening((socket) => socket.once('data', () => socket.end('HTTP/1.1 400 No\r\n\r\n'))),
    reset: await listening((socket) => socket.once('data', () => socket.resetAndDestroy())), stalled: await listening((socket) => socket.resume()) };
  const scenario = (thresholds) => `
    const addresses = ${JSON.stringify(Object.entries(addresses))};
    export const load = { users: addresses.length, iterations: 1, thresholds: ${JSON.stringify(thresholds)} };
    export default async function user(u) {
      const [name, address] = addresses[u.number];
      const page = await fetch('https://' + address, { signal: AbortSignal.timeout(500) }).then((answer) => answer.text(), (error) => (error.phase ?? error.name) + ': ' + error.message);
      const socket = new WebSocket('wss://' + address, [], { handshakeTimeout: 500 });
      const closed = await new Promise((go) => {
        let said = '';
        socket.onerror = ({ phase, message }) => { said = phase + ': ' + message; };
        socket.onclose = ({ code }) => go(said || code);
      });
      console.log(JSON.stringify({ name, page, closed }));
    }`;
  const table = (run) => Object.fromEntries(told(run).map(({ name, ...rest }) => [name, rest]));

  const unknown = await load(scenario({
    'ws_errors{phase:tls,error:tls}': 'count==4', 'ws_errors{phase:tls,error:timed_out}': 'count==1',
    'http_errors{phase:tls,error:tls}': 'count==4', 'http_errors{phase:tls,error:timed_out}': 'count==1' }));
  assert.equal(unknown.code, 0, unknown.out + unknown.err);
  assert.match(table(unknown).good.page, /^tls: .*self-signed certificate/);
  assert.equal(table(unknown).good.closed, 'tls: self-signed certificate');

  const known = await load(scenario({ 'ws_errors{phase:tls}': 'count==4', [closed(4000)]: 'count==1' }), ['--ca', authorities]);
  rmSync(folder, { recursive: true });
  assert.equal(known.code, 0, known.out + known.err);
  const { good: kept, ...rest } = table(known);
  assert.deepEqual(kept, { page: 'hi', closed: 4000 });
  const words = { other: /name|mismatch/i, clear: /wrong version|record|handshake|packet/i, reset: /reset|lost|handshake/i, stalled: /in time|Timeout/i };
  for (const [name, how] of Object.entries(words)) for (const said of Object.values(rest[name])) assert.match(String(said), how, `${name}: ${said}`);
  for (const name of ['other', 'clear', 'reset']) for (const said of Object.values(rest[name])) assert.match(said, /^tls: /, name);
});
