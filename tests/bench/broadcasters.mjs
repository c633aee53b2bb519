// What a team would write with `ws` or Socket.IO: who connects is a subscriber, and who says anything has 100 bytes sent to all.
//   node broadcasters.mjs ws|socket_io       says its port
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../e2e/package.json', import.meta.url));
const text = 'x'.repeat(100);
const server = createServer();

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
    socket.on('say', () => all.emit('said', text));
  });
}

({ ws: with_ws, socket_io: with_socket_io })[process.argv[2]]();
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => console.log(server.address().port));
