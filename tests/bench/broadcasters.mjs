// What a team would write with `ws` or Socket.IO: who connects is a subscriber, and who says anything has 100 bytes sent to all; by
// Socket.IO to all that have said `subscribe`.
//   node broadcasters.mjs ws|socket_io [CERTIFICATE KEY]       says its port; with files, of TLS
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../e2e/package.json', import.meta.url));
const text = 'x'.repeat(100);
const [what, certificate, key] = process.argv.slice(2);
const server = certificate ? createTlsServer({ cert: readFileSync(certificate), key: readFileSync(key) }) : createServer();

function with_ws() {
  const { WebSocketServer, WebSocket } = require('ws');
  const all = new WebSocketServer({ server });
  all.on('connection', (socket) => {
    socket.on('message', () => {
      for (const one of all.clients) if (one.readyState === WebSocket.OPEN) one.send(text);
    });
  });
}

function with_socket_io() {
  const { Server } = require('socket.io');
  const all = new Server(server, { transports: ['websocket'], pingInterval: 3_600_000 });  // a ping would be counted
  all.on('connection', (socket) => {
    socket.on('subscribe', (channel, done) => {
      socket.join(channel);
      done({ ok: true });
    });
    socket.on('say', () => all.to('news').emit('said', text));
  });
}

({ ws: with_ws, socket_io: with_socket_io })[what]();
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => console.log(server.address().port));
