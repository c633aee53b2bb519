// A server that takes `delay` ms for each request and message, and knows how long it really took: `node delaying.mjs 50`. It says its
// port to its parent; asked for "delays" it says all of them, of HTTP and of WebSockets, in the order in which they came.
import http from 'node:http';
import { WebSocketServer } from 'ws';

const delay = Number(process.argv[2]);
const delays = { http: [], ws: [] };
function later(of, answer) {
  const came = process.hrtime.bigint();
  setTimeout(() => {
    answer();
    delays[of].push(Number(process.hrtime.bigint() - came) / 1e6);
  }, delay);
}
const server = http.createServer((request, response) => later('http', () => response.end('x')));
new WebSocketServer({ server }).on('connection', (socket) => socket.on('message', (data) => later('ws', () => socket.send(data))));
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('message', () => process.send(delays));
process.on('disconnect', () => process.exit(0));
