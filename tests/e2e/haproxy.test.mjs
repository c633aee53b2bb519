// `publish: { haproxy: ... }`: a real HAProxy, with the configuration of docs/haproxy.md, and real
// clients through it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Crowd, WsClient } from './kit/clients.mjs';
import { Haproxy, block, why_not } from './kit/haproxy.mjs';
import { start_stack } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

const within = 30_000;

const stack =
  (publish, more = '') =>
  ({ listen, ports, kit }) => `
stack: show
api: { listen: ${listen}, ports: ${ports} }
${publish}
clusters:
  game:
    run: exec node ${kit}/app-ws.mjs
    ready: { http: /healthz }
    count: { http: /stats, field: connections, accepted: accepted }
    capacity: 10
    instances: { min: 2, max: 4 }
    scale: []
    drain: { tell: "POST /drain" }
    heal: { clients_wait: 5s }
${more}`;

async function start(t, { runs = true } = {}) {
  const haproxy = new Haproxy();
  t.after(() => haproxy.stop());
  if (runs) await haproxy.start();
  const publish = block('publish').replace('/run/haproxy/admin.sock', haproxy.socket);
  const fleet = await start_stack({ yaml: stack(publish) });
  const crowd = new Crowd(fleet, 'game');
  t.after(async () => {
    crowd.end();
    await fleet.stop();
  });
  return { haproxy, fleet, crowd };
}

// Exactly these take clients in HAProxy.
const opens = (haproxy, ids, what) =>
  wait_for(
    async () => {
      const open = (await haproxy.open()).sort();
      if (open.join() !== [...ids].sort().join())
        throw new Error(`open are ${open}: ${JSON.stringify(await haproxy.servers())}`);
      return true;
    },
    { what, within },
  );

const accepted = async ({ url }) =>
  (await (await fetch(`${url.replace('ws:', 'http:')}/stats`)).json()).accepted;

// One client through HAProxy, who knows afterwards to which of these instances it came.
async function come({ haproxy, crowd }, instances) {
  const before = await Promise.all(instances.map(accepted));
  const client = await new WsClient({ url: haproxy.url }).open();
  const after = await Promise.all(instances.map(accepted));
  const at = instances.filter((_, i) => after[i] > before[i]);
  assert.equal(at.length, 1, `one has accepted it: ${before} then ${after}`);
  client.instance = at[0].id;
  crowd.clients.push(client);
  return client;
}

const all_there = async (clients) =>
  assert.deepEqual(
    await Promise.all(clients.map((one, i) => one.echo(`still here ${i}`))),
    clients.map((_, i) => `still here ${i}`),
  );

const is_gone = (haproxy, id) =>
  wait_for(async () => !((await haproxy.servers())[id]), {
    what: `${id} to be removed from HAProxy`,
    within,
  });

describe('publish: haproxy', { skip: why_not }, () => {
  test('added, least loaded first, drained, stopped after the last client, killed and replaced', async (t) => {
    const { haproxy, fleet, crowd } = await start(t);
    const [one, two] = await fleet.serving('game', 2);
    await opens(haproxy, [one.id, two.id], 'both in HAProxy');
    assert.equal((await haproxy.servers())[one.id].port, Number(new URL(one.url).port));

    // Each next one comes to the emptier.
    const first = await come({ haproxy, crowd }, [one, two]);
    const second = await come({ haproxy, crowd }, [one, two]);
    assert.notEqual(first.instance, second.instance);
    // Also when those who fill it came another way.
    for (let i = 0; i < 6; i++)
      crowd.clients.push(await new WsClient({ instance: one.id, url: one.url }).open());
    await wait_for(
      async () => {
        const now = await haproxy.servers();
        return now[one.id].weight < now[two.id].weight / 2;
      },
      { what: 'the weight of the fuller one to fall', within },
    );
    assert.equal((await come({ haproxy, crowd }, [one, two])).instance, two.id);

    // Drained: who is there stays, nobody new comes, and a substitute takes its place.
    await fleet.drain(one.id);
    const [three] = (await fleet.serving('game', 2)).filter((i) => i.id !== two.id);
    await opens(haproxy, [two.id, three.id], 'the substitute in the place of the drained');
    assert.equal((await haproxy.servers())[one.id].admin, 8);
    const late = [];
    for (let i = 0; i < 4; i++) late.push(await come({ haproxy, crowd }, [one, two, three]));
    assert.ok(late.every(({ instance }) => instance !== one.id));
    assert.ok(late.some(({ instance }) => instance === three.id));
    await all_there(crowd.open);
    assert.ok((await fleet.instance(one.id)).lifecycle === 'draining', 'while it has clients');

    // Its last client leaves: stopped, and out of HAProxy.
    await Promise.all(crowd.on(one.id).map((client) => client.leave()));
    await wait_for(async () => !(await fleet.instance(one.id)), { what: 'its stop', within });
    await is_gone(haproxy, one.id);
    assert.equal(crowd.cuts.length, 0);

    // Killed: out of HAProxy, and another one gets clients in its place.
    process.kill((await fleet.instance(three.id)).pid, 'SIGKILL');
    await is_gone(haproxy, three.id);
    const [four] = (await fleet.serving('game', 2)).filter((i) => i.id !== two.id);
    await opens(haproxy, [two.id, four.id], 'the substitute of the dead');
    assert.equal((await come({ haproxy, crowd }, [two, four])).instance, four.id);
    await all_there(crowd.on(two.id));

    // Down: nothing of ours stays there.
    crowd.end();
    await fleet.stop();
    assert.deepEqual(await haproxy.servers(), {});
  });

  test('one that is full takes nobody; when all are, HAProxy says so at once', async (t) => {
    const { haproxy, fleet, crowd } = await start(t);
    const [one, two] = await fleet.serving('game', 2);
    await opens(haproxy, [one.id, two.id], 'both in HAProxy');
    const fill = async ({ id, url }) => {
      for (let i = 0; i < 10; i++)
        crowd.clients.push(await new WsClient({ instance: id, url }).open());
    };
    await fill(one);
    await opens(haproxy, [two.id], 'the full one to be drained');
    await fill(two);
    await opens(haproxy, [], 'all to be drained');
    const { status } = await fetch(haproxy.url.replace('ws:', 'http:'));
    assert.equal(status, 503);
    await crowd.clients.at(-1).leave();
    await opens(haproxy, [two.id], 'room again');
    await come({ haproxy, crowd }, [one, two]);
  });

  test('HAProxy reloaded or restarted is filled again; a controller restarted cuts nobody', async (t) => {
    const { haproxy, fleet, crowd } = await start(t);
    const both = await fleet.serving('game', 2);
    const ids = both.map(({ id }) => id);
    await opens(haproxy, ids, 'both in HAProxy');
    const clients = [await come({ haproxy, crowd }, both), await come({ haproxy, crowd }, both)];

    // The old process keeps its sockets, the new one is filled.
    await haproxy.reload();
    await opens(haproxy, ids, 'both after a reload');
    await all_there(clients);
    clients.push(await come({ haproxy, crowd }, both));

    // In the next life of the controller there is no moment in which nobody could come.
    let least = 2,
      looks = 0,
      is_over = false;
    const looking = (async () => {
      while (!is_over) {
        await sleep(10);
        least = Math.min(least, (await haproxy.open()).length);
        looks++;
      }
    })();
    await fleet.kill9();
    await fleet.restart();
    await fleet.serving('game', 2);
    // It is at work again: what somebody else has changed is set right.
    await haproxy.ask(`set server game/${await name_of(haproxy, ids[0])} weight 1`);
    await wait_for(async () => (await haproxy.servers())[ids[0]].weight > 1, {
      what: 'the next life to set the weight right',
      within,
    });
    is_over = true;
    await looking;
    assert.ok(looks > 10);
    assert.equal(least, 2, 'servers that took clients, at every moment');
    await all_there(clients);

    // A restart cuts those who came through it, and it alone.
    await Promise.all(clients.map((client) => client.leave()));
    await haproxy.kill();
    await haproxy.start();
    await opens(haproxy, ids, 'both after a restart');
    await come({ haproxy, crowd }, both);
    assert.equal(crowd.cuts.length, 0);
  });

  test('what is wrong is said once with what helps, and heals; others in the backend are left alone', async (t) => {
    const { haproxy, fleet } = await start(t, { runs: false });
    const ids = (await fleet.serving('game', 2)).map(({ id }) => id);
    const said = (what) => fleet.output().split(what).length - 1;
    const hears = (what, times = 1) =>
      wait_for(() => said(what) === times || Promise.reject(new Error(fleet.output())), {
        what: `"${what}" to be said`,
        within,
      });
    await hears('No such file or directory: it must run, with `stats socket ');
    assert.equal((await fleet.place('game')).status, 200, 'placement goes on');

    const oddities = [
      [(text) => text.replace('level admin', 'level operator'), 'needs `level admin`'],
      [(text) => text.replace(/\bgame$/gm, 'web'), 'needs a section `backend game`'],
      [(text) => text.replace('balance leastconn', 'balance source'), 'needs `balance leastconn`'],
    ];
    for (const [edit, words] of oddities) {
      await haproxy.start(edit);
      await hears(words);
      await haproxy.kill();
    }
    await haproxy.start((text) => `${text}    server mine 127.0.0.1:1 weight 7 disabled\n`);
    await opens(haproxy, ids, 'both, once all is right');
    await hears('backend `game` of HAProxy at ' + haproxy.socket + ' is in step again');
    // Closed by the configuration (4), which HAProxy starts with as if by hand (1).
    assert.deepEqual((await haproxy.servers()).mine, { admin: 5, weight: 7, port: 1 });

    // Frozen: given up, and filled when it thaws.
    const before = said(' is in step again');
    haproxy.child.kill('SIGSTOP');
    await hears('it does not answer');
    await fleet.scale('game', 3);
    const three = (await fleet.serving('game', 3)).map(({ id }) => id);
    haproxy.child.kill('SIGCONT');
    await opens(haproxy, three, 'all three, after the thaw');
    await hears(' is in step again', before + 1);
  });

  test('a cluster without a backend is said, and no matter of the others', async (t) => {
    const haproxy = await new Haproxy().start();
    t.after(() => haproxy.stop());
    const fleet = await start_stack({
      yaml: stack(
        `publish: { haproxy: { socket: ${haproxy.socket} } }`,
        '  lobby:\n    run: exec sleep 1000\n    ready: { within: 60s }\n    instances: 1\n',
      ),
    });
    t.after(() => fleet.stop());
    const ids = (await fleet.serving('game', 2)).map(({ id }) => id);
    await opens(haproxy, ids, 'both in HAProxy');
    await wait_for(() => fleet.output().includes('backend `lobby` of HAProxy at '), {
      what: 'the missing backend to be said',
      within,
    });
    assert.ok(!fleet.output().includes('backend `game` of HAProxy at '));
  });
});

// As HAProxy knows it: utakata:STACK:STORE:INSTANCE.
async function name_of(haproxy, id) {
  const text = await haproxy.ask('show servers state game');
  return new RegExp(`\\S+:${id}(?= )`).exec(text)[0];
}
