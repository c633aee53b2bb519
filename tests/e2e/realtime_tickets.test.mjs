// utakata-realtime as `utakata up` runs it, with `?ticket=${ticket}` in its url: who was placed is confirmed by name, and who was not
// is turned away where a ticket is required.
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import Pusher from 'pusher-js';
import { io } from 'socket.io-client';
import WebSocket from 'ws';
import { start_stack, utakata_program } from './kit/stack.mjs';
import { realtime } from './kit/realtime.mjs';
import { wait_for } from './kit/wait.mjs';

let fleet;
const open = [];
const forged = '0123456789abcdef0123456789abcdef';

const cluster = (name, options, instances) => `
  ${name}:
    run: exec ${join(dirname(utakata_program()), 'utakata-realtime')} --app 1:show:between-us ${options}
    url: "ws://\${host}:\${port}/?ticket=\${ticket}"
    ready: { http: /healthz, within: 20s }
    count: { http: /stats, field: connections, accepted: accepted }
    capacity: 20
    hold: 10m
    instances: ${instances}
    drain: { deadline: none, tell: "POST /drain" }
`;
before(async () => {
  fleet = await start_stack({ yaml: ({ listen, ports }) => `stack: tickets
api: { listen: "${listen}", ports: ${ports} }
clusters:
${cluster('lenient', '', 1)}${cluster('strict', '--tickets require', 2)}${cluster('joined', '--tickets require --workers 2', 1)}` });
  await fleet.serving('lenient', 1);
  await fleet.serving('strict', 2);
  await fleet.serving('joined', 1);
});
after(async () => {
  for (const close of open) close();
  await fleet?.stop();
});

async function place(name) {
  const { status, body } = await fleet.place(name);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}
// As placement itself knows it.
const held = async (name) =>
  Number(new RegExp(`^utakata_seats_held\\{cluster="${name}"\\} (\\d+)`, 'm').exec(await (await fetch(`${fleet.api}/metrics`)).text())[1]);
const holds = (name, seats) => wait_for(async () => (await held(name)) === seats, { what: `${seats} seats to be held of ${name}` });
// With another ticket, or none, in its place.
const at = (url, ticket) => url.replace(/\?ticket=.*/, ticket ? `?ticket=${ticket}` : '');
const metrics = async (url) => (await fetch(new URL('/metrics', url.replace(/^ws/, 'http')))).text();
const became = async (url, what) => Number(new RegExp(`realtime_tickets_total\\{what="${what}"\\} (\\d+)`).exec(await metrics(url))[1]);

// How it was answered: 'in', or the code that it was closed with.
function pusher(url) {
  const address = new URL(url);
  address.pathname = '/app/show';
  address.searchParams.set('protocol', '7');
  const socket = new WebSocket(address);
  open.push(() => socket.terminate());
  return new Promise((resolve, reject) => {
    const said = [];
    socket.on('message', (text) => {
      said.push(JSON.parse(text));
      if (said.at(-1).event === 'pusher:connection_established') resolve('in');
    });
    socket.on('close', (code) => resolve([code, said[0]?.data.code, said[0]?.data.message]));
    socket.on('error', reject);
  });
}
// 'in', or what `connect_error` said.
function socketio(url, transports = ['websocket']) {
  const socket = io(url, { transports, forceNew: true, reconnectionDelay: 50 });
  open.push(() => socket.disconnect());
  return new Promise((resolve) => {
    socket.on('connect', () => resolve('in'));
    socket.on('connect_error', (problem) => resolve([problem.message, socket.active]));
  });
}

test('who was placed is confirmed by name, once; who was not is let in, and is nobody else for it', async () => {
  const [first, second, third] = [await place('lenient'), await place('lenient'), await place('lenient')];
  await holds('lenient', 3);
  assert.equal(await pusher(second.url), 'in');
  await holds('lenient', 2);
  assert.equal(await socketio(third.url, ['polling', 'websocket']), 'in');
  await holds('lenient', 1);
  for (const ticket of [second.ticket, forged, '../../../stacks', '']) assert.equal(await pusher(at(second.url, ticket)), 'in');
  await wait_for(async () => (await became(first.url, 'refused')) === 2, { what: 'a used one and a forged one to be refused' });
  assert.deepEqual(await Promise.all(['confirmed', 'malformed', 'missing', 'dropped'].map((what) => became(first.url, what))), [2, 1, 1, 0]);
  await wait_for(async () => (await fleet.instances('lenient'))[0].connections === 6, { what: 'all to be counted' });
  assert.equal(await held('lenient'), 1, 'the first has not come');
  assert.equal(await pusher(first.url), 'in');
  await holds('lenient', 0);
});

test('where a ticket is required one that holds lets in, once, by any client', async () => {
  const [one, two, three, four] = await Promise.all(Array.from({ length: 4 }, () => place('strict')));
  assert.equal(await pusher(one.url), 'in');
  assert.equal(await socketio(two.url), 'in');
  assert.equal(await socketio(three.url, ['polling']), 'in');
  const { hostname, port } = new URL(four.url);
  const client = new Pusher('show', {
    cluster: '', wsHost: hostname, wsPort: port, wsPath: `/ticket/${four.ticket}`, forceTLS: false, enabledTransports: ['ws'], disableStats: true,
  });
  open.push(() => client.disconnect());
  await wait_for(() => client.connection.state === 'connected', { what: 'pusher-js to be in' });
  await holds('strict', 0);
  const [code, same, why] = await pusher(one.url);
  assert.deepEqual([code, same], [4009, 4009]);
  assert.match(why, /The ticket has no seat here/);
  assert.deepEqual(await socketio(three.url), ['The ticket has no seat here: ask for another place.', false]);
});

test('and nobody is let in without, with a forged one, or with one of another instance', async () => {
  const { url, ticket, instance } = await place('strict');
  const other = await wait_for(async () => {
    const found = await place('strict');
    return found.instance !== instance && found;
  }, { what: 'a place on the other one' });
  const before = await fleet.instances('strict');
  for (const [shown, why] of [['', /Ask for a place first/], ['x', /Ask for a place first/], [forged, /no seat here/], [other.ticket, /no seat here/]]) {
    const [code, , said] = await pusher(at(url, shown));
    assert.equal(code, 4009, shown);
    assert.match(said, why);
    for (const transports of [['websocket'], ['polling']]) {
      const [message, comes_again] = await socketio(at(url, shown), transports);
      assert.match(message, why);
      assert.equal(comes_again, false);
    }
  }
  await wait_for(async () => {
    const now = await fleet.instances('strict');
    return now.every(({ id, connections }) => connections === before.find((one) => one.id === id).connections);
  }, { what: 'them to be gone' });
  assert.equal(await pusher(at(url, ticket)), 'in', 'its own ticket still holds');
  assert.equal(await pusher(other.url), 'in');
});

test('each worker asks for itself', async () => {
  for (let i = 0; i < 6; i++) {
    const { url } = await place('joined');
    assert.equal(await (i % 2 ? socketio(url, ['polling', 'websocket']) : pusher(url)), 'in');
    assert.equal((await pusher(at(url, forged)))[0], 4009);
  }
  await holds('joined', 0);
  const { url } = await place('joined');
  assert.deepEqual([await became(url, 'confirmed'), await became(url, 'refused')], [6, 6]);
});

test('while the controller is away all are let in, and it hears of them when it is back', async () => {
  await holds('strict', 0);
  const { url } = await place('strict');
  const confirmed = await became(url, 'confirmed');
  await fleet.kill9();
  assert.equal(await pusher(url), 'in');
  assert.equal(await socketio(at(url, forged)), 'in');
  assert.equal((await pusher(at(url, '')))[0], 4009, 'that one is needed is known without it');
  await fleet.up();
  await wait_for(async () => (await became(url, 'confirmed')) === confirmed + 1, { what: 'it to hear of the one' });
  await holds('strict', 0);
  await wait_for(async () => (await pusher(at(url, forged)))[0] === 4009, { what: 'it to be asked again' });
});

test('it does not start where tickets are required and there is no controller', async () => {
  await assert.rejects(realtime('--tickets', 'require'), /ended \(2\).*`--tickets require` needs UTAKATA_URL/);
  await assert.rejects(realtime('--tickets', 'perhaps'), /ended \(\d+\)/);
  const server = await realtime('--tickets', 'off');
  assert.equal(await pusher(`ws://127.0.0.1:${server.port}/`), 'in');
  assert.equal(await server.stop(), 0);
});
