// Several controllers of one stack, over a real etcd: who owns what, and what happens when one of
// them dies, freezes or loses sight of etcd. Judged by clients and the watcher of processes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Crowd } from './kit/clients.mjs';
import { start_etcd, why_not } from './kit/etcd.mjs';
import { start_stack, utakata_program } from './kit/stack.mjs';
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
  const made = { etcd };
  t.after(async () => {
    const runs = ({ child }) => child.exitCode === null && child.signalCode === null;
    try {
      await made.a?.stop(); // and the proof that nothing promised was broken; b ends with it
    } finally {
      if (made.b && runs(made.b)) await made.b.kill9();
      await etcd.stop();
    }
  });
  const a = (made.a = await start_stack({ yaml: stack(etcd, capacity), name: 'a' }));
  a.recorded = () => etcd.activities('twins');
  const b = (made.b = await a.beside('b'));
  await owns(a, { lobby: 'a', game: 'b' });
  await Promise.all([a.serving('lobby', 2), a.serving('game', 2)]);
  return { etcd, a, b };
}

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

const owners = async (controller) =>
  Object.fromEntries((await controller.status()).clusters.map((one) => [one.name, one.owner]));
const owns = (controller, expected, within = 20_000) =>
  wait_for(
    async () => {
      const now = await owners(controller);
      assert.deepEqual(now, expected);
      return true;
    },
    { within, every: 50, what: `the owners to be ${JSON.stringify(expected)}` },
  );

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

  // `per_second` placements for `lasts`, of clients that know the addresses of `asked` and take the
  // next one when one does not answer; a second after they begin `happens`. Then: none was refused,
  // no seat was given twice, none is forgotten, and each room is where it was.
  async function places_throughout(t, { a, asked, lasts = 8000, per_second = 2000, happens }) {
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
    for (let n = 0; monotonic_ms() - began < lasts; n++) {
      if (!happened && monotonic_ms() - began > 1000) happened = happens();
      const asked_at = monotonic_ms();
      answers.push(
        place({})
          .catch((problem) => ({ status: problem.message }))
          .then((answer) => ({ ...answer, ms: monotonic_ms() - asked_at })),
      );
      const ahead = n * (1000 / per_second) - (monotonic_ms() - began);
      if (ahead > 1) await new Promise((resolve) => setTimeout(resolve, ahead));
    }
    await happened;
    const all = await Promise.all(answers);
    const refused = all.filter((one) => one.status !== 200);
    assert.deepEqual(refused.slice(0, 3), [], `${refused.length} of ${all.length}`);
    assert.equal(new Set(all.map((one) => one.body.id)).size, all.length, 'no placement twice');
    // The rooms' seats besides: nothing that b gave is forgotten, and nothing was given twice.
    const held = all.length + 5 * Object.keys(rooms).length;
    await wait_for(async () => (await a.cluster('game')).seats_held === held, {
      what: `${held} seats to be held`,
    });
    for (const [key, instance] of Object.entries(rooms))
      assert.equal((await place({ key })).body.instance, instance, key);
    const longest = Math.max(...all.map((one) => one.ms));
    t.diagnostic(`${all.length} places, ${(monotonic_ms() - began).toFixed(0)} ms; the longest wait ${longest.toFixed(0)} ms`);
  }

  test('places are given throughout the death of an owner, no seat twice, and rooms stay where they are', async (t) => {
    const { a, b } = await start(t, { capacity: 20_000 });
    await places_throughout(t, { a, asked: [b, a], happens: async () => b.signal('SIGKILL') });
  });

  test('... while its owner stands still for 6 s and goes on', async (t) => {
    const { a, b } = await start(t, { capacity: 20_000 });
    const happens = async () => {
      b.freeze();
      await new Promise((resolve) => setTimeout(resolve, 6000));
      b.thaw();
    };
    await places_throughout(t, { a, asked: [a], happens });
  });

  test("... of three etcd members the leader is killed together with the cluster's owner", async (t) => {
    const { etcd, a, b } = await start(t, { capacity: 20_000, members: 3 });
    const happens = async () => {
      const leader = await etcd.leader();
      b.signal('SIGKILL');
      await etcd.kill(leader);
    };
    await places_throughout(t, { a, asked: [b, a], lasts: 12_000, per_second: 1000, happens });
  });

  test('... while both controllers are replaced one after the other, and nobody is cut', async (t) => {
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
