// Hosts of a Swarm that are lost with what runs on them, and such as only seem to be: their cable was
// pulled. Heartbeats of the Swarm come once a second.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { WsClient } from './kit/clients.mjs';
import { chat_on, start_on, start_swarm, why_not } from './kit/swarm.mjs';
import { monotonic_ms, wait_for } from './kit/wait.mjs';

const within = 60_000;

// Whoever loses his connection asks for another place at once, and connects there.
class Player {
  constructor(fleet) {
    Object.assign(this, { fleet, socket: null, instance: null, back_ms: null, is_over: false });
  }
  async sit() {
    while (!this.is_over) {
      const { status, body } = await this.fleet.place('chat', { seats: 1 }).catch(() => ({ status: 0 }));
      const one = status >= 200 && status < 300 && new WsClient(body);
      if (one && (await one.open(1000).catch(() => null))) {
        this.instance = one.instance;
        this.socket = one.socket;
        one.socket.once('close', () => this.lost());
        return this;
      }
      await new Promise((done) => setTimeout(done, 100));
    }
  }
  async lost() {
    if (this.is_over) return;
    await this.sit();
    this.back_ms = monotonic_ms();
  }
  leave() {
    this.is_over = true;
    this.socket?.terminate();
  }
}

describe('lost hosts of a Swarm', { skip: why_not }, () => {
  let swarm;
  before(async () => {
    swarm = await start_swarm();
    swarm.make_image();
  });
  after(() => swarm.stop());
  const host_of = (one) => swarm.host_at(one.address.split(':')[0]);
  const containers_of = (id) => swarm.hosts.flatMap((host) => host.containers('--filter', `label=utakata.instance=${id}`));

  test('a host lost with 40 players on it: all have seats elsewhere within 5 s, and nothing runs twice', async (t) => {
    const { fleet } = await start_on(swarm, t, chat_on(swarm));
    const all = await fleet.serving('chat', 3, within);
    const players = await Promise.all(Array.from({ length: 120 }, () => new Player(fleet).sit()));
    t.after(() => players.forEach((one) => one.leave()));
    const victim = all.find((one) => host_of(one).name === 'worker-3');
    const there = players.filter((one) => one.instance === victim.id);
    assert.ok(there.length >= 30, `${there.length} are there`);
    while (there.length < 40) {
      const one = await new Player(fleet).sit();
      players.push(one);
      if (one.instance === victim.id) there.push(one);
    }
    const host = host_of(victim);
    const killed_ms = monotonic_ms();
    await host.kill();
    await wait_for(() => there.every((one) => one.back_ms !== null), { within: 20_000, what: 'all to be back' });
    const waited = there.map((one) => one.back_ms - killed_ms).sort((a, b) => a - b);
    t.diagnostic(`${there.length} players back after ${Math.round(waited[0])} to ${Math.round(waited.at(-1))} ms`);
    assert.ok(waited.at(-1) < 5000, `the last was back after ${Math.round(waited.at(-1))} ms`);
    assert.ok(there.every((one) => one.instance !== victim.id));
    const substituted = async () => (await fleet.serving('chat', 3, within)).every((one) => one.id !== victim.id);
    await wait_for(substituted, { within, what: 'a substitute' });
    const three = await fleet.serving('chat', 3, within);
    t.diagnostic(`a substitute served after ${Math.round(monotonic_ms() - killed_ms)} ms`);
    assert.ok(three.every((one) => host_of(one).name !== 'worker-3'));
    assert.ok(players.filter((one) => !there.includes(one)).every((one) => one.back_ms === null), 'nobody else was cut');
    const [gone] = await fleet.activities({ instance: victim.id, kind: 'gone' });
    assert.match(gone.because, /its host worker-3 is lost/);
    // The Swarm has not begun it anew beside our substitute, nor does it when the host is back.
    const tasks = () => swarm.ask('service', 'ps', '-q', '--no-trunc', ...swarm.services()).split('\n').filter(Boolean).length;
    assert.equal(tasks(), 3);
    host.start();
    await host.answers();
    await wait_for(() => swarm.state_of(host) === 'ready', { within, what: 'the host to be back' });
    await wait_for(() => host.containers().length === 0, { within, what: 'nothing to run there' });
    assert.equal(tasks(), 3);
    assert.equal((await fleet.serving('chat', 3, within)).length, 3);
  });

  test('a cable pulled: what it cut off ends itself with its lease, and is not there when the cable is back', async (t) => {
    const { fleet } = await start_on(swarm, t, chat_on(swarm, { keys: '    lease: 5s\n' }));
    const all = await fleet.serving('chat', 3, within);
    const victim = all.find((one) => host_of(one).name === 'worker-2');
    const host = host_of(victim);
    const running = () => host.containers('--filter', `label=utakata.instance=${victim.id}`).length;
    await new Promise((done) => setTimeout(done, 7000)); // longer than the lease: it is lent anew
    assert.equal(running(), 1);
    t.after(() => host.put_cable_back());
    const pulled_ms = monotonic_ms();
    host.pull_cable();
    await wait_for(() => running() === 0, { within: 20_000, what: 'it to end by itself' });
    const ended = monotonic_ms() - pulled_ms;
    t.diagnostic(`cut off, it ended after ${Math.round(ended)} ms`);
    assert.ok(ended < 7000, `after ${Math.round(ended)} ms`);
    await fleet.serving('chat', 3, within);
    const [gone] = await fleet.activities({ instance: victim.id, kind: 'gone' });
    assert.match(gone.because, /its host worker-2 is lost/);
    host.put_cable_back();
    await wait_for(() => swarm.state_of(host) === 'ready', { within, what: 'the host to be back' });
    const now = await fleet.serving('chat', 3, within);
    assert.ok(now.every((one) => one.id !== victim.id));
    assert.equal(running(), 0);
  });

  test('a cable pulled without a lease: the Swarm ends what was replaced when the cable is back', async (t) => {
    const { fleet } = await start_on(swarm, t, chat_on(swarm));
    const all = await fleet.serving('chat', 3, within);
    const victim = all.find((one) => host_of(one).name === 'worker-2');
    const host = host_of(victim);
    t.after(() => host.put_cable_back());
    host.pull_cable();
    await wait_for(async () => (await fleet.activities({ instance: victim.id, kind: 'gone' })).length > 0, { within, what: 'it to be given up' });
    await fleet.serving('chat', 3, within);
    assert.equal(containers_of(victim.id).length, 1, 'cut off, it goes on');
    host.put_cable_back();
    await wait_for(() => containers_of(victim.id).length === 0, { within, what: 'its end' });
    assert.equal((await fleet.serving('chat', 3, within)).length, 3);
  });
});
