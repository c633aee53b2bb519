// A redis-server of a test's own, and Socket.IO servers of Node that share their clients over it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';
import { free_ports } from './ports.mjs';
import { wait_for } from './wait.mjs';

// {url, start(), kill(), client()}: it may be killed and started again at the same port. Clients
// connect again by themselves, and end with end().
export async function redis_server() {
  const [port] = await free_ports(1);
  const url = `redis://127.0.0.1:${port}`;
  const clients = [];
  let child = null;
  const redis = {
    url,
    async start() {
      child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], { stdio: 'ignore' });
      const probe = createClient({ url, socket: { reconnectStrategy: () => 20 } });
      probe.on('error', () => {}); // until it is up
      await probe.connect();
      await probe.ping();
      await probe.disconnect();
    },
    async kill() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      child = null;
    },
    async client() {
      const made = createClient({ url, socket: { reconnectStrategy: () => 50 } });
      made.on('error', () => {}); // it connects again
      clients.push(made);
      await made.connect();
      return made;
    },
    async end() {
      for (const one of clients) await one.disconnect().catch(() => {});
      if (child) await redis.kill();
    },
  };
  await redis.start();
  return redis;
}

// A Socket.IO server whose clients join a room by emit('join', room): {io, url, close()}.
export async function node_server(redis, options = {}) {
  const http = createServer();
  const io = new Server(http);
  io.adapter(createAdapter(await redis.client(), await redis.client(), { requestsTimeout: 2000, ...options }));
  io.on('connection', (socket) => {
    socket.on('join', async (room, done) => {
      await socket.join(room);
      done();
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return { io, url: `http://127.0.0.1:${http.address().port}`, close: () => io.close() };
}

// So many servers hear the requests of the cluster, as adapters count them, and of broadcasts.
export async function servers_are(redis, count, key = 'socket.io') {
  const asks = await redis.client();
  const channel = `${key}-request#/#`;
  await wait_for(
    async () => {
      const said = await asks.sendCommand(['PUBSUB', 'NUMSUB', channel]);
      const patterns = await asks.sendCommand(['PUBSUB', 'NUMPAT']);
      return Number(said[1]) === count && patterns >= 1;
    },
    { what: `${count} servers in the cluster` },
  );
  await asks.disconnect();
}
