// What a hostile client makes of the packets and requests of Socket.IO. A message is a packet of Engine.IO: a text, or a Buffer.
import { channel_signature } from './client.mjs';
import { mutated_head, mutated_text, spoil } from './mutate.mjs';

const odd_packets = ['', '0', '1', '2', '2probe', '3', '3probe', '4', '40', '41', '42', '43', '44', '45', '46', '47', '49', '5', '6', '7', 'b', 'b!', 'bAAA',
  '40{"pid":"x","offset":"y"}', '40{"pid":1}', '40/admin,', '40/,', '40' + '/'.repeat(300), '40/\u0000', '41/nowhere,', '420[]', '42[1]', '42["connect"]',
  '4200["subscribe","news"]', '42999999999999999999["subscribe","news"]', '42["subscribe"]', '42["subscribe","news"]]', '42[["subscribe"],"news"]',
  '42["subscribe","news","' + 'x'.repeat(70_000) + '"]', '42' + '['.repeat(3000), '42["client-x",' + '{"a":'.repeat(1500), '431[{"ok":true}]', '43[]', '44"no"',
  '450-["client-x","presence-room"]', '451-["subscribe","news",{"_placeholder":true,"num":0}]', '4511-["x"]', '45-["x"]', '4599999999999999999999-["x"]',
  '451-["client-x","private-own",{"_placeholder":true,"num":1}]', '4510-["client-x","private-own"]', '461-0[{"_placeholder":true,"num":0}]'];
const odd_heads = ['40', '41', '42', '420', '4200', '427', '42/admin,', '42/,', '450-', '451-', '4510-', '4511-', '46', '431', '2', '0', ''];

// Its digits, its namespace or its JSON.
export function mutated_packet(packet, random) {
  if (typeof packet !== 'string') {
    const bytes = Buffer.from(packet);
    if (random.chance(0.5)) spoil(bytes, random);
    return random.one_of([bytes, Buffer.alloc(0), bytes.subarray(0, random.below(bytes.length + 1)), Buffer.alloc(random.below(20_000), 4),
      bytes.toString('latin1')]);
  }
  if (random.chance(0.15)) return random.one_of(odd_packets);
  if (random.chance(0.03)) return Buffer.from(packet);
  const [, head, json] = /^([^[{"]*)(.*)$/s.exec(packet);
  return (random.chance(0.1) ? random.one_of(odd_heads) : head) + (json === '' ? '' : mutated_text(json, random));
}

const connects = /^40(\/[^,]*,)?(?:\{.*)?$/s;
export const is_connect = (message) => typeof message === 'string' && connects.test(message);

// For this connection what was signed for the recorded one, and what that one knew of its life before. `life`: { id, former }.
export function made_ours(message, life) {
  if (typeof message !== 'string') return message;
  if (is_connect(message) && message.includes('"pid"') && life.former?.pid)
    return `40${JSON.stringify({ pid: life.former.pid, ...(life.former.offset ? { offset: life.former.offset } : {}) })}`;
  const event = /^(42(?:\/[^,]*,)?\d*)(\["subscribe",.*"auth".*)$/s.exec(message);
  if (!event) return message;
  const said = JSON.parse(event[2]);
  said[2].auth = channel_signature(life.id, said[1], said[2].channel_data);
  return event[1] + JSON.stringify(said);
}

const separator = '\x1e';
export const messages_of = (body) =>
  body.split(separator).map((packet) => packet.startsWith('b') ? Buffer.from(packet.slice(1), 'base64') : packet);

const odd_bodies = ['', separator, separator.repeat(3000), 'b', 'b' + separator, '4' + separator, `2${separator}`.repeat(1001), '3'.repeat(3000),
  '42["subscribe","news"]' + separator.repeat(2), '\ufeff40', 'd=1:4', '1:40'];

export const body_of = (messages) =>
  Buffer.from(messages.map((each) => typeof each === 'string' ? each : `b${each.toString('base64')}`).join(separator));

export function mutated_body(messages, random) {
  if (random.chance(0.04)) return Buffer.from(random.one_of(odd_bodies));
  if (random.chance(0.004)) return Buffer.alloc(900_000 + random.below(300_000), random.one_of(['4', '[', separator, 'b', '\xff']));
  const bytes = body_of(messages);
  if (random.chance(0.08)) spoil(bytes, random);
  return random.chance(0.04) ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
}

const of_session = /sid=[^& ]*/;
const odd_queries = [(line) => line.replace(of_session, ''), (line) => line.replace(of_session, 'sid=0-nobody'),
  (line) => line.replace(of_session, '$&&$&x'), (line) => line.replace(of_session, 'sid=99999999999999999999-x'),
  (line) => line.replace(of_session, 'sid=-1-%00%ff%'), (line) => line.replace('EIO=4', 'EIO=3'), (line) => line.replace('EIO=4&', ''),
  (line) => line.replace(/transport=\w+/, 'transport=websocket'), (line) => line.replace(/transport=\w+/, 'transport=polling'),
  (line) => line.replace(/transport=\w+/, 'transport=constructor'), (line) => line.replace('?', `?${'a=b&'.repeat(2000)}`),
  (line) => line.replace('?', '?key=nobody&'), (line) => line.replace('/socket.io/', '/socket.io/x/../'), (line) => line.replace(/^\w+/, 'POST'),
  (line) => line.replace(/^\w+/, 'GET'), (line) => line.replace(/^\w+/, 'OPTIONS'), (line) => line.replace(/^\w+/, 'HEAD'),
  (line) => line.replace(/^\w+/, 'DELETE'), (line) => line.replace('HTTP/1.1', 'HTTP/1.0')];

// A request of Engine.IO as it was recorded, but for the session of that sid and with that body.
export function request_of(head, body, sid) {
  const made = sid ? head.replace(of_session, `sid=${sid}`) : head;
  return Buffer.concat([Buffer.from(made.replace(/content-length:.*/i, `Content-Length: ${body?.length ?? 0}`), 'latin1'), body ?? Buffer.alloc(0)]);
}

export function mutated_request(head, body, sid, random) {
  const end = head.indexOf('\r\n');
  let line = sid ? head.slice(0, end).replace(of_session, `sid=${sid}`) : head.slice(0, end);
  let rest = head.slice(end).replace(/content-length:.*\r\n/i, '');
  if (random.chance(0.05)) line = random.one_of(odd_queries)(line);
  if (random.chance(0.5)) rest = rest.replace(/connection: close\r\n/i, '');
  if (random.chance(0.1)) rest = rest.replace('\r\n', `\r\nOrigin: ${random.one_of(['http://show.example', 'null', 'x'.repeat(1000)])}\r\n`);
  if (!body) return mutated_head(line + rest, random);
  const chunked = random.chance(0.05);
  const size = random.chance(0.97) ? body.length : random.one_of([0, body.length + 5, Math.max(0, body.length - 1), -1, '1e3', '18446744073709551616']);
  const sized = rest.replace(/\r\n\r\n$/, chunked ? '\r\nTransfer-Encoding: chunked\r\n\r\n' : `\r\nContent-Length: ${size}\r\n\r\n`);
  const cut = random.below(body.length + 1);
  const chunk = (bytes) => bytes.length === 0 ? [] : [Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')];
  const sent = chunked ? [...chunk(body.subarray(0, cut)), ...chunk(body.subarray(cut)), Buffer.from(random.one_of(['0\r\n\r\n', '0\r\n\r\n', 'x\r\n', '']))] : [body];
  return Buffer.concat([mutated_head(line + sized, random), ...sent]);
}
