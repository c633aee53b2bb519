// Servers that behave as no server should, each on a port of its own: what a load generator meets in the end.
import { createHash } from 'node:crypto';
import net from 'node:net';

const servers = [];
export function close_misfits() {
  for (const { server, sockets } of servers.splice(0)) {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

// `serve(socket)` as soon as somebody comes. Answers host:port.
export async function listening(serve) {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    serve(socket);
  });
  servers.push({ server, sockets });
  await new Promise((go) => server.listen(0, '127.0.0.1', go));
  return `127.0.0.1:${server.address().port}`;
}
// `say(socket, head)` when a request has come, by its end of lines.
export const asked = (say) => listening((socket) => {
  let head = '';
  const hear = (bytes) => {
    head += bytes.toString('latin1');
    if (!head.includes('\r\n\r\n')) return;
    socket.off('data', hear);
    say(socket, head);
  };
  socket.on('data', hear);
});
// Where nobody listens.
export async function nobody() {
  const server = net.createServer();
  await new Promise((go) => server.listen(0, '127.0.0.1', go));
  const { port } = server.address();
  await new Promise((go) => server.close(go));
  return `127.0.0.1:${port}`;
}

const accept_of = (head) => createHash('sha1').update(`${/sec-websocket-key: (\S+)/i.exec(head)[1]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
export const upgrade = (head, more = '') =>
  `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept_of(head)}\r\n${more}\r\n`;
// A WebSocket that is opened as it should be; then `say(socket)`.
export const opened = (say) => asked((socket, head) => {
  socket.write(upgrade(head));
  say(socket);
});
// ... then the frames are said, and what is answered ends it.
export const says = (...frames) => opened((socket) => {
  socket.once('data', () => socket.end());
  socket.write(Buffer.concat(frames));
});

export const text = 1, binary = 2, closing = 8, ping = 9;
export function frame(opcode, payload = '', { is_last = true, mask = null, reserved = 0, length = undefined } = {}) {
  const bytes = Buffer.from(payload), size = BigInt(length ?? bytes.length);
  const head = [(is_last ? 0x80 : 0) | reserved | opcode];
  const masked = mask ? 0x80 : 0;
  if (size < 126n) head.push(masked | Number(size));
  else head.push(masked | 127, ...Array.from({ length: 8 }, (_, at) => Number((size >> BigInt(56 - 8 * at)) & 255n)));
  return Buffer.concat([Buffer.from(head), Buffer.from(mask ?? []), mask ? bytes.map((byte, at) => byte ^ mask[at % 4]) : bytes]);
}
export const close_frame = (code, reason = '') => frame(closing, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]));

// Writes piece after piece, as fast as it is taken, until who listens has gone. Answers how many.
export async function pour(socket, piece, times = Infinity) {
  let count = 0;
  for (; count < times && !socket.destroyed; ++count)
    if (!socket.write(piece))
      await new Promise((go) => {
        const goes_on = () => {
          socket.off('drain', goes_on).off('close', goes_on);
          go();
        };
        socket.on('drain', goes_on).on('close', goes_on);
      });
  return count;
}
