// A well-behaved app for tests: a WebSocket echo with everything that Utakata asks for.
//   BOOT_MS     it listens so long after its start
//   IDLE_CLOSE  "1": draining, it closes its clients (1012), 50 a second; otherwise they stay
//   UTAKATA_LEASE  seconds: it ends unless it is lent more by `PUT /lease?ms=...`
//   POST /stall?ms=2000 blocks its event loop (after the answer is written)
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import { WebSocketServer } from 'ws';

// As it was told: `pace` a second, `most` in all; null: everybody.
function close_some(sockets, { pace, most }) {
  let left = most ?? Infinity;
  const timer = setInterval(() => {
    const [socket] = sockets.clients;
    if (!socket || left-- <= 0) return clearInterval(timer);
    socket.close(1012, 'ask for another place');
  }, 1000 / pace);
}

let lease;
function lend(ms) {
  clearTimeout(lease);
  lease = setTimeout(() => process.exit(1), ms);
}
if (process.env.UTAKATA_LEASE) lend(process.env.UTAKATA_LEASE * 1000);

// `odd` replaces an answer: odd(asked, say, app) returns true if it has answered. app: {server,
// sockets, state}.
export function serve(odd = () => false) {
  const state = { accepted: 0, draining: false, told: [] };
  const server = createServer(
    { keepAlive: true, keepAliveInitialDelay: 30_000 },
    async (request, response) => {
      const { pathname, searchParams } = new URL(request.url, 'http://app');
      const say = (status, body, type = 'application/json') => {
        response
          .writeHead(status, { 'content-type': type })
          .end(typeof body === 'string' ? body : JSON.stringify(body));
      };
      const asked = `${request.method} ${pathname}`;
      if (odd(asked, say, { server, sockets, state, response })) return;
      if (asked === 'GET /healthz') return say(200, { well: true });
      if (asked === 'GET /stats')
        return say(200, {
          connections: sockets.clients.size,
          accepted: state.accepted,
          nested: { players: sockets.clients.size },
        });
      if (asked === 'GET /metrics') {
        return say(
          200,
          `# TYPE app_connections gauge\napp_connections ${sockets.clients.size}\n`,
          'text/plain',
        );
      }
      if (asked === 'GET /told') return say(200, state); // what the controller has told us
      if (asked === 'GET /env') return say(200, process.env);
      if (asked === 'POST /stall') {
        say(202, {});
        return response.on('finish', () => {
          const until = performance.now() + Number(searchParams.get('ms'));
          while (performance.now() < until);
        });
      }
      if (asked === 'POST /drain') {
        if (request.headers.authorization !== `Bearer ${process.env.UTAKATA_TOKEN}`)
          return say(403, {});
        let text = '';
        for await (const chunk of request) text += chunk;
        state.told.push(JSON.parse(text));
        state.draining = state.told.at(-1).state === 'draining';
        if (state.told.at(-1).close) close_some(sockets, state.told.at(-1).close);
        return say(200, {});
      }
      if (asked === 'PUT /lease') {
        if (request.headers.authorization !== `Bearer ${process.env.UTAKATA_TOKEN}`)
          return say(403, {});
        const ms = Number(searchParams.get('ms'));
        if (ms >= 100) lend(ms);
        return say(200, {});
      }
      say(404, {});
    },
  );
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    state.accepted++;
    socket.on('message', (data, is_binary) => socket.send(data, { binary: is_binary }));
    socket.on('error', () => {});
  });
  if (process.env.IDLE_CLOSE === '1') {
    setInterval(() => {
      if (state.draining)
        [...sockets.clients]
          .slice(0, 10)
          .forEach((socket) => socket.close(1012, 'ask for another place'));
    }, 200);
  }
  setTimeout(
    () => server.listen(Number(process.env.PORT), process.env.HOST || '127.0.0.1'),
    Number(process.env.BOOT_MS ?? 0),
  );
  server.on('error', (problem) => {
    console.error(problem.message);
    process.exit(1);
  });
  return { server, sockets, state };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  serve();
  process.once('SIGTERM', () => process.exit(0));
}
