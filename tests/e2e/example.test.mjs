// The example alone, with a stand-in for the controller: what the players see when instances drain,
// stall and die.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { start_players } from '../../examples/lobby-game/witness.mjs';
import { SocketIoClient } from './kit/clients.mjs';
import { utakata_program } from './kit/stack.mjs';
import { StandIn } from './kit/standin.mjs';
import { wait_for } from './kit/wait.mjs';

let place;
before(async () => {
  const env = { ROUND_SECONDS: '3', ROOM_WAIT_SECONDS: '5' };
  // Clients give up a silent instance after 6 s: longer than a stall of 2 s, and soon enough here.
  Object.assign(env, { PING_INTERVAL_MS: '3000', PING_TIMEOUT_MS: '3000' });
  place = await new StandIn({ env }).start();
});
after(() => place.stop());

const players_of = (options) => start_players({ program: utakata_program(), ...options });
const named = (cluster) => [...place.instances.values()].filter((one) => one.cluster === cluster);
const here = (run, cluster) =>
  Object.values(run.snapshot().instances).reduce(
    (sum, one) => sum + (one.cluster === cluster ? one.here : 0),
    0,
  );
const busy_game = (run) =>
  named('game').find((one) => run.snapshot().instances[one.name]?.here > 0);
const in_rounds = (run, count) =>
  wait_for(() => run.snapshot().starts >= count && here(run, 'game') === count, {
    within: 20_000,
    what: `${count} players in rounds`,
  });

const has_played = (run, rounds) =>
  wait_for(() => run.snapshot().rounds >= rounds, {
    within: 30_000,
    what: `${rounds} results to be heard`,
  });

// What must hold at the end of every run: each connection is accounted for, and nothing is still
// held.
function check_books(summary) {
  assert.equal(summary.connects, summary.left + summary.moved + summary.losses);
  for (const [name, one] of Object.entries(summary.instances)) {
    assert.equal(one.connects, one.left + one.moved + one.losses, name);
    assert.equal(one.here, 0, name);
  }
  assert.equal(summary.cuts.length, summary.losses);
  for (const one of place.instances.values())
    assert.equal(one.held, 0, `${one.name} still has seats held`);
}

test('players play whole rounds, and leave nothing behind', async () => {
  const run = players_of({ players: 8, api: place.api });
  await has_played(run, 16);
  run.stop();
  const summary = await run.done;
  assert.ok(summary.frames > 0);
  assert.equal(summary.losses, 0);
  check_books(summary);
  await wait_for(
    async () =>
      (await Promise.all(named('game').map((one) => place.stats(one.name)))).every(
        (stats) => stats.rooms === 0 && stats.connections === 0,
      ),
    { what: 'the games to be empty' },
  );
});

test('players of different lobbies meet in one room', async () => {
  const [one, other] = named('lobby');
  const clients = await Promise.all(
    [one, one, other, other].map((lobby) =>
      new SocketIoClient({ instance: lobby.name, url: lobby.url }).open(),
    ),
  );
  const rooms = clients.map(
    (client) =>
      new Promise((resolve) => {
        client.socket.once('matched', ({ room }) => resolve(room));
      }),
  );
  for (const client of clients)
    assert.deepEqual(await client.socket.emitWithAck('match'), { waiting: true });
  assert.equal(new Set(await Promise.all(rooms)).size, 1);
  await Promise.all(clients.map((client) => client.leave()));
});

test('a game is killed: its rooms meet again elsewhere, and nobody else is cut', async () => {
  const started = [];
  const run = players_of({
    players: 16,
    api: place.api,
    onEvent: (event) => {
      if (event.kind === 'started') started.push(event);
    },
  });
  await in_rounds(run, 16);
  const victim = busy_game(run).name;
  const there = run.snapshot().instances[victim].here;
  await place.kill(victim);
  await wait_for(() => run.snapshot().back.count === there, {
    within: 20_000,
    what: 'all to be back',
  });
  run.stop();
  const summary = await run.done;
  assert.equal(summary.losses, there);
  assert.ok(summary.cuts.every((cut) => cut.instance === victim && cut.back_ms >= 0));
  for (const { player, at_ms } of summary.cuts) {
    const [last, next] = [
      started.findLast((one) => one.player === player && one.at_ms < at_ms),
      started.find((one) => one.player === player && one.at_ms > at_ms),
    ];
    assert.equal(next.room, last.room);
    assert.notEqual(next.instance, victim);
  }
  check_books(summary);
});

test('a game freezes: its players give it up, and meet again once it is replaced', async () => {
  const run = players_of({ players: 4, api: place.api });
  await in_rounds(run, 4);
  const victim = busy_game(run).name;
  place.instances.get(victim).process.kill('SIGSTOP');
  const noticed = () => run.snapshot().losses === 4;
  await wait_for(noticed, { within: 20_000, what: 'all four to notice' });
  await place.kill(victim);
  const are_back = () => run.snapshot().back.count === 4;
  await wait_for(are_back, { within: 20_000, what: 'all to be back' });
  run.stop();
  const summary = await run.done;
  assert.ok(summary.cuts.every((cut) => cut.reason === 'ping timeout' && cut.instance === victim));
  check_books(summary);
});

test('a game told to drain lets its rooms finish: nobody is cut', async () => {
  const run = players_of({ players: 8, api: place.api });
  await in_rounds(run, 8);
  const busy = busy_game(run);
  assert.equal((await place.tell(busy.name, 'draining')).status, 200);
  await wait_for(async () => (await place.stats(busy.name)).connections === 0, {
    within: 20_000,
    what: `${busy.name} to be empty`,
  });
  assert.equal((await place.tell(busy.name, 'serving')).status, 200);
  assert.equal((await place.stats(busy.name)).draining, false);
  busy.open = true;
  run.stop();
  const summary = await run.done;
  assert.equal(summary.losses, 0);
  check_books(summary);
});

test('a lobby told to drain closes the transports of those who idle or wait', async () => {
  const [lobby] = named('lobby');
  const idle = await new SocketIoClient({ instance: lobby.name, url: lobby.url }).open();
  const waits = await new SocketIoClient({ instance: lobby.name, url: lobby.url }).open();
  assert.deepEqual(await waits.socket.emitWithAck('match'), { waiting: true });
  const told = [idle, waits].map(
    ({ socket }) =>
      new Promise((resolve) => {
        socket.once('elsewhere', resolve);
      }),
  );
  assert.equal((await place.tell(lobby.name, 'draining')).status, 200);
  await Promise.all(told);
  for (const client of [idle, waits]) {
    const closed = await wait_for(() => client.closed, { what: 'the transport to close' });
    // Not "io server disconnect": a client would not come back after that.
    assert.equal(closed.reason, 'transport close');
  }
  const late = await new SocketIoClient({ instance: lobby.name, url: lobby.url }).open();
  assert.equal((await late.socket.emitWithAck('match')).waiting, false);
  late.cut();
  // Nobody of theirs is in the queue: four players on the other lobby find each other, and not a
  // ghost.
  const run = players_of({ players: 4, api: place.api });
  await has_played(run, 4);
  run.stop();
  await run.done;
  assert.equal((await place.tell(lobby.name, 'serving')).status, 200);
  lobby.open = true;
});

test('only who knows the token may tell an instance to drain', async () => {
  for (const { url, name } of place.instances.values()) {
    for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
      assert.equal(
        (await fetch(`${url}/drain`, { method: 'POST', headers, body: '{"state": "draining"}' }))
          .status,
        403,
      );
    }
    const broken = await fetch(`${url}/drain`, {
      method: 'POST',
      headers: { authorization: `Bearer token-of-${name}` },
      body: 'drain!',
    });
    assert.equal(broken.status, 400);
    assert.equal((await place.stats(name)).draining, false);
  }
});

test('an event loop that stalls for 2 s cuts nobody', async () => {
  const run = players_of({ players: 4, api: place.api });
  await in_rounds(run, 4);
  const busy = busy_game(run);
  const rounds = run.snapshot().rounds;
  assert.equal((await fetch(`${busy.url}/stall?ms=2000`, { method: 'POST' })).status, 202);
  await wait_for(() => run.snapshot().rounds > rounds, {
    within: 20_000,
    what: 'the round to end all the same',
  });
  run.stop();
  const summary = await run.done;
  assert.equal(summary.losses, 0);
  check_books(summary);
});

test('a room whose players do not all come is given up', async () => {
  const [game] = named('game');
  const alone = await new SocketIoClient({ instance: game.name, url: game.url }).open(5000, {
    room: 'room-of-one',
    player: 'alone',
  });
  const abandoned = await new Promise((resolve) => {
    alone.socket.once('abandoned', resolve);
  });
  assert.match(abandoned.because, /1 of 4 players/);
  alone.cut();
});

test('the API is away for a while: players ask again, and say what was wrong', async () => {
  const refusals = [];
  const run = players_of({
    players: 1,
    api: 'http://127.0.0.1:1',
    onEvent: (event) => refusals.push(event),
  });
  await wait_for(() => refusals.length >= 2, { what: 'two attempts' });
  run.stop();
  const summary = await run.done;
  assert.ok(summary.api_failures >= 2);
  assert.match(summary.last_problem, /no answer/);
});
