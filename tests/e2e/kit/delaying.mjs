// A server that takes so many milliseconds for each answer, and knows how long it really took: `node delaying.mjs 50`. It tells its
// parent its port. Asked for nothing it tells all delays, by what was asked for (the path, or the message); asked to stall for so many
// ms it does nothing at all meanwhile, and tells how long that was.
import http from 'node:http';
import { WebSocketServer } from 'ws';

const delay_ms = Number(process.argv[2]);
const now = () => Number(process.hrtime.bigint()) / 1e6;
const delays = {};
let requests = 0;
function later(of, answer) {
  ++requests;
  const came = now();
  const done = () => {
    (delays[of] ??= []).push(now() - came);
    answer();
  };
  if (delay_ms > 0) setTimeout(done, delay_ms);
  else done();
}
const server = http.createServer((request, response) => later(request.url.slice(1), () => response.end('x')));
new WebSocketServer({ server }).on('connection', (socket) => socket.on('message', (data) => later(String(data), () => socket.send(data))));
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('message', ({ stall_ms }) => {
  if (stall_ms === undefined) return process.send({ delays, requests });
  const begin = now();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stall_ms);
  process.send({ stalled_ms: now() - begin });
});
process.on('disconnect', () => process.exit(0));
