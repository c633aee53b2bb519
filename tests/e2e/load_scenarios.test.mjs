// Scenarios that throw, print, leak, loop, never return or kill their worker: the run goes on or ends with the reason, and always ends.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import http from 'node:http';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { load, scenario, start_load } from './kit/load.mjs';
import { wait_for } from './kit/wait.mjs';

const server = http.createServer((request, response) => response.end('hi'));
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
await new Promise((go) => server.listen(0, '127.0.0.1', go));
const address = `127.0.0.1:${server.address().port}`;
after(() => {
  for (const one of sockets.clients) one.terminate();
  server.closeAllConnections();
  server.close();
});

const children_of = (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);

test('whatever is thrown, wherever, is counted and named; the others go on', async () => {
  // Those of the first list end their user, those of the second are thrown beside it.
  const run = await load(`
    const from_its_user = [
      () => { throw new Error('at once'); },
      async (u) => { await u.think(0.01); throw new Error('later'); },
      async () => { await fetch('http://${address}'); throw new Error('after a page'); },
      () => Promise.reject(Object.assign(new Error('with a phase'), { phase: 'ticket' })),
      () => { throw Object.assign(new Error('with a phase that is none'), { phase: { toString() { throw 1; } } }); },
      () => { throw null; },
      () => { throw undefined; },
      () => { throw 7; },
      () => { throw Symbol('s'); },
      () => { throw function () {}; },
      () => { throw Object.create(null); },
      () => { throw { toString() { throw new Error('no words'); } }; },
      () => { throw { get message() { throw new Error('no message'); }, get stack() { throw 1; } }; },
      () => { throw new Proxy({}, { get() { throw new Error('nothing'); } }); },
      () => { throw new Error('half a character: \\ud800, and none: \\\\ud800'); },
      () => { throw new Error('x'.repeat(50_000_000)); },
      () => { throw new Error('a\\n    at a line of its own\\n'.repeat(1000)); },
      () => { return { then() { throw new Error('a promise that is none'); } }; },
    ];
    const opened = (then) => new Promise((go, fail) => {
      const socket = new WebSocket('ws://${address}');
      socket.onerror = fail;
      socket.onclose = go;
      then(socket);
    });
    const beside_it = [
      (u) => { setTimeout(() => { throw new Error('in a timer'); }, 5); return u.think(0.1); },
      (u) => { setImmediate(() => { throw new Error('at once, in a turn of its own'); }); return u.think(0.1); },
      (u) => { queueMicrotask(() => { throw new Error('in a microtask'); }); return u.think(0.1); },
      (u) => { process.nextTick(() => { throw new Error('in a tick'); }); return u.think(0.1); },
      (u) => { Promise.reject(new Error('nobody waits for it')); return u.think(0.1); },
      () => opened((socket) => {  // who listens beside it hears all the same
        socket.onopen = () => { throw new Error('when it is open'); };
        socket.addEventListener('open', () => socket.send('hi'));
        socket.addEventListener('message', () => socket.close());
      }),
      () => opened((socket) => {
        socket.onopen = () => socket.send('hi');
        socket.onmessage = () => { socket.close(); throw new Error('when it hears'); };
      }),
      () => opened((socket) => {
        socket.onopen = () => socket.close();
        socket.addEventListener('close', () => { throw new Error('when it is closed'); });
      }),
      () => new Promise((go) => {
        const request = new XMLHttpRequest();
        request.open('GET', 'http://${address}');
        request.onload = () => { throw new Error('when it is loaded'); };
        request.onloadend = go;
        request.send();
      }),
    ];
    const all = [...from_its_user, ...beside_it];
    export const load = { users: all.length + 2, iterations: 1, scenarios: { odd: { exec: 'odd', weight: 1 } }, thresholds: {
      errors: 'count==' + all.length, 'errors{scenario:odd}': 'count==' + all.length, 'errors{phase:ticket}': 'count==1',
      iterations: 'count==' + (beside_it.length + 2), ws_closed: 'count==3' } };
    export const odd = (u) => all[u.number]?.(u);`);
  assert.equal(run.code, 0, run.out + run.err);
});

test('who throws each time does so no more often than the plan has it, and memory stays as it is', async () => {
  const run = await load(`
    import { readFileSync } from 'node:fs';
    export const load = { arrivals: '2000/s', duration: '2s', thresholds: { errors: 'count==4000', iterations: 'count==0', 'ws_closed{code:1006}': 'count==0' } };
    export default async function user(u) { await u.think(0.001); throw new Error('number ' + u.number + ' ' + 'x'.repeat(100_000)); }
    export const teardown = () => console.log('memory', Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status'))[1]) / 1024);`);
  assert.equal(run.code, 0, run.out + run.err);
  const memory = Number(/memory ([\d.]+)/.exec(run.out)[1]);
  assert.ok(memory < 250, `${memory} MB`);
});

test('who never returns is interrupted when the time is over, and counted', async () => {
  const run = await load(`
    export const load = { users: 3, duration: '1s', graceful_stop: '1s', thresholds: { iterations_interrupted: 'count==2', iterations: 'count==1' } };
    export default (u) => (u.number === 0 ? u.stay() : new Promise(() => setInterval(() => {}, 10)));`);
  assert.equal(run.code, 0, run.out + run.err);
});

test('sockets that nobody closes are told of; those of who is interrupted, or about to close, are not', async () => {
  const run = await load(`
    export const load = { users: 5, duration: '1s', graceful_stop: '500ms', thresholds: { ws_sessions: 'count==5' } };
    export default async function user(u) {
      const socket = new WebSocket('ws://${address}');
      await new Promise((go, fail) => { socket.onopen = go; socket.onerror = fail; });
      if (u.number === 3) return new Promise(() => {});
      await u.stay();
      if (u.number === 4) socket.close();
    }`);
  assert.equal(run.code, 0, run.out + run.err);
  assert.match(run.out + run.err, /3 sockets stayed open/);
});

test('a million lines: some are shown, the run neither stalls nor grows', async () => {
  const run = await load(`
    import { readFileSync } from 'node:fs';
    export const load = { users: 2, iterations: 1, thresholds: { iterations: 'count==2' } };
    export default async function user(u) {
      for (let k = 0; k < 50; ++k) {
        for (let i = 0; i < 10_000; ++i) u.number === 0 ? console.log('line', i) : process.stderr.write('line ' + i + '\\n');
        await new Promise((go) => setImmediate(go));
      }
      console.log('x'.repeat(50_000_000));
      await new Promise((go) => process.stdout.write('done', go));
    }
    export const teardown = async () => {
      await new Promise((go) => setTimeout(go, 1100));
      console.log('memory', Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status'))[1]) / 1024);
    };`);
  assert.equal(run.code, 0, run.err);
  assert.ok(run.out.length + run.err.length < 200_000, `${run.out.length + run.err.length} letters came`);
  const memory = Number(/memory ([\d.]+)/.exec(run.out)[1]);
  assert.ok(memory < 350, `${memory} MB`);
});
