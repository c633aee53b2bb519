// What is published while clusters change their owners: a real HAProxy and a real Redis, of which
// two controllers keep what is theirs, and clients through that HAProxy.
import assert from 'node:assert/strict';
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { WsClient } from './kit/clients.mjs';
import { start_etcd, why_not as no_etcd } from './kit/etcd.mjs';
import { Haproxy, why_not as no_haproxy } from './kit/haproxy.mjs';
import { redis } from './kit/redis.mjs';
import { owns, start_twins } from './kit/twins.mjs';
import { monotonic_ms, wait_for } from './kit/wait.mjs';

const stack = (etcd, haproxy, store) => ({ listen, ports, kit }) => `
stack: twins
api: { listen: ${listen}, ports: ${ports} }
store: { etcd: [${etcd.endpoints.map((one) => `"${one}"`).join(', ')}], give_back: 4s }
publish: { redis: "${store.url}", haproxy: { socket: ${haproxy.socket} } }
clusters:
${[
  ['lobby', 'a'],
  ['game', 'b'],
]
  .map(
    ([name, owner]) => `
  ${name}:
    owner: ${owner}
    run: exec node ${kit}/app-ws.mjs
    url: ws://\${host}:\${port}
    count: { http: /stats, field: connections }
    capacity: 50
    instances: { min: 2, max: 4 }
    scale: []
`,
  )
  .join('')}`;

async function start(t) {
  const etcd = await start_etcd(1);
  const haproxy = await new Haproxy().start(
    (text) => `${text}\nbackend lobby\n    balance leastconn\n`,
  );
  const store = await redis();
  const { a, b } = await start_twins(t, {
    yaml: stack(etcd, haproxy, store),
    recorded: () => etcd.activities('twins'),
    last: () => Promise.all([haproxy.stop(), store.stop(), etcd.stop()]),
  });
  await owns(a, { lobby: 'a', game: 'b' });
  const instances = [...(await a.serving('lobby', 2)), ...(await a.serving('game', 2))];
  const view = new View(haproxy, store);
  t.after(() => view.end());
  await view.holds(instances);
  return { etcd, a, b, haproxy, instances, view };
}

// The url of each member, by its cluster's key.
async function members(port, key) {
  const text = await new Promise((done, failed) => {
    let all = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(`ZRANGE ${key} 0 -1\r\nQUIT\r\n`));
    socket.on('data', (data) => (all += data));
    socket.on('error', failed);
    socket.on('close', () => done(all));
  });
  return text.split('\r\n').filter((line) => line.startsWith('ws:'));
}

// One who has just come: asks through HAProxy on a connection of its own.
const answered = (url) =>
  new Promise((done) => {
    const asked = get(`${url.replace('ws:', 'http:')}/healthz`, { agent: new Agent() }, (answer) => {
      answer.resume();
      done(String(answer.statusCode));
    });
    asked.setTimeout(5000, () => asked.destroy(new Error('no answer')));
    asked.on('error', ({ message }) => done(message));
  });

const all_servers = async (haproxy) => ({
  ...(await haproxy.servers('lobby')),
  ...(await haproxy.servers('game')),
});

// What stands in HAProxy and in Redis, and whether somebody gets through.
class View {
  constructor(haproxy, store) {
    Object.assign(this, { haproxy, store, wrong: [], looks: 0, is_over: false });
  }

  // All that is not as it must be with exactly these instances.
  async differs(instances) {
    const ids = instances.map(({ id }) => id).sort();
    const servers = await all_servers(this.haproxy);
    const wrong = Object.entries(servers).filter(([, { admin }]) => admin !== 0);
    if (wrong.length) wrong.unshift('closed or drained');
    if (Object.keys(servers).sort().join() !== ids.join())
      wrong.push(`in HAProxy are ${Object.keys(servers)}`);
    for (const cluster of ['lobby', 'game']) {
      const seen = (await members(this.store.port, `utakata:twins:${cluster}`)).sort().join();
      const urls = instances.filter(({ id }) => id.startsWith(cluster)).map(({ url }) => url);
      if (seen !== urls.sort().join()) wrong.push(`members of ${cluster} are ${seen}`);
    }
    const status = await answered(this.haproxy.url);
    if (status !== '200') wrong.push(`who comes through HAProxy hears ${status}`);
    return wrong;
  }

  holds(instances) {
    return wait_for(
      async () => {
        const wrong = await this.differs(instances);
        if (wrong.length) throw new Error(JSON.stringify(wrong));
        return true;
      },
      { within: 30_000, every: 100, what: 'HAProxy and Redis to have all' },
    );
  }

  // Each 100 ms, until end(): what was wrong, and when.
  watch(instances) {
    const began = monotonic_ms();
    this.is_over = false;
    this.watching = (async () => {
      while (!this.is_over) {
        const wrong = await this.differs(instances);
        const at = `${((monotonic_ms() - began) / 1000).toFixed(1)} s`;
        if (wrong.length) this.wrong.push([at, ...wrong]);
        ++this.looks;
        await sleep(100);
      }
    })();
  }

  async end() {
    this.is_over = true;
    await this.watching;
    return this.wrong;
  }
}

async function four_come({ haproxy }, t) {
  const four = [];
  for (let k = 0; k < 4; k++) four.push(await new WsClient({ url: haproxy.url }).open());
  t.after(() => four.forEach((one) => one.cut()));
  return four;
}

async function all_there(clients) {
  const texts = clients.map((_, i) => `still here ${i}`);
  assert.deepEqual(await Promise.all(clients.map((one, i) => one.echo(texts[i]))), texts);
}

describe('published among several controllers', { concurrency: 2, skip: no_etcd || no_haproxy }, () => {
  test('an owner is killed and gets its cluster back: what stands in HAProxy and Redis stays', async (t) => {
    const it = await start(t);
    const { a, b, haproxy, instances, view } = it;
    const four = await four_come(it, t);
    view.watch(instances);
    await b.kill9();
    await owns(a, { lobby: 'a', game: 'a' });
    await sleep(3000); // three looks of the next owner
    await b.up();
    await owns(a, { lobby: 'a', game: 'b' });
    await sleep(3000);
    assert.deepEqual(await view.end(), []);
    t.diagnostic(`${view.looks} looks`);
    assert.ok(view.looks > 50);
    await all_there(four);

    // What the owner adds stays, too, and what dies is taken out by it.
    await a.scale('game', 3);
    const third = await a.serving('game', 3);
    const more = [...instances.filter(({ id }) => id.startsWith('lobby')), ...third];
    await view.holds(more);
    view.watch(more);
    await sleep(4000);
    assert.deepEqual(await view.end(), []);
    await all_there(four);
    const lost = third.find(({ id }) => !instances.some((one) => one.id === id));
    process.kill(lost.pid, 'SIGKILL');
    await wait_for(async () => !(await a.instance(lost.id)), { what: 'its death to be known' });
    const healed = await a.serving('game', 3);
    await view.holds([...more.filter(({ id }) => id.startsWith('lobby')), ...healed]);
    await Promise.all(four.map((one) => one.leave()));

    // Down: each takes its own out.
    await a.stop();
    assert.deepEqual(await all_servers(haproxy), {});
  });

  test('an owner that stood still tells nothing of what it knew before', async (t) => {
    const it = await start(t);
    const { a, b, instances, view } = it;
    view.watch(instances);
    b.freeze();
    await owns(a, { lobby: 'a', game: 'a' });
    assert.deepEqual(await view.end(), []);
    await a.scale('game', 3);
    const third = await a.serving('game', 3);
    const more = [...instances.filter(({ id }) => id.startsWith('lobby')), ...third];
    await view.holds(more);
    view.watch(more);
    b.thaw();
    await owns(b, { lobby: 'a', game: 'b' }); // after 4 s
    await sleep(3000);
    assert.deepEqual(await view.end(), []);
  });

  test('a controller is replaced, and etcd is away for longer than a view lives: all stays', async (t) => {
    const it = await start(t);
    const { etcd, a, b, instances, view } = it;
    const four = await four_come(it, t);
    view.watch(instances);
    await b.replaced();
    await owns(b, { lobby: 'a', game: 'b' });
    await etcd.kill();
    await sleep(14_000); // 5 s and two leases of 3 s
    etcd.start(etcd.members[0]);
    await etcd.answers();
    await owns(a, { lobby: 'a', game: 'b' });
    await sleep(2000);
    assert.deepEqual(await view.end(), []);
    await all_there(four);
    await Promise.all(four.map((one) => one.leave()));
  });
});
