// What a hostile client makes of a recorded one, whatever it speaks: seeded, so that a number says which.
import { deflated, frame } from './websocket_bytes.mjs';

// Mulberry32: [0, 1).
export function random_of(seed) {
  let state = seed >>> 0;
  const unit = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  };
  const below = (bound) => Math.floor(unit() * bound);
  return { below, chance: (share) => unit() < share, one_of: (list) => list[below(list.length)] };
}

const odd_texts = ['', '\u0000', '\ufeff', '😀'.repeat(50), 'a'.repeat(300), 'a'.repeat(70_000), '"', '\\', '\ud800', '__proto__',
  '#server-to-user-user', 'presence-room', 'private-own', 'private-encrypted-x', 'cache-x', 'private-cache-', 'presence-cache-a',
  'subscribe', 'connect', 'disconnecting', 'client-moved', 'pusher:subscribe', 'pusher:unsubscribe', 'pusher:signin', 'pusher:ping', 'pusher_internal:x', 'client-', 'news', 'a,b', '-'.repeat(201)];
const odd_values = [null, true, false, 0, -1, 1e308, 1e-9, 9007199254740993, [], {}, [[]], { epoch: 'x', offset: -1 }, { epoch: '', offset: 2 ** 53 },
  { _placeholder: true, num: 0 }, { _placeholder: true, num: 9 }];
const odd_json = ['', '{', '[]', 'null', '{"event":1}', '{"event":"pusher:subscribe"}', '{"event":"a","event":"b"}', '[' .repeat(5000),
  '{"a":'.repeat(2000), '{"event":"pusher:ping","data":{}} x', '"\\ud800"', '\ufeff{}', '{"event":"pusher:ping","data":1e999}',
  '{"event":"pusher:subscribe","data":{"channel":"news","recover":true}}'];

function mutated_value(value, random, depth = 0) {
  if (random.chance(0.15)) return random.chance(0.5) ? random.one_of(odd_texts) : random.one_of(odd_values);
  if (typeof value === 'string' && value.length > 0 && random.chance(0.3)) {
    const at = random.below(value.length);
    return value.slice(0, at) + random.one_of(['', 'x', ':', value, '\u0001', '"']) + value.slice(at + random.below(3));
  }
  if (value === null || typeof value !== 'object' || depth > 8) return value;
  const made = Array.isArray(value) ? [] : {};
  for (const [key, inner] of Object.entries(value)) {
    if (random.chance(0.06)) continue;
    made[random.chance(0.04) ? random.one_of(odd_texts) : key] = random.chance(0.5) ? mutated_value(inner, random, depth + 1) : inner;
  }
  if (random.chance(0.05)) made[random.one_of(['channel', 'event', 'data', 'auth', 'channel_data', 'recover', 'pid', 'offset'])] = random.one_of(odd_values);
  return made;
}

export function mutated_text(text, random) {
  if (random.chance(0.08)) return random.one_of(odd_json);
  if (random.chance(0.08)) {
    const at = random.below(text.length + 1);
    return text.slice(0, at) + random.one_of(['', ',', '}', '"', '\\u12', '\u0000', text]) + text.slice(at + random.below(4));
  }
  try {
    return JSON.stringify(mutated_value(JSON.parse(text), random)) ?? 'undefined';
  } catch {
    return text;
  }
}

// Messages left out, doubled, in another order, changed; in a third of the sessions none is: their frames are.
export function mutated_messages(messages, random, mutated = mutated_text) {
  if (random.chance(0.33)) return messages;
  const made = [];
  for (const message of messages) {
    if (random.chance(0.05)) continue;
    made.push(random.chance(0.35) ? mutated(message, random) : message);
    if (random.chance(0.1)) made.push(random.one_of(messages));
    if (random.chance(0.03)) for (let k = random.below(60); k > 0; --k) made.push(message);
    if (random.chance(0.05)) made.push(mutated(random.one_of(messages), random));
  }
  return made;
}

const twenty_megabytes = deflated(Buffer.alloc(20_000_000, 0x20));

// One message in frames: whole or in pieces, compressed or not, a ping between, rarely wrong. `agreed`: both may compress.
function framed_message(message, random, agreed) {
  const mask = Buffer.from([random.below(256), random.below(256), random.below(256), random.below(256)]);
  const compress = random.chance(agreed ? 0.5 : 0.02);
  let payload = Buffer.from(message);  // a copy: what is changed in it is not played again
  if (compress) payload = random.chance(0.01) ? Buffer.from(twenty_megabytes) : deflated(payload);
  if (random.chance(0.02) && payload.length > 0) payload[random.below(payload.length)] ^= 1 << random.below(8);
  let first = (compress ? 0x40 : 0) | ((typeof message === 'string') !== random.chance(0.03) ? 1 : 2);
  const out = [];
  for (let pieces = random.chance(0.2) ? 1 + random.below(4) : 0; pieces > 0; --pieces) {
    const size = random.below(payload.length + 1);
    out.push(frame(first, payload.subarray(0, size), mask));
    payload = payload.subarray(size);
    first = random.chance(0.01) ? 0x40 : 0;
    if (random.chance(0.2)) out.push(frame(random.one_of([0x89, 0x8a]), Buffer.alloc(random.below(126)), mask));
  }
  out.push(frame(0x80 | first, payload, mask));
  if (random.chance(0.02)) out.push(frame(random.below(256), Buffer.alloc(random.below(200)), mask));
  return Buffer.concat(out);
}

export function spoil(bytes, random) {
  for (let k = 1 + random.below(4); k > 0 && bytes.length > 0; --k) bytes[random.below(bytes.length)] = random.below(256);
}

const closes = [[], [3, 232], [3, 233, 120], [3], [0, 0], [255, 255], [3, 238]];

// Texts, and Buffers as binary messages: the first of a client's, when more will follow.
export const opening_frames = (messages, random, agreed) => Buffer.concat(messages.map((each) => framed_message(each, random, agreed)));

// The rest of the client's bytes.
export function framed(messages, random, agreed) {
  let bytes = opening_frames(messages, random, agreed);
  if (random.chance(0.5)) bytes = Buffer.concat([bytes, frame(0x88, Buffer.from(random.one_of(closes)), Buffer.alloc(4))]);
  if (random.chance(0.25)) spoil(bytes, random);
  if (random.chance(0.1)) bytes = bytes.subarray(0, random.below(bytes.length + 1));
  if (random.chance(0.03)) bytes = Buffer.concat([bytes, Buffer.alloc(random.below(100_000), random.below(256))]);
  return bytes;
}

// The head of an HTTP request: one in twelve is spoilt. Of those who want a WebSocket a third offers to compress.
export function mutated_head(head, random) {
  let made = head.replace(/Sec-WebSocket-Extensions:.*\r\n/i, '');
  if (random.chance(0.4) && /^Upgrade:/im.test(head))
    made = made.replace(/\r\n\r\n$/, `\r\nSec-WebSocket-Extensions: permessage-deflate${random.one_of(['', '; client_max_window_bits',
      '; server_max_window_bits=9', '; server_max_window_bits="10"', '; x', '; server_max_window_bits=99, permessage-deflate', ';;'])}\r\n\r\n`);
  if (!random.chance(1 / 12)) return Buffer.from(made, 'latin1');
  const bytes = Buffer.from(made, 'latin1');
  spoil(bytes, random);
  return random.chance(0.3) ? bytes.subarray(0, random.below(bytes.length)) : bytes;
}
