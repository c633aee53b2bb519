// `utakata load` on agents: a stack of three of them, and some by hand. Servers of Node's are the witnesses of what was done.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { load, scenario, start_load } from './kit/load.mjs';
import { start_stack, utakata_program } from './kit/stack.mjs';
import { monotonic_ms, wait_for } from './kit/wait.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const closers = [];
let bees, at_bees;
before(async () => {
  bees = await start_stack({ file: join(here, '../../examples/bees/stack.yaml'), args: ['-p', `utakata=${utakata_program()}`] });
  await bees.serving('bees', 3);
  at_bees = ['--cluster', 'bees', '--stack', 'bees', '--workers', '1'];
});
after(async () => {
  closers.forEach((close) => close());
  await bees?.stop();
});
const home = () => ({ UTAKATA_HOME: bees.home });
const on_bees = (text, words = [], more = {}) => load(text, [...at_bees, ...words], { ...home(), ...more });
// None of them has a run, and so the next test may.
const idle = () => wait_for(async () => (await bees.instances('bees')).every((one) => one.lifecycle === 'serving' && one.connections === 0),
  { what: 'all agents without a run', within: 20_000 });

// Says back what it hears, and knows who came when.
async function witness(host = '127.0.0.1') {
  const seen = { came: [], open: 0, most: 0, messages: 0 };
  const server = new WebSocketServer({ port: 0, host });
  await once(server, 'listening');
  server.on('connection', (socket, request) => {
    seen.came.push({ who: request.url.slice(1), at: monotonic_ms() });
    seen.most = Math.max(seen.most, ++seen.open);
    socket.on('close', () => --seen.open);
    socket.on('message', (data, is_binary) => {
      ++seen.messages;
      socket.send(data, { binary: is_binary });
    });
  });
  seen.url = `ws://${host}:${server.address().port}`;
  closers.push(() => {
    for (const one of server.clients) one.terminate();
    server.close();
  });
  return seen;
}
const each_once = (count) => Array.from({ length: count }, (_, k) => String(k)).sort();

const echo = (url) => `
  const socket = new WebSocket('${url}/' + u.number);
  await new Promise((go, fail) => { socket.onopen = go; socket.onerror = fail; });`;

test('users are split over the agents, each is there once, and all begin within 100 ms', async () => {
  const spreads = [];
  // A machine that is busy with other tests may be late once; what is too late by design is late each time.
  for (let attempt = 0; attempt < 4 && !(Math.min(...spreads) < 100); ++attempt) {
    await idle();
    const server = await witness();
    const run = await on_bees(`export const load = { users: 30, iterations: 1, thresholds: { checks: 'rate==1', said_back: 'count==30' } };
      export default async function user(u) {
        ${echo(server.url)}
        const heard = new Promise((go) => { socket.onmessage = go; });
        socket.send('ping');
        u.check('it is said back', (await heard).data === 'ping');
        u.count('said_back');
        socket.close();
      }`);
    assert.equal(run.code, 0, run.err);
    assert.deepEqual(server.came.map((one) => one.who).sort(), each_once(30));
    assert.equal(server.messages, 30);
    const begun = [0, 1, 2].map((agent) => Math.min(...server.came.filter((one) => one.who % 3 === agent).map((one) => one.at)));
    spreads.push(Math.max(...begun) - Math.min(...begun));
  }
  assert.ok(Math.min(...spreads) < 100, `first users of the agents came ${spreads} ms apart`);
});

test('figures of agents are added up to the same as those of one process', async () => {
  const text = `export const load = { users: 60, iterations: 2, thresholds: {
      number: ['count==120', 'min==1', 'max==60', 'avg<=30.7', 'avg>=30.3', 'p(50)<=31', 'p(50)>=30', 'p(95)<=58.1', 'p(95)>=56.9'],
      odd: 'rate==0.5', all: 'count==120', iterations: 'count==120', errors: 'count==4' } };
    export default async function user(u) {
      u.trend('number', u.number + 1);
      u.rate('odd', u.number % 2 === 1);
      u.count('all');
      if (u.number < 2) setTimeout(() => { throw new Error('aside'); }, 1);
      await u.think(0.05);
    }`;
  const alone = await load(text);
  assert.equal(alone.code, 0, alone.out + alone.err);
  await idle();
  const together = await on_bees(text);
  assert.equal(together.code, 0, together.out + together.err);
  await idle();
  const missed = await on_bees(text.replace("'max==60'", "'max==59'"));
  assert.equal(missed.code, 3, missed.out + missed.err);
});

test('a scenario comes with its packages, its own files, those that it imports later, its data and what it was given', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'utakata-e2e-shipped-'));
  closers.push(() => rmSync(folder, { recursive: true }));
  const write = (name, text) => writeFileSync(join(folder, name), text);
  symlinkSync(join(here, 'node_modules'), join(folder, 'node_modules'));
  write('package.json', '{ "type": "module" }');
  write('names.js', `import { io } from 'socket.io-client';
    import { createRequire } from 'node:module';
    const require = createRequire(import.meta.url);
    export const old = () => require('./old.cjs');
    export const is_client = typeof io === 'function';`);
  write('old.cjs', `exports.name = 'old'; exports.ms = (text) => require('ms')(text);`);
  write('late.js', `import { deep } from './deep.js'; export const late = deep + 1;`);
  write('deep.js', 'export const deep = 41;');
  write('people.json', '["ann", "bob"]');
  write('towns.csv', 'Oslo\nRome\n');
  write('roads.csv', 'A1\n');
  const file = join(folder, 'shipped.mjs');
  writeFileSync(file, `import { readFileSync } from 'node:fs';
    import people from './people.json' with { type: 'json' };
    import { is_client, old } from './names.js';
    const towns = readFileSync(new URL('./towns.csv', import.meta.url), 'utf8');
    const roads = readFileSync('roads.csv', 'utf8');
    export const load = { users: 6, iterations: 1, thresholds: { checks: 'rate==1', all: 'count==6' } };
    export const setup = async () => ({ secret: 'sesame' });
    export default async function user(u) {
      const { late } = await import('./late.js');
      u.check('package', is_client);
      u.check('json', people[1] === 'bob');
      u.check('csv', towns === 'Oslo\\nRome\\n');
      u.check('where the command was given', roads === 'A1\\n');
      u.check('later', late === 42);
      u.check('required', old().name === 'old' && old().ms('1s') === 1000);
      u.check('environment', process.env.WHO === 'me');
      u.check('setup', u.data.secret === 'sesame');
      u.count('all');
    }`);
  await idle();
  const before_it = readdirSync(tmpdir()).filter((one) => one.startsWith('utakata-agent-'));
  const child = spawn(utakata_program(), ['load', 'shipped.mjs', ...at_bees, '-e', 'WHO=me'], { cwd: folder, env: { ...process.env, ...home() } });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => { said += bytes; });
  const [code] = await once(child, 'close');
  assert.equal(code, 0, said);
  await idle();
  await wait_for(() => readdirSync(tmpdir()).filter((one) => one.startsWith('utakata-agent-') && !before_it.includes(one)).every((one) => !readdirSync(join(tmpdir(), one)).length),
    { what: 'what was unpacked to be deleted' });
});

test('what is too much to be sent is named, and nothing begins', async () => {
  await idle();
  const large = scenario('x'.repeat(65 * 1024 * 1024), 'film.csv');
  const run = await on_bees(`import { readFileSync } from 'node:fs';
    const film = readFileSync('film.csv');
    export const load = { users: 1, iterations: 1 };
    export default () => {};`);
  rmSync(large);
  assert.equal(run.code, 2, run.err);
  assert.match(run.err, /The largest is .*film\.csv, 65\.0 MB/);
});

test('what fails on an agent is told with the names that files have here', async () => {
  await idle();
  const run = start_load(`if (process.argv[2]) throw new Error('only there');
    export const load = { users: 1, iterations: 1 };
    export default () => {};`, at_bees, home());
  assert.equal(await run.ended, 2, run.err);
  const file = run.child.spawnargs[2];
  assert.ok(run.err.includes(`it cannot be loaded: only there (file://${file}:1:`), run.err);
});

test('a run survives an agent that is killed, and says so', async () => {
  await idle();
  const server = await witness();
  const run = start_load(`export const load = { users: 30, duration: '4s' };
    export default async function user(u) {${echo(server.url)}
      await u.stay();
      socket.close();
    }`, at_bees, home());
  await wait_for(() => server.open === 30, { what: 'all users there', within: 15_000 });
  const [victim] = await bees.instances('bees');
  process.kill(victim.pid, 'SIGKILL');
  await wait_for(() => server.open === 20, { what: 'a third of the users gone' });
  assert.equal(await run.ended, 0, run.err);
  assert.match(run.out + run.err, new RegExp(`Agent ${victim.id} was lost after \\d+ s \\(the connection was lost\\): its (\\d+ )?users are missing`));
  assert.deepEqual(server.came.map((one) => one.who).sort(), each_once(30), 'nobody came twice');
  await wait_for(() => server.open === 0, { what: 'the others to have left' });
  await bees.serving('bees', 3);
});

test('Ctrl-C reaches the users of all agents, who have their time', async () => {
  await idle();
  const server = await witness();
  const run = start_load(`export const load = { users: 9, duration: '1h' };
    export default async function user(u) {${echo(server.url)}
      await u.stay();
      socket.send('bye');
      await new Promise((go) => { socket.onmessage = go; });
      socket.close();
    }`, at_bees, home());
  await wait_for(() => server.open === 9, { what: 'all users there', within: 15_000 });
  run.child.kill('SIGINT');
  assert.equal(await run.ended, 130, run.err);
  assert.equal(server.messages, 9);
});

test('who comes second is told so; when the one who started a run dies, the agents end it', async () => {
  await idle();
  const server = await witness();
  const text = `export const load = { users: 9, duration: '1h' };
    export default async function user(u) {${echo(server.url)} await u.stay(); }`;
  const first = start_load(text, at_bees, home());
  await wait_for(() => server.open === 9, { what: 'all users there', within: 15_000 });
  const second = await on_bees(text);
  assert.equal(second.code, 1, second.err);
  assert.match(second.err, /agent bees-\d+: another run is under way/);
  assert.equal(server.open, 9);
  first.child.kill('SIGKILL');
  await wait_for(() => server.open === 0, { what: 'all users gone', within: 10_000 });
  await idle();
});

// An agent by hand, in `wrapper` such as a network namespace.
async function agent_at(address, token, wrapper = []) {
  const words = [...wrapper, utakata_program(), 'load', 'agent', '--listen', address, '--port', '0'];
  const child = spawn(words[0], words.slice(1), { env: { ...process.env, LOAD_TOKEN: token }, stdio: ['ignore', 'ignore', 'pipe'] });
  closers.push(() => child.kill('SIGKILL'));
  let said = '';
  child.stderr.on('data', (bytes) => { said += bytes; });
  const port = await wait_for(() => /listens on .*:(\d+)\n/.exec(said)?.[1], { what: `an agent at ${address}; ${said}` });
  return { child, address: `${address}:${port}`, port: Number(port) };
}

test('without the token nobody runs anything', async () => {
  const agent = await agent_at('127.0.0.1', 'sesame');
  const text = `export const load = { users: 2, iterations: 1 }; export default () => console.log('I ran');`;
  for (const token of ['', 'wrong']) {
    const refused = await load(text, ['--agents', agent.address], { LOAD_TOKEN: token });
    assert.equal(refused.code, 1, refused.err);
    assert.match(refused.err, /Is LOAD_TOKEN the same here as there\?/);
    assert.doesNotMatch(refused.out, /I ran/);
  }
  const run = await load(text, ['--agents', agent.address, '--workers', '2'], { LOAD_TOKEN: 'sesame' });
  assert.equal(run.code, 0, run.err);
  assert.equal(run.out.split('I ran').length, 3);
});

test('without a token an agent listens on no address that others reach', async () => {
  const child = spawn(utakata_program(), ['load', 'agent', '--listen', '0.0.0.0', '--port', '0'], { env: { ...process.env, LOAD_TOKEN: '' } });
  let said = '';
  child.stderr.on('data', (bytes) => { said += bytes; });
  const [code] = await once(child, 'close');
  assert.equal(code, 2);
  assert.match(said, /without a token .* set LOAD_TOKEN/);
});

test('strangers at an agent, whatever they send, end nothing', async () => {
  const agent = await agent_at('127.0.0.1', 'sesame');
  const upgrade = 'GET /agent HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';
  const shown = 'Authorization: Bearer sesame\r\n\r\n';
  const frame = (size) => Buffer.concat([Buffer.from([0x82, 0xff]), (() => { const b = Buffer.alloc(12); b.writeBigUInt64BE(BigInt(size)); return b; })()]);
  const all = [Buffer.alloc(100_000, 0xff), 'GET / HTTP/1.1\r\n', upgrade, `${upgrade}Authorization: Bearer x\r\n\r\n`, `GET /${'a'.repeat(100_000)} HTTP/1.1\r\n\r\n`,
    Buffer.concat([Buffer.from(upgrade + shown), frame(2 ** 62)]), Buffer.concat([Buffer.from(upgrade + shown), Buffer.alloc(1000, 0x13)]), '\r\n\r\n\0'];
  const strangers = [];
  for (let round = 0; round < 5; ++round)
    for (const bytes of all) {
      const socket = net.connect(agent.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(bytes);
      strangers.push(socket);
    }
  const text = `export const load = { users: 2, iterations: 1 }; export default () => console.log('I ran');`;
  const run = await wait_for(async () => {
    const one = await load(text, ['--agents', agent.address, '--workers', '1'], { LOAD_TOKEN: 'sesame' });
    if (one.code !== 0) throw new Error(one.err);  // a stranger with the token may be the one run, for a moment
    return one;
  }, { what: 'a run after all the strangers', within: 20_000 });
  assert.equal(run.out.split('I ran').length, 3);
  assert.equal(agent.child.exitCode, null);
  for (const one of strangers) one.destroy();
});

// Hosts of their own, as far as their network goes: each namespace has one end of a cable.
function namespaces(count) {
  const ip = (...words) => execFileSync('ip', words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const names = [];
  closers.push(() => { for (const name of names) ip('netns', 'del', name); });
  for (let k = 0; k < count; ++k) {
    const name = `utk${process.pid}-${k}`, cable = `utk${process.pid % 100_000}${k}`, subnet = `10.231.${(process.pid + k) % 250}`;
    ip('netns', 'add', name);
    names.push(name);
    ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    ip('addr', 'add', `${subnet}.1/24`, 'dev', cable);
    ip('link', 'set', cable, 'up');
    for (const [of, words] of [['addr', ['add', `${subnet}.2/24`, 'dev', 'eth0']], ['link', ['set', 'eth0', 'up']], ['link', ['set', 'lo', 'up']]])
      ip('-n', name, of, ...words);
    names[k] = name;
    names[name] = { ours: `${subnet}.1`, theirs: `${subnet}.2` };
  }
  return names.slice(0, count).map((name) => ({ name, ...names[name] }));
}
function can_make_namespaces() {
  try {
    execFileSync('ip', ['netns', 'add', `utk${process.pid}-try`], { stdio: 'ignore' });
    execFileSync('ip', ['netns', 'del', `utk${process.pid}-try`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test('agents in network namespaces run a scenario, and one that is cut off is noticed', { skip: !can_make_namespaces() && 'this user may make no network namespaces' }, async () => {
  const hosts = namespaces(2);
  const agents = await Promise.all(hosts.map((host) => agent_at(host.theirs, 'sesame', ['ip', 'netns', 'exec', host.name])));
  const servers = await Promise.all(hosts.map((host) => witness(host.ours)));
  const run = start_load(`const urls = ${JSON.stringify(servers.map((one) => one.url))};
    export const load = { users: 10, duration: '14s' };
    export default async function user(u) {
      const socket = new WebSocket(urls[u.number % 2] + '/' + u.number);
      await new Promise((go, fail) => { socket.onopen = go; socket.onerror = fail; });
      await u.stay();
      socket.close();
    }`, ['--agents', agents.map((one) => one.address).join(','), '--workers', '1'], { LOAD_TOKEN: 'sesame' });
  await wait_for(() => servers.every((one) => one.open === 5), { what: `all users there; ${run.err}`, within: 15_000 });
  // No packet comes back any more: only silence tells.
  execFileSync('ip', ['-n', hosts[1].name, 'link', 'set', 'eth0', 'down']);
  assert.equal(await run.ended, 0, run.err);
  assert.match(run.out + run.err, new RegExp(`Agent ${agents[1].address} was lost after \\d+ s \\(the other end is silent\\)`));
  assert.doesNotMatch(run.out + run.err, new RegExp(`Agent ${agents[0].address} was lost`));
  assert.deepEqual(servers.flatMap((one) => one.came.map((user) => user.who)).sort(), each_once(10));
});
