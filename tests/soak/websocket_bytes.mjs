// Frames of a WebSocket client, right or wrong, and what a server's say.
import { deflateRawSync } from 'node:zlib';

export function frame(first, payload, mask) {
  const head = [first];
  if (payload.length < 126) head.push(0x80 | payload.length);
  else if (payload.length < 65536) head.push(0x80 | 126, payload.length >> 8, payload.length & 255);
  else head.push(0x80 | 127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((bits) => (payload.length >>> bits) & 255));
  const masked = Buffer.from(payload);
  for (let k = 0; k < masked.length; ++k) masked[k] ^= mask[k & 3];
  return Buffer.concat([Buffer.from(head), mask, masked]);
}

// As a sender of permessage-deflate writes a message.
export function deflated(payload) {
  const whole = deflateRawSync(payload, { finishFlush: 2 });  // Z_SYNC_FLUSH
  return whole.subarray(0, -4);
}

// The text of the first message in what a server has sent, plain; null: it is not whole.
export function first_text(bytes) {
  if (bytes.length < 2) return null;
  const short = bytes[1] & 127;
  const begin = short === 126 ? 4 : short === 127 ? 10 : 2;
  const size = short === 126 ? bytes.length < 4 ? Infinity : bytes.readUInt16BE(2) : short;
  if (short === 127 || bytes.length < begin + size) return null;
  return bytes.subarray(begin, begin + size).toString();
}
