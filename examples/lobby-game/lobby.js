// One instance of the lobby. Players who ask are matched by fours, across all lobby instances: the
// queue is in Redis, taken from by one atomic script, and the four hear of it through
// @socket.io/redis-adapter wherever they are connected.
//
//   player -> lobby   connect with auth {player} · "match", answered {waiting, because}
//   lobby -> player   "matched" {room} · "elsewhere" {because}: ask for another place
import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import { Server } from 'socket.io';
import { createAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { draining, is_told } from './controller.js';

const number = (name, otherwise) => Number(process.env[name] || otherwise);
const instance = process.env.UTAKATA_INSTANCE || `lobby-by-hand-${process.pid}`;
const redis_url = process.env.REDIS_URL || 'redis://127.0.0.1:6379';
const seats = number('ROOM_SEATS', 4);
const closes_per_second = number('CLOSES_PER_SECOND', 50);
const waiting = new Map(); // socket id -> socket, of those we have put in the queue
let accepted = 0,
  matches = 0;

// ---- what Utakata asks --------------------------------------------------------------------------
function answer(request, response) {
  const say = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  const { pathname, searchParams } = new URL(request.url, 'http://lobby');
  const asked = `${request.method} ${pathname}`;
  if (asked === 'GET /healthz') return say(200, { well: true, redis: redis.status });
  if (asked === 'GET /stats') {
    return say(200, {
      connections: io.engine.clientsCount,
      accepted,
      waiting: waiting.size,
      matches,
      draining,
    });
  }
  if (is_told(request, searchParams, asked, say)) return;
  say(404, { title: `The lobby has no ${asked}.` });
}

// A lobby's clients would stay for ever, so a draining lobby sends them elsewhere, some each
// second. Those in the queue are taken out of it first; whoever is not in it any more has just been
// matched and will leave anyway.
async function send_elsewhere() {
  for (const socket of [...io.sockets.sockets.values()].slice(
    0,
    Math.ceil(closes_per_second / 5),
  )) {
    if (
      waiting.delete(socket.id) &&
      (await redis.zrem('waiting', member(socket)).catch(() => 0)) === 0
    )
      continue;
    if (!draining) return;
    socket.emit('elsewhere', { because: 'this lobby is closing' });
    socket.conn.close(); // the transport: after socket.disconnect() a client would not come back
  }
}
setInterval(() => {
  if (draining) send_elsewhere();
}, 200);

const server = createServer({ keepAlive: true, keepAliveInitialDelay: 30_000 }, answer);
const io = new Server(server, {
  cors: { origin: '*' },
  // Socket.IO's own defaults; `clients_wait` in stack.yaml is their sum.
  pingInterval: number('PING_INTERVAL_MS', 25_000),
  pingTimeout: number('PING_TIMEOUT_MS', 20_000),
  maxHttpBufferSize: 10_000,
});
io.engine.on('connection', () => {
  accepted++;
});

// ---- Redis --------------------------------------------------------------------------------------
// The queue fails at once while Redis is away (the player is told to ask again); the adapter's two
// wait for it to return.
const redis = new Redis(redis_url, {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 1,
  lazyConnect: true,
});
const publisher = new Redis(redis_url, { maxRetriesPerRequest: null });
const subscriber = publisher.duplicate();
let redis_lost_at = null;
for (const connection of [redis, publisher, subscriber]) {
  connection.on('error', () => {}); // `redis.status` shows it
}
redis.on('ready', () => {
  redis_lost_at = null;
});
redis.on('close', () => {
  redis_lost_at ??= performance.now();
});
io.adapter(createAdapter(publisher, subscriber));

// Puts ARGV[2] in the queue and takes out the first ARGV[1] who wait, if there are so many. A
// member is "lobby/socket"; those of a lobby that has not said for some seconds that it lives are
// thrown out. (One Redis, not a Redis Cluster.)
redis.defineCommand('match', {
  numberOfKeys: 2,
  lua: `
  redis.call('ZADD', KEYS[1], 'NX', redis.call('INCR', KEYS[2]), ARGV[2])
  local found = {}
  for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    if redis.call('EXISTS', 'alive:' .. string.match(member, '^[^/]+')) == 1 then
      found[#found + 1] = member
    else
      redis.call('ZREM', KEYS[1], member)
    end
    if #found == tonumber(ARGV[1]) then
      redis.call('ZREM', KEYS[1], unpack(found))
      return found
    end
  end
  return {}`,
});
const member = (socket) => `${instance}/${socket.id}`;
const say_alive = () => redis.set(`alive:${instance}`, 1, 'EX', 5).catch(() => {});

setInterval(() => {
  say_alive();
  if (redis_lost_at === null || performance.now() - redis_lost_at < 15_000) return;
  // A Redis that was replaced may have a new address: whoever is started in our place is told the
  // right one.
  console.error(
    `${instance}: ${redis_url} did not answer for 15 s, nobody can be matched here; ending`,
  );
  process.exit(1);
}, 1000);

// ---- the lobby ----------------------------------------------------------------------------------
io.on('connection', (socket) => {
  socket.on('match', async (done) => {
    const reply = typeof done === 'function' ? done : () => {};
    if (draining) return reply({ waiting: false, because: 'this lobby is closing' });
    waiting.set(socket.id, socket);
    try {
      const found = await redis.match('waiting', 'arrivals', seats, member(socket));
      reply({ waiting: true });
      if (found.length === 0) return;
      matches++;
      const room = `room-${randomBytes(6).toString('hex')}`;
      io.to(found.map((text) => text.slice(text.indexOf('/') + 1))).emit('matched', { room });
    } catch {
      waiting.delete(socket.id);
      reply({ waiting: false, because: 'Redis does not answer just now' });
    }
  });
  socket.on('disconnect', () => {
    if (waiting.delete(socket.id)) redis.zrem('waiting', member(socket)).catch(() => {});
  });
});

// SIGTERM comes when the instance is empty, or when somebody decided to cut its clients: nothing is
// left to wait for.
process.once('SIGTERM', () => process.exit(0));
for (let tries = 1; ; tries++) {
  const failure = await redis.connect().then(
    () => null,
    (problem) => problem,
  );
  if (redis.status === 'ready') break;
  if (tries === 1) console.error(`${instance}: waiting for ${redis_url}: ${failure?.message}`);
  await new Promise((resume) => setTimeout(resume, 500));
}
await say_alive();
// The adapter's own subscriptions went before this one: answered, it means that no "matched" of
// another lobby can pass us by.
await subscriber.subscribe(`here:${instance}`);
server.listen(number('PORT', 3000), process.env.HOST || '127.0.0.1', () => {
  console.log(`${instance} listens on port ${server.address().port}`);
});
