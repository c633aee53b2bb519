// A recording: what one client sent, byte for byte, its HTTP requests in the order in which they were whole. A WebSocket's frames
// are behind its request, which stands where it closed. So a byte from 0x80 on begins a frame, any other a request.
import { createWriteStream } from 'node:fs';
import { connect, createServer } from 'node:net';

// Of the request that these bytes begin with; 0: it is not whole.
function request_size(bytes) {
  const end = bytes.indexOf('\r\n\r\n') + 4;
  if (end < 4) return 0;
  const size = end + Number(/^content-length: *(\d+)/im.exec(bytes.toString('latin1', 0, end))?.[1] ?? 0);
  return size <= bytes.length ? size : 0;
}

const is_upgrade = (request) => /^upgrade: *websocket/im.test(request.toString('latin1'));

// Between a client and the server at `server_port`: writes the recording, until close().
export async function recording_proxy(server_port, path) {
  const file = createWriteStream(path);
  const proxy = createServer((client) => {
    const there = connect(server_port, '127.0.0.1');
    let unwritten = Buffer.alloc(0), is_websocket = false;
    client.on('data', (bytes) => {
      there.write(bytes);
      unwritten = Buffer.concat([unwritten, bytes]);
      while (!is_websocket) {
        const size = request_size(unwritten);
        if (size === 0) return;
        is_websocket = is_upgrade(unwritten.subarray(0, size));
        if (is_websocket) return;
        file.write(unwritten.subarray(0, size));
        unwritten = unwritten.subarray(size);
      }
    });
    there.pipe(client);
    client.on('close', () => is_websocket && file.write(unwritten));
    for (const one of [client, there]) one.on('error', () => {}).on('close', () => (client.destroy(), there.destroy()));
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    port: proxy.address().port,
    close: () => (proxy.close(), new Promise((done) => file.end(done))),
  };
}

// The requests of a recording: `head` and `body` as texts, and `frames` of { first, payload }, the mask taken off.
export function taken_apart(bytes) {
  const requests = [];
  for (let at = 0; at < bytes.length;) {
    if (bytes[at] >= 0x80) {
      at += take_frame(bytes.subarray(at), requests.at(-1).frames);
      continue;
    }
    const size = request_size(bytes.subarray(at));
    const text = bytes.toString('utf8', at, at + size);
    const end = text.indexOf('\r\n\r\n') + 4;
    requests.push({ head: text.slice(0, end), body: text.slice(end), frames: [] });
    at += size;
  }
  return requests;
}

function take_frame(bytes, into) {
  let size = bytes[1] & 127, at = 2;
  if (size === 126) size = bytes.readUInt16BE(at), at += 2;
  else if (size === 127) size = Number(bytes.readBigUInt64BE(at)), at += 8;
  const mask = bytes.subarray(at, at + 4);
  const payload = Buffer.from(bytes.subarray(at + 4, at + 4 + size));
  for (let k = 0; k < payload.length; ++k) payload[k] ^= mask[k & 3];
  into.push({ first: bytes[0], payload });
  return at + 4 + size;
}
