// examples/live-vote as `utakata up` runs it: three instances, people on all of them, one tally; a loss, a drain, a web page.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { Channels } from '../../examples/live-vote/page/channels.js';
import { browser } from './kit/browser.mjs';
import { free_ports, port_range } from './kit/ports.mjs';
import { start_stack, utakata_program } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

let fleet, page;
const people = [];

// Somebody without a browser: the page's own client, and what it was told.
class Person {
  constructor(cookie = null) {
    Object.assign(this, { cookie, tallies: [], entries: [], subscribed: [], voted: [], lost: [] });
    this.gate = Promise.resolve(); // what it waits for before it asks for a place
    this.address = null; // where it goes instead
    people.push(this);
  }
  async ask(method, path, body) {
    const answer = await fetch(`${page}/api/${path}`, {
      method, body: body && JSON.stringify(body), headers: { ...(this.cookie && { cookie: this.cookie }) },
    });
    this.cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? this.cookie;
    const said = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(`${path}: ${said.detail}`), { status: answer.status });
    return said;
  }
  async come() {
    const { key } = await this.ask('GET', 'info');
    const person = this;
    class Socket extends WebSocket {
      constructor(url) {
        super(url);
        person.socket = this;
      }
    }
    this.channels = new Channels({
      key, WebSocket: Socket,
      place: async () => {
        await this.gate;
        if (this.address) return this.address;
        const { url, instance } = await this.ask('POST', 'place');
        Object.assign(this, { url, instance });
        return url;
      },
      authorize: (who) => this.ask('POST', 'auth', who),
      changed: (state, code) => state === 'connected' || this.lost.push(code),
    })
      .subscribe('cache-tally', (event, data) => event === 'tally' && this.tallies.push(data))
      .subscribe('presence-room', (event, data) => {
        if (event === 'subscribed') this.subscribed.push(data.recovered);
        if (event === 'entry') this.entries.push(data);
      })
      .sign_in((event, data) => event === 'voted' && this.voted.push(data.choice));
    this.channels.connect();
    await wait_for(() => this.subscribed.length > 0, { what: 'somebody to come in' });
    return this;
  }
  get texts() {
    return this.entries.filter(({ kind }) => kind === 'said').map(({ text }) => text);
  }
}
const hear_tally = (who, wanted) => wait_for(() => {
  for (const one of who) {
    const { counts, here } = one.tallies.at(-1);
    assert.deepEqual({ here, ...counts }, wanted);
  }
  return true;
}, { what: 'everybody to hear the tally' });

before(async () => {
  const [port] = await free_ports(1);
  page = `http://127.0.0.1:${port}`;
  const file = fileURLToPath(new URL('../../examples/live-vote/stack.yaml', import.meta.url));
  const realtime = join(dirname(utakata_program()), 'utakata-realtime');
  fleet = await start_stack({ file, args: ['-p', `page=${port}`, '-p', `realtime=${realtime}`] });
  await fleet.serving('channels', 3);
  await wait_for(() => new Person().ask('POST', 'place'), { within: 20_000, what: 'the page to be there' });
  people.length = 0;
});
after(async () => {
  for (const { channels } of people) channels?.close();
  await fleet?.stop();
});

test('five people are on three instances, and all hear one tally', async () => {
  for (let i = 0; i < 5; i++) await new Person().come();
  assert.equal(new Set(people.map(({ instance }) => instance)).size, 3, String(people.map(({ instance }) => instance)));
  const choices = ['tea', 'coffee', 'tea', 'cocoa', 'tea'];
  await Promise.all(people.map((one, i) => one.ask('POST', 'vote', { choice: choices[i] })));
  await hear_tally(people, { here: 5, tea: 3, coffee: 1, cocoa: 1, water: 0 });
  const leads = ({ kind, text }) => kind === 'lead' && text.startsWith('Tea takes the lead');
  await wait_for(() => people.every(({ entries }) => entries.some(leads)), { what: 'everybody to hear who leads' });

  const [one] = people;
  const other_tab = await new Person(one.cookie).come();
  await one.ask('POST', 'vote', { choice: 'water' });
  await hear_tally(people, { here: 5, tea: 2, coffee: 1, cocoa: 1, water: 1 });
  await wait_for(() => other_tab.voted.includes('water'), { what: 'the other tab to know' });
  assert.deepEqual(people[1].voted, ['coffee'], 'nobody is told what others chose');
  for (const { tallies } of people) {
    const versions = tallies.map(({ version }) => version);
    assert.deepEqual(versions, [...new Set(versions)].sort((a, b) => a - b));
  }
  other_tab.channels.close();
  people.pop();
});

test('names, and what is refused', async () => {
  const guest = new Person();
  assert.equal((await guest.ask('GET', 'info')).you.name, null);
  assert.equal((await guest.ask('POST', 'login', { name: ' Ann ' })).you.name, 'Ann');
  await guest.ask('POST', 'say', { text: '<b>hello</b>' });
  await wait_for(() => people[0].entries.some(({ who, text }) => who === 'Ann' && text === '<b>hello</b>'));
  const refused = (status, ...what) => assert.rejects(guest.ask(...what), (problem) => problem.status === status);
  await refused(429, 'POST', 'say', { text: 'too soon' });
  await refused(400, 'POST', 'vote', { choice: 'toString' });
  await refused(400, 'POST', 'vote', []);
  await refused(413, 'POST', 'say', { text: 'x'.repeat(5000) });
  await refused(403, 'POST', 'auth', { socket_id: '1.2', channel: 'presence-other' });
  await refused(400, 'POST', 'auth', { socket_id: '1.2::user::x' });
  await refused(404, 'GET', 'nothing');
  const forged = guest.cookie.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
  assert.equal((await new Person(forged).ask('GET', 'info')).you.name, null);
  people.length = 5;
});

test('who loses the connection and comes back to its instance is told what it has missed, in order', async () => {
  const [one, two] = people;
  let open;
  one.gate = new Promise((resolve) => (open = resolve));
  one.socket.terminate();
  await wait_for(() => one.lost.length === 1);
  for (const text of ['first', 'second']) {
    await wait_for(() => two.ask('POST', 'say', { text }).then(() => true), { every: 200 });
    await wait_for(() => two.texts.includes(text));
  }
  one.address = one.url;
  open();
  await wait_for(() => one.texts.at(-1) === 'second', { what: 'what was missed' });
  one.address = null;
  assert.deepEqual(one.subscribed, [false, true], 'recovered: nobody else was asked');
  const numbers = one.entries.map(({ number }) => number);
  assert.deepEqual(numbers, two.entries.map(({ number }) => number), 'each once, none missing');
});

test('an instance is killed: its people come back elsewhere, and nothing said is lost', async () => {
  const [, two] = people;
  const victim = (await fleet.serving('channels', 3)).find(({ id }) => id === two.instance);
  const [hit, spared] = [true, false].map((is_hit) => people.filter(({ instance }) => (instance === victim.id) === is_hit));
  const before = hit.map(({ subscribed }) => subscribed.length);
  const lost = spared.map((one) => one.lost.length);
  process.kill(victim.pid, 'SIGKILL');
  await spared[0].ask('POST', 'say', { text: 'while they are away' });
  await spared[0].ask('POST', 'vote', { choice: 'cocoa' });
  await wait_for(() => hit.every((one, i) => one.subscribed.length > before[i]), { within: 20_000, what: 'them to be back' });
  for (const one of hit) {
    assert.equal(one.lost.at(-1), 1006);
    assert.notEqual(one.instance, victim.id);
    assert.equal(one.subscribed.at(-1), true, 'recovered: what one instance knows, all know');
  }
  await wait_for(() => people.every(({ texts }) => texts.includes('while they are away')));
  const numbers = ({ entries }) => entries.map(({ number }) => number);
  for (const one of people) assert.deepEqual(numbers(one), numbers(spared[0]), 'each once, none missing');
  const { counts } = (await two.ask('GET', 'info')).tally;
  assert.equal(Object.values(counts).reduce((sum, count) => sum + count), 5);
  await hear_tally(people, { here: 5, ...counts });
  assert.deepEqual(spared.map((one) => one.lost.length), lost, 'the others noticed nothing');
  await fleet.serving('channels', 3);
  await wait_for(() => two.ask('POST', 'say', { text: 'all here again' }).then(() => true), { every: 200 });
  await wait_for(() => people.every(({ texts }) => texts.includes('all here again')));
});

test('a web page shows all this, votes, and outlives the drain of its instance', async (t) => {
  const chromium = await browser();
  t.after(() => chromium.close());
  const tab = await chromium.newPage();
  const faults = [];
  tab.on('pageerror', (problem) => faults.push(problem.message));
  await tab.goto(page);
  const live = async () => /^live, by (\S+)$/.exec(await tab.locator('#state').textContent())?.[1];
  const shown = async () => Object.fromEntries(await tab.locator('.option').evaluateAll((all) =>
    all.map((one) => [one.dataset.choice, Number(one.querySelector('.count').textContent)])));
  const instance = await wait_for(live, { within: 20_000, what: 'the page to be live' });
  const { counts } = people[0].tallies.at(-1);
  assert.deepEqual(await shown(), counts);
  assert.ok((await tab.locator('#entries').textContent()).includes('<b>hello</b>'), 'a text, not a tag');

  await tab.getByRole('button', { name: 'Coffee' }).click();
  counts.coffee++;
  await hear_tally(people, { here: 6, ...counts });
  await wait_for(async () => (await shown()).coffee === counts.coffee && (await tab.locator('#here').textContent()) === '6 here');
  assert.equal(await tab.locator('.option[aria-pressed="true"]').getAttribute('data-choice'), 'coffee');

  await fleet.drain(instance);
  const next = await wait_for(async () => {
    const now = await live();
    return now !== instance && now;
  }, { within: 40_000, what: 'the page to have moved' });
  assert.notEqual(next, instance);
  await people[0].ask('POST', 'vote', { choice: 'tea' });
  await people[0].ask('POST', 'say', { text: 'said after the drain' });
  const { counts: moved } = (await people[0].ask('GET', 'info')).tally;
  await wait_for(async () => JSON.stringify(await shown()) === JSON.stringify(moved), { what: 'the new tally on the page' });
  await wait_for(async () => (await tab.locator('#entries').textContent()).includes('said after the drain'));
  assert.deepEqual(faults, []);
});

test('what the web server does not keep any more, the page has from the channel', async (t) => {
  for (let i = 0; i < 45; i++) await new Person().ask('POST', 'say', { text: `remark ${i}` });
  people.length = 5;
  await wait_for(() => people.every(({ texts }) => texts.includes('remark 44')), { what: 'all to be told' });
  const chromium = await browser();
  t.after(() => chromium.close());
  const tab = await chromium.newPage();
  await tab.goto(page);
  await wait_for(async () => (await tab.locator('#state').textContent()).startsWith('live'), { within: 20_000, what: 'the page to be live' });
  const numbers = () => tab.locator('#entries li').evaluateAll((all) => all.map((one) => Number(one.dataset.number)));
  assert.equal((await numbers()).length, 20);
  await wait_for(async () => {
    if (await tab.locator('#older').isVisible()) await tab.locator('#older').click();
    else return true;
  }, { every: 300, what: 'all that is kept' });
  const all = people[0].entries.map(({ number }) => number);
  assert.deepEqual(await numbers(), all.toReversed(), 'the newest on top, each once');
});

test('the web server is killed: nobody loses the connection, and the vote begins anew', async () => {
  const [web] = await fleet.serving('web', 1);
  const lost = people.map((one) => one.lost.length);
  const version = people[0].tallies.at(-1).version;
  process.kill(web.pid, 'SIGKILL');
  await wait_for(() => people[0].ask('POST', 'vote', { choice: 'tea' }), { within: 20_000, what: 'the page to be there again' });
  await hear_tally(people, { here: 5, tea: 1, coffee: 0, cocoa: 0, water: 0 });
  assert.ok(people[0].tallies.at(-1).version > version, 'which pages take for the newer one');
  assert.deepEqual(people.map((one) => one.lost.length), lost);
});

test('Redis is killed: instances that have lost it are replaced by some that know where it is now, and the vote goes on', async () => {
  const [redis] = await fleet.serving('redis', 1);
  const former = (await fleet.serving('channels', 3)).map(({ id }) => id);
  const lost = people.map((one) => one.lost.length);
  process.kill(redis.pid, 'SIGKILL');
  const replaced = async () => {
    const all = await fleet.serving('channels', 3);
    return all.every(({ id }) => !former.includes(id)) && people.every(({ instance }) => !former.includes(instance));
  };
  await wait_for(replaced, { within: 60_000, what: 'all to be on new instances' });
  assert.deepEqual(people.map((one, i) => one.lost[lost[i]]), Array(5).fill(4200), 'nobody was cut');
  await people[0].ask('POST', 'vote', { choice: 'cocoa' });
  const { counts } = (await people[0].ask('GET', 'info')).tally;
  await hear_tally(people, { here: 5, ...counts });
  await wait_for(() => people[1].ask('POST', 'say', { text: 'of one Redis again' }).then(() => true), { every: 200 });
  await wait_for(() => people.every(({ texts }) => texts.includes('of one Redis again')));
});

test('run.mjs starts it, says where it is, and leaves nothing behind', async (t) => {
  const ports = await port_range();
  const folder = mkdtempSync(join(tmpdir(), 'utakata-live-vote-'));
  t.after(async () => {
    child.kill('SIGTERM');
    await ended;
    ports.release();
    rmSync(folder, { recursive: true });
  });
  const words = [`page=${ports.first}`, `api=127.0.0.1:${ports.last}`, `store=${join(folder, 'vote.db')}`];
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('../../examples/live-vote/run.mjs', import.meta.url)), ...words.flatMap((word) => ['-p', word])],
    { env: { ...process.env, UTAKATA_HOME: join(folder, 'home'), PATH: `${dirname(utakata_program())}:${process.env.PATH}` } });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (said += bytes));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  ended.then(() => (said += '\n(ended)'));
  await wait_for(() => {
    assert.doesNotMatch(said, /\(ended\)/);
    return said.includes(`The vote is on at http://127.0.0.1:${ports.first}`);
  }, { within: 30_000, what: `run.mjs; it said: ${said}` });
  child.kill('SIGINT');
  assert.equal(await ended, 0, said);
  assert.match(said, /processes: none left of 5 instances/);
});
