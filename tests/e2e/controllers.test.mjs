// Several controllers of one stack, over a real etcd: who owns what, and what happens when one of
// them dies, freezes or loses sight of etcd. Judged by clients and the watcher of processes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Crowd } from './kit/clients.mjs';
import { start_etcd, why_not } from './kit/etcd.mjs';
import { utakata_program } from './kit/stack.mjs';
import { owners, owns, start_twins } from './kit/twins.mjs';
import { monotonic_ms, wait_for } from './kit/wait.mjs';

const lease_ms = 3000;

const stack = (etcd, capacity) => ({ listen, ports, kit }) => `
stack: twins
api: { listen: ${listen}, ports: ${ports} }
store: { etcd: [${etcd.endpoints.map((one) => `"${one}"`).join(', ')}], give_back: 4s }
clusters:
  lobby:
    owner: a
    run: node ${kit}/app-ws.mjs
    url: ws://\${host}:\${port}
    count: { http: /stats, field: connections }
    capacity: ${capacity}
    instances: { min: 2, max: 4 }
  game:
    owner: b
    run: node ${kit}/app-ws.mjs
    url: ws://\${host}:\${port}
    count: { http: /stats, field: connections }
    capacity: ${capacity}
    seats: 5
    instances: { min: 2, max: 4 }
`;

// a and b, each with its cluster; what both serve is there.
async function start(t, { members = 1, capacity = 50 } = {}) {
  const etcd = await start_etcd(members);
  const { a, b } = await start_twins(t, {
    yaml: stack(etcd, capacity),
    recorded: () => etcd.activities('twins'),
    last: () => etcd.stop(),
  });
  await owns(a, { lobby: 'a', game: 'b' });
  await Promise.all([a.serving('lobby', 2), a.serving('game', 2)]);
  return { etcd, a, b };
}

// For which this thread could have run and the machine ran others.
const waited_for_cpu_ms = () => Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]) / 1e6;

const post = (agent, url, body) =>
  new Promise((resolve, reject) => {
    const asked = request(url, { method: 'POST', agent, timeout: 15_000 }, (answer) => {
      let text = '';
      answer.on('data', (bytes) => (text += bytes));
      answer.on('end', () => resolve({ status: answer.statusCode, body: JSON.parse(text) }));
      answer.on('error', reject);
    });
    asked.on('error', reject);
    asked.end(JSON.stringify(body));
  });

describe('several controllers', { concurrency: 2, skip: why_not }, () => {
  test('each runs its cluster, and both answer for both', async (t) => {
    const { a, b } = await start(t);
    for (const controller of [a, b]) {
      for (const cluster of ['lobby', 'game']) {
        const placed = await controller.place(cluster);
        assert.equal(placed.status, 200, JSON.stringify(placed.body));
        assert.match(placed.body.instance, new RegExp(`^${cluster}-`));
      }
      const shown = (await controller.status()).clusters;
      for (const { name, serving, seats_held } of shown) assert.equal(serving, 2, name);
      assert.equal(shown.length, 2);
      assert.match((await controller.command('ps', '--stack', 'twins')).stdout, /game +b +2\.\.4/);
    }
    await b.scale('lobby', 3); // by whichever is asked
    await a.serving('lobby', 3);
  });

  test('the owner is killed: the other acts for its cluster within the lease and 1.5 s, and cuts nobody', async (t) => {
    const { a, b } = await start(t);
    const crowd = new Crowd(a, 'game');
    t.after(() => crowd.end());
    await crowd.add(20);
    const victim = (await a.instances('game'))[0];
    await b.kill9();
    const killed = monotonic_ms();
    process.kill(victim.pid, 'SIGKILL');
    await owns(a, { lobby: 'a', game: 'a' }, 10_000);
    await wait_for(
      async () => (await a.activities({ cluster: 'game', kind: 'launch' })).length === 3,
      { within: 10_000, every: 20, what: 'a substitute to be launched' },
    );
    const took = monotonic_ms() - killed;
    t.diagnostic(`acted on again after ${took.toFixed(0)} ms`);
    assert.ok(took < lease_ms + 1500, `${took} ms`);
    await a.serving('game', 2);
    const cut = crowd.cuts.filter((one) => one.instance !== victim.id);
    assert.deepEqual(cut, []);
    await b.up();
    await owns(a, { lobby: 'a', game: 'b' }, 15_000); // back, after it has been there for a while
    await b.serving('game', 2);
  });

  test('a frozen owner records nothing after its time, and harms nothing when it thaws', async (t) => {
    const { a, b } = await start(t);
    b.freeze();
    const victim = (await a.instances('lobby'))[0];
    await owns(a, { lobby: 'a', game: 'a' }, 10_000);
    const before = (await a.activities()).at(-1)?.number ?? 0;
    const game = (await a.instances('game'))[0];
    process.kill(game.pid, 'SIGKILL');
    process.kill(victim.pid, 'SIGKILL');
    await Promise.all([a.serving('lobby', 2), a.serving('game', 2)]);
    b.thaw();
    await wait_for(async () => (await owners(b)).game === 'a', { what: 'b to see that' });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const launches = (await a.activities({ after: before, kind: 'launch' })).map((one) => one.cluster);
    assert.deepEqual(launches.sort(), ['game', 'lobby']);
    await a.watcher.caught_up();
    assert.equal(a.watcher.instances().length, 4);
  });

  test('a controller that is told to leave hands over at once', async (t) => {
    const { a, b } = await start(t);
    const told = monotonic_ms();
    b.signal('SIGTERM');
    await owns(a, { lobby: 'a', game: 'a' }, 10_000);
    assert.ok(monotonic_ms() - told < lease_ms, 'nobody waited for the lease');
    await a.serving('game', 2);
  });

  test('without etcd instances serve and placement answers; what died is healed when it is back', async (t) => {
    const { etcd, a } = await start(t);
    const crowd = new Crowd(a, 'lobby');
    t.after(() => crowd.end());
    await crowd.add(5);
    await etcd.kill();
    await new Promise((resolve) => setTimeout(resolve, lease_ms + 1000));
    for (let k = 0; k < 5; k++) assert.equal((await a.place('lobby')).status, 200);
    assert.match(a.output(), /until it answers, clusters are as they are/);
    etcd.start(etcd.members[0]);
    await etcd.answers();
    await owns(a, { lobby: 'a', game: 'b' });
    await Promise.all([a.serving('lobby', 2), a.serving('game', 2)]);
    assert.deepEqual(crowd.cuts, []);
  });

  test('two of one name: the second one is refused', async (t) => {
    const { a } = await start(t);
    const words = ['up', a.stack_file, '--controller', 'b', '--listen', '127.0.0.1:1'];
    const elsewhere = { ...process.env, UTAKATA_HOME: join(a.folder, 'elsewhere') };
    const twin = spawn(utakata_program(), words, { cwd: a.folder, env: elsewhere });
    let said = '';
    twin.stderr.on('data', (bytes) => (said += bytes));
    const code = await new Promise((resolve) => twin.once('close', resolve));
    assert.equal(code, 2, said);
    assert.match(said, /a controller named b runs twins already, at http.*--controller/);
  });
});

// One after the other: each has this process's only thread for the clients that it plays.
describe('several controllers under load', { skip: why_not }, () => {
  // `per_second` placements for `lasts`, of clients that know the addresses of `asked` and take the
  // next one when one does not answer; a second after they begin `happens`. Then: none was refused,
  // no seat was given twice, none is forgotten, and each room is where it was; but for those of
  // `victim`, an instance that dies meanwhile.
  async function places_throughout(
    t,
    { a, asked, lasts = 8000, per_second = 2000, happens, victim },
  ) {
    const agent = new Agent({ keepAlive: true });
    t.after(() => agent.destroy());
    const place = async (body) => {
      for (const controller of asked)
        try {
          return await post(agent, `${controller.api}/v1/stacks/twins/clusters/game/placements`, body);
        } catch {
          /* the other one */
        }
      throw new Error('nobody answers');
    };
    const rooms = {};
    for (let k = 0; k < 20; k++)
      rooms[`room ${k}`] = (await place({ key: `room ${k}` })).body.instance;
    const answers = [];
    const began = monotonic_ms();
    let happened;
    const asks = (lasts / 1000) * per_second;
    const asks_of_second = [];
    const waited_before = waited_for_cpu_ms();
    for (let n = 0; n < asks; n++) {
      if (!happened && monotonic_ms() - began > 1000) happened = happens();
      const asked_at = monotonic_ms();
      const second = Math.floor((asked_at - began) / 1000);
      asks_of_second[second] = (asks_of_second[second] ?? 0) + 1;
      answers.push(
        place({})
          .catch((problem) => ({ status: problem.message }))
          .then((answer) => ({ ...answer, ms: monotonic_ms() - asked_at })),
      );
      const ahead = n * (1000 / per_second) - (monotonic_ms() - began);
      if (ahead > 1) await new Promise((resolve) => setTimeout(resolve, ahead));
    }
    // So many were really asked for. What others run on this machine may make it fewer: for as long as
    // this thread waited for a processor, and no longer.
    const asked_ms = monotonic_ms() - began;
    const waited_ms = waited_for_cpu_ms() - waited_before;
    const rate = `${((asks / asked_ms) * 1000).toFixed(0)} a second`;
    const late_ms = asked_ms - lasts * 1.01;
    if (late_ms > 0) t.diagnostic(`only ${rate} were asked for, not ${per_second}: this machine was busy`);
    assert.ok(late_ms < waited_ms, `${rate}, and it waited ${waited_ms.toFixed(0)} ms for a processor`);
    await happened;
    const all = await Promise.all(answers);
    const refused = all.filter((one) => one.status !== 200);
    assert.deepEqual(refused.slice(0, 3), [], `${refused.length} of ${all.length}`);
    assert.equal(new Set(all.map((one) => one.body.id)).size, all.length, 'no placement twice');
    // The rooms' seats besides: nothing that b gave is forgotten, and nothing was given twice.
    const lives = (instance) => instance !== victim?.id;
    const rooms_left = Object.entries(rooms).filter(([, instance]) => lives(instance));
    const held = all.filter(({ body }) => lives(body.instance)).length + 5 * rooms_left.length;
    await wait_for(async () => (await a.cluster('game')).seats_held === held, {
      what: `${held} seats to be held`,
    });
    for (const [key, instance] of rooms_left)
      assert.equal((await place({ key })).body.instance, instance, key);
    const longest = Math.max(...all.map((one) => one.ms));
    const seconds = Array.from({ length: lasts / 1000 }, (_, k) => asks_of_second[k] ?? 0);
    const least = Math.min(...seconds);
    t.diagnostic(
      `${asks} places at ${rate} (never less than ${least} in one); ` +
        `the longest wait ${longest.toFixed(0)} ms`,
    );
  }

  // b, which owns game, is killed with one of game's instances, and by `besides` whatever else.
  // Answers what `places_throughout` takes, and how long it took until game was acted on again: until a
  // substitute's process was there, as the watcher of processes saw it.
  async function owner_dies({ a, b }, besides = () => {}) {
    const [victim] = await a.instances('game');
    let killed;
    const happens = async () => {
      killed = monotonic_ms();
      b.signal('SIGKILL');
      process.kill(victim.pid, 'SIGKILL');
      await besides();
    };
    const acted_after = async () => {
      const born = () =>
        a.watcher.events.find(
          ({ kind, cluster, at_ms }) => kind === 'birth' && cluster === 'game' && at_ms > killed,
        );
      return (await wait_for(born, { what: 'a substitute' })).at_ms - killed;
    };
    return { happens, victim, acted_after };
  }

  test('places are given throughout the death of an owner, no seat twice, and rooms stay where they are', async (t) => {
    const { a, b } = await start(t, { capacity: 20_000 });
    const { acted_after, ...death } = await owner_dies({ a, b });
    await places_throughout(t, { a, asked: [b, a], ...death });
    const took = await acted_after();
    t.diagnostic(`acted on again after ${took.toFixed(0)} ms`);
    assert.ok(took < lease_ms + 1500, `${took} ms`);
  });

  test('places are given while their owner stands still for 6 s and goes on', async (t) => {
    const { a, b } = await start(t, { capacity: 20_000 });
    const happens = async () => {
      b.freeze();
      await new Promise((resolve) => setTimeout(resolve, 6000));
      b.thaw();
    };
    await places_throughout(t, { a, asked: [a], happens });
  });

  test("places are given although of three etcd members the leader is killed together with the cluster's owner", async (t) => {
    const { etcd, a, b } = await start(t, { capacity: 20_000, members: 3 });
    const leader = await etcd.leader();
    const { acted_after, ...death } = await owner_dies({ a, b }, () => etcd.kill(leader));
    await places_throughout(t, { a, asked: [b, a], lasts: 12_000, per_second: 1000, ...death });
    t.diagnostic(`acted on again after ${(await acted_after()).toFixed(0)} ms`);
  });

  test('places are given while both controllers are replaced one after the other, and nobody is cut', async (t) => {
    const { a, b } = await start(t, { capacity: 20_000 });
    const crowd = new Crowd(a, 'lobby');
    t.after(() => crowd.end());
    await crowd.add(20);
    const happens = async () => {
      for (const [one, other] of [
        [b, a],
        [a, b],
        [b, a],
      ]) {
        await one.replaced();
        await wait_for(
          async () => (await other.status()).others.some(({ name }) => name === one.controller_name),
          { what: 'the other one to know that it is back' },
        );
      }
    };
    await places_throughout(t, { a, asked: [b, a], lasts: 14_000, happens });
    assert.deepEqual(crowd.cuts, []);
  });
});
