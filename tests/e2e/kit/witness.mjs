// Servers of Node's that a load is put on: the witnesses of what was done.
import http from 'node:http';
import { after } from 'node:test';
import { WebSocketServer } from 'ws';

const servers = [];
after(() => servers.forEach((close) => close()));
const listening = (server) => new Promise((go) => server.listen(0, '127.0.0.1', () => go(server.address().port)));

// Says back what it hears, and knows who came.
export async function echo() {
  const seen = { paths: [], messages: 0, open: 0, most: 0 };
  const server = http.createServer((request, response) => response.end('well'));
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket, request) => {
    seen.paths.push(request.url);
    seen.most = Math.max(seen.most, ++seen.open);
    socket.on('close', () => --seen.open);
    socket.on('message', (data, is_binary) => {
      ++seen.messages;
      socket.send(data, { binary: is_binary });
    });
  });
  seen.url = `ws://127.0.0.1:${await listening(server)}`;
  servers.push(() => {
    for (const one of sockets.clients) one.terminate();
    server.close();
  });
  return seen;
}
export async function pages(serve) {
  const server = http.createServer(serve);
  servers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${await listening(server)}`;
}
