// Servers that refuse, stall, lie and flood: each of a scenario's users is told as a browser's page would be, what happened is counted
// by kind and phase, and the run goes on.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { load } from './kit/load.mjs';
import { asked, binary, close_frame, close_misfits, closing, frame, listening, nobody, opened, ping, pour, says, text, upgrade } from './kit/misfits.mjs';

after(close_misfits);

// What the users of a run said of it, a line of JSON each.
const told = (run) => run.out.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));

// A user dials each, all at once, and tells what it was told.
const dials = (addresses, thresholds, more = '') => `
  const addresses = ${JSON.stringify(addresses)};
  export const load = { users: addresses.length, iterations: 1, thresholds: ${JSON.stringify(thresholds)} };
  export default async function user(u) {
    const [name, url] = addresses[u.number];
    const socket = new WebSocket(url, [], { handshakeTimeout: 1000 });
    const events = [];
    await new Promise((go) => {
      socket.onopen = () => { events.push('open'); ${more} };
      socket.onmessage = ({ data }) => events.push('message');
      socket.onerror = ({ phase, message }) => events.push('error ' + phase + ': ' + message);
      socket.onclose = ({ code, reason, wasClean }) => { events.push('close ' + code + ' ' + reason + (wasClean ? '' : '!')); go(); };
    });
    console.log(JSON.stringify({ name, events, state: socket.readyState }));
  }`;

// rows: [name, address, [phase, kind], events after those that the phase says]
async function misfits(rows, protocol = 'ws', more) {
  const counts = {};
  const addresses = [];
  for (const [name, address, fault] of rows) {
    addresses.push([name, `${protocol}://${await address}/`]);
    if (fault) counts[fault] = (counts[fault] ?? 0) + 1;
  }
  const thresholds = Object.fromEntries(Object.entries(counts).map(([fault, count]) => [fault, `count==${count}`]));
  const run = await load(dials(addresses, { ...thresholds, iterations: `count==${rows.length}` }, more));
  assert.equal(run.code, 0, run.out + run.err);
  const all = new Map(told(run).map((one) => [one.name, one]));
  for (const [name, , , ...events] of rows) {
    const one = all.get(name);
    assert.equal(one?.state, 3, `${name}\n${run.out}`);
    assert.equal(one.events.length, events.length, `${name}: ${one.events.join(' | ')}`);
    events.forEach((event, at) => assert.match(one.events[at], event, name));
  }
}
const refused = (phase, code = 1006) => `ws_closed{phase:${phase},code:${code}}`;

test('a handshake that comes to nothing', async () => {
  const answer = (words) => asked((socket) => socket.end(words));
  const never = [/^close 1006 !$/];
  await misfits([
    ['nobody there', nobody(), refused('connect'), /^error connect: Connection refused$/, ...never],
    ['reset when asked', asked((socket) => socket.resetAndDestroy()), refused('handshake'), /^error handshake: .*closed before/, ...never],
    ['hung up', asked((socket) => socket.end()), refused('handshake'), /^error handshake: .*closed before/, ...never],
    ['half an answer', answer('HTTP/1.1 101 Swit'), refused('handshake'), /^error handshake: .*closed before/, ...never],
    ['never an answer', asked(() => {}), refused('handshake'), /^error handshake: .*in time/, ...never],
    ['an answer without an end', asked((socket) => void pour(socket, `X: ${'y'.repeat(1000)}\r\n`)), refused('handshake'), /^error handshake: .*HTTP\/1\.1/, ...never],
    ['a header without an end', asked((socket) => void pour(socket, 'HTTP/1.1 101 OK\r\nX: yyyyyyyyyyyyyyyyyyyyyyy'.repeat(100))), refused('handshake'), /^error handshake: .*does not end/, ...never],
    ['garbage', answer('\0\xff\r\n\r\nwhat?'), refused('handshake'), /^error handshake: .*HTTP\/1\.1/, ...never],
    ['404', answer('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'), refused('handshake'), /^error handshake: .*status 404/, ...never],
    ['503', answer('HTTP/1.1 503 Busy\r\nRetry-After: 1\r\n\r\n'), refused('handshake'), /^error handshake: .*status 503/, ...never],
    ['200', answer('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'), refused('handshake'), /^error handshake: .*status 200/, ...never],
    ['sent elsewhere', answer('HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\n\r\n'), refused('handshake'), /^error handshake: .*status 302/, ...never],
    ['another key', asked((socket) => socket.end(upgrade('Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='))), refused('handshake'), /^error handshake: .*not to our key/, ...never],
    ['not asked for', asked((socket, head) => socket.end(upgrade(head, 'Sec-WebSocket-Extensions: x-tea\r\n'))), refused('handshake'), /^error handshake: .*extension/, ...never],
  ]);
});

test('a WebSocket that is closed, by each code', async () => {
  const rows = [];
  const orderly = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999];
  for (const code of orderly)
    rows.push([`code ${code}`, says(close_frame(code, 'so')), refused('open', code), /^open$/, new RegExp(`^close ${code} so$`)]);
  for (const code of [999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535])  // are never sent
    rows.push([`code ${code}`, says(close_frame(code)), null, /^open$/, /^error open: .*code/i, /^close 1006 !$/]);
  rows.push(['no code', says(frame(closing)), refused('open', 1005), /^open$/, /^close 1005 $/]);
  rows.push(['half a code', says(frame(closing, 'x')), null, /^open$/, /^error open: /, /^close 1006 !$/]);
  rows.push(['a reason that is no text', says(frame(closing, Buffer.from([3, 232, 0xff]))), null, /^open$/, /^error open: /, /^close 1006 !$/]);
  rows.push(['hung up', opened((socket) => socket.end()), null, /^open$/, /^error open: .*lost/, /^close 1006 !$/]);
  rows.push(['reset', opened((socket) => setTimeout(() => socket.resetAndDestroy(), 20)), null, /^open$/, /^error open: .*lost/, /^close 1006 !$/]);
  rows.push(['reset before it is asked', listening((socket) => socket.resetAndDestroy()), null, /^error (connect: .*reset|handshake: .*(lost|closed))/, /^close 1006 !$/]);
  await misfits(rows);
});

test('frames that RFC 6455 forbids', async () => {
  const cut = [/^error open: /, /^close 1006 !$/];
  await misfits([
    ['masked', says(frame(text, 'hi', { mask: [1, 2, 3, 4] })), null, /^open$/, ...cut],
    ['bad UTF-8', says(frame(text, Buffer.from([0x68, 0xff]))), null, /^open$/, ...cut],
    ['UTF-8 that does not end', says(frame(text, Buffer.from([0xe2, 0x82]))), null, /^open$/, ...cut],
    ['reserved bits', says(frame(text, 'hi', { reserved: 0x40 })), null, /^open$/, ...cut],
    ['an opcode that is none', says(frame(5, 'hi')), null, /^open$/, ...cut],
    ['a control that is none', says(frame(11)), null, /^open$/, ...cut],
    ['a ping in pieces', says(frame(ping, 'hi', { is_last: false })), null, /^open$/, ...cut],
    ['a ping of 126 bytes', says(frame(ping, 'x'.repeat(126))), null, /^open$/, ...cut],
    ['what goes on without a beginning', says(frame(0, 'hi')), null, /^open$/, ...cut],
    ['a beginning within a message', says(frame(text, 'a', { is_last: false }), frame(text, 'b')), null, /^open$/, ...cut],
    ['a length of 2^63', says(frame(binary, '', { length: 2n ** 63n })), null, /^open$/, ...cut],
    ['a good one, and then a bad one', says(frame(text, 'hi'), frame(text, 'hi', { reserved: 0x10 })), null, /^open$/, /^message$/, ...cut],
    ['with the answer', asked((socket, head) => {
      socket.once('data', () => socket.end());
      socket.write(Buffer.concat([Buffer.from(upgrade(head)), frame(text, 'hi'), close_frame(4000)]));
    }), null,
      /^open$/, /^message$/, /^close 4000 $/],
  ]);
});
