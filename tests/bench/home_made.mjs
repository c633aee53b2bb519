// The usual home-made way of placing: an HTTP server in Node, and a sorted set in Redis with each instance's load as its
// score. The least member is read, its score raised, its address answered. Pipelined by ioredis where calls meet.
//   node home_made.mjs PORT REDIS_PORT INSTANCES
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../examples/lobby-game/package.json', import.meta.url));
const { Redis } = require('ioredis');
const [port, redis_port, instances] = process.argv.slice(2).map(Number);
const redis = new Redis({ port: redis_port, host: '127.0.0.1', enableAutoPipelining: true });
for (let k = 1; k <= instances; k++) await redis.zadd('load', 0, `game-${k}`);

createServer((request, response) => {
  request.resume();
  request.on('end', async () => {
    const [instance] = await redis.zrange('load', 0, 0);
    await redis.zincrby('load', 1, instance);
    const body = JSON.stringify({ instance, url: `ws://127.0.0.1:${20_000 + Number(instance.slice(5))}` });
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
  });
}).listen({ port, host: '127.0.0.1', backlog: 1024 }, () => console.log('listening'));
