// One instance of the game. The players of a room send where they are; the whole room gets one
// joined frame, 20 times a second. Plain Socket.IO: everything that Utakata needs of it is in
// `answer` below.
//
//   player -> game   connect with auth {room, player} · "move" x, y · "leave" (answered {last})
//   game -> player   "joined" {room, instance, players} · "start" {seconds}
//                    "frame" [[player, x, y], ...] · "results" {room, moves, winner}
//                    "abandoned" {because}
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { draining, is_told } from './controller.js';

const number = (name, otherwise) => Number(process.env[name] || otherwise);
const instance = process.env.UTAKATA_INSTANCE || `game by hand, process ${process.pid}`;
const seats = number('ROOM_SEATS', 4);
const round_seconds = number('ROUND_SECONDS', 15);
const wait_seconds = number('ROOM_WAIT_SECONDS', 30); // for all four to be in
const rooms = new Map();
let accepted = 0,
  rounds = 0,
  abandoned = 0;

// ---- what Utakata asks --------------------------------------------------------------------------
function answer(request, response) {
  const say = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  const { pathname, searchParams } = new URL(request.url, 'http://game');
  const asked = `${request.method} ${pathname}`;
  if (asked === 'GET /healthz') return say(200, { well: true });
  if (asked === 'GET /stats') {
    return say(200, {
      connections: io.engine.clientsCount,
      accepted,
      rooms: rooms.size,
      rounds,
      abandoned,
      draining,
    });
  }
  // Draining, the game lets its rooms finish and does nothing more: players leave after a round,
  // and nobody new is sent here.
  if (is_told(request, searchParams, asked, say)) return;
  if (asked === 'POST /stall' && process.env.LOBBY_GAME_TEST === '1') {
    // tests only: blocks the event loop
    say(202, {});
    return response.on('finish', () => stall(Number(searchParams.get('ms'))));
  }
  say(404, { title: `The game has no ${asked}.` });
}

function stall(milliseconds) {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

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

// ---- the game -----------------------------------------------------------------------------------
io.use((socket, next) => {
  const { room, player } = socket.handshake.auth;
  const is_name = (text) => typeof text === 'string' && text.length > 0 && text.length <= 64;
  if (!is_name(room) || !is_name(player))
    return next(new Error('auth must be {room, player}, of 1 to 64 characters'));
  const there = rooms.get(room);
  if (there?.over) return next(new Error(`room ${room} is over`));
  if (there && there.players.size >= seats && !there.players.has(player))
    return next(new Error(`room ${room} is full`));
  next();
});

io.on('connection', (socket) => {
  const { room: id, player } = socket.handshake.auth;
  const room = rooms.get(id) ?? room_open(id);
  const before = room.players.get(player);
  room.players.set(player, { socket, x: 0, y: 0, moves: before?.moves ?? 0, moved: true });
  before?.socket.conn.close(); // the same player again: the old one is dead and has not ended
  socket.join(id);
  socket.emit('joined', { room: id, instance, players: room.players.size });
  if (room.ends_at) socket.emit('start', { seconds: (room.ends_at - Date.now()) / 1000 });
  else if (room.players.size === seats) room_start(room);

  const is_in = () => room.players.get(player)?.socket === socket;
  const gone = () => {
    if (!is_in()) return;
    room.players.delete(player);
    if (room.players.size === 0) room_close(room);
  };
  socket.on('move', (x, y) => {
    if (!is_in() || !Number.isFinite(x) || !Number.isFinite(y)) return;
    const me = room.players.get(player);
    Object.assign(me, { x, y, moved: true, moves: me.moves + 1 });
    room.moved = true;
  });
  socket.on('leave', (done) => {
    gone();
    if (typeof done === 'function') done({ last: !rooms.has(id) });
  });
  socket.on('disconnect', gone);
});

function room_open(id) {
  const room = { id, players: new Map(), moved: false, ends_at: null, over: false, timer: null };
  room.timer = setTimeout(room_abandon, wait_seconds * 1000, room);
  rooms.set(id, room);
  return room;
}

function room_start(room) {
  clearTimeout(room.timer);
  room.ends_at = Date.now() + round_seconds * 1000;
  room.timer = setTimeout(room_finish, round_seconds * 1000, room);
  io.to(room.id).emit('start', { seconds: round_seconds });
}

function room_finish(room) {
  rounds++;
  const moves = Object.fromEntries([...room.players].map(([name, { moves }]) => [name, moves]));
  const winner = Object.keys(moves).reduce((best, name) =>
    moves[name] > moves[best] ? name : best,
  );
  room_over(room, 'results', { room: room.id, moves, winner });
}

function room_abandon(room) {
  abandoned++;
  const because = `${room.players.size} of ${seats} players were in after ${wait_seconds} s`;
  room_over(room, 'abandoned', { because });
}

// Who has not left 10 s after hearing that it is over would keep the instance occupied for ever:
// that connection is ended.
function room_over(room, event, body) {
  room.over = true;
  io.to(room.id).emit(event, body);
  room.timer = setTimeout(() => {
    for (const { socket } of room.players.values()) socket.conn.close();
  }, 10_000);
}

function room_close(room) {
  clearTimeout(room.timer);
  rooms.delete(room.id);
}

setInterval(() => {
  for (const room of rooms.values()) {
    if (!room.moved) continue;
    room.moved = false;
    const frame = [];
    for (const [name, player] of room.players) {
      if (player.moved) frame.push([name, player.x, player.y]);
      player.moved = false;
    }
    io.to(room.id).volatile.emit('frame', frame); // volatile: who cannot keep up gets the next one
  }
}, 50);

// SIGTERM comes when the instance is empty, or when somebody decided to cut its clients: nothing is
// left to wait for.
process.once('SIGTERM', () => process.exit(0));
server.listen(number('PORT', 3000), process.env.HOST || '127.0.0.1', () => {
  console.log(`${instance} listens on port ${server.address().port}`);
});
