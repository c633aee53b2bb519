// Scenarios that throw, print, leak, loop, never return or kill their worker: the run goes on or ends with the reason, and always ends.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { after, describe, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { load, start_load } from './kit/load.mjs';
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

describe('scenarios', { concurrency: 3 }, () => {

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
  // 400 MB of words are thrown.
  const run = await load(`
    export const load = { arrivals: '2000/s', duration: '2s', thresholds: { errors: 'count==4000', iterations: 'count==0', 'ws_closed{code:1006}': 'count==0' } };
    export default async function user(u) { await u.think(0.001); throw new Error('number ' + u.number + ' ' + 'x'.repeat(100_000)); }`,
    ['--workers', '1'], { NODE_OPTIONS: '--max-old-space-size=80' });
  assert.equal(run.code, 0, run.out + run.err);
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
    };`, ['--workers', '1']);
  assert.equal(run.code, 0, run.err);
  assert.ok(run.out.length + run.err.length < 200_000, `${run.out.length + run.err.length} letters came`);
  const memory = Number(/memory ([\d.]+)/.exec(run.out)[1]);
  assert.ok(memory < 350, `${memory} MB`);
});

test('a scenario that loops for ever: its line is named, its worker ended, the run with it', async () => {
  const text = `
    export const load = { users: 4, duration: '1h', graceful_stop: '1s' };
    function spin(u) {
      for (let k = 0; ; ++k) u.between(k, k + 1);
    }
    export default async function user(u) {
      await u.think(0.2);
      if (u.number === 1) spin(u);
      await u.stay();
    }`;
  const run = start_load(text, ['--workers', '2', '--json']);
  assert.equal(await run.ended, 1, run.out + run.err);
  assert.match(run.err, /utakata: Worker 1 loops for ever at spin \(file:\/\/.*scenario\d+\.mjs:4:\d+\)/);
  assert.doesNotMatch(run.out + run.err, /Debugger/);
  const report = JSON.parse(run.out);
  assert.equal(report.end, 'broken');
  assert.equal(report.generator.workers_lost, 1);
  assert.match(report.notes.join('\n'), /Worker 1 loops for ever at spin .*, and was ended after \d+ s: its (2 )?users are missing/);
});

test('a worker that dies is told of, with how; the others go on, and it is no success', async () => {
  const table = [
    ['process.exit(0)', /Worker \d ended with exit code 0/, /called process\.exit\(\), which ends its worker: .*scenario\d+\.mjs:8:/],
    ['process.kill(process.pid, "SIGKILL")', /Worker \d ended by signal 9 \(Killed\)/, /./],
    ['{ const all = []; for (;;) all.push(new Array(1000).fill({})); }', /Worker \d ended by signal 6 \(Aborted\)/, /heap out of memory/],
  ];
  await Promise.all(table.map(async ([crime, words, printed]) => {
    const run = await load(`
      import { writeSync } from 'node:fs';
      export const load = { users: 4, iterations: 1 };
      export const teardown = () => console.log('torn down');
      export default async function user(u) {
        await u.think(0.5);
        if (u.number === 0)
          ${crime};
        await u.think(1.5);
        console.log('user ' + u.number + ' is done');
      }`, ['--workers', '2', '--json'], { NODE_OPTIONS: '--max-old-space-size=40' });
    assert.equal(run.code, 1, `${crime}\n${run.out}${run.err}`);
    assert.match(run.err, words, crime);
    assert.match(run.err, printed, crime);
    for (const line of [/user 1 is done/, /user 3 is done/, /torn down/]) assert.match(run.err, line, crime);
    const report = JSON.parse(run.out);
    assert.equal(report.generator.workers_lost, 1);
    assert.match(report.notes.join('\n'), /Worker 0 ended .*: its (2 )?users are missing/);
    assert.match(report.doubts.join('\n'), /1 of 2 workers were lost/);
    assert.equal(report.is_valid ?? false, false);
  }));
});

test('a worker that somebody kills, and all of them', async () => {
  const text = `
    export const load = { users: 4, duration: '1h', graceful_stop: '1s' };
    export default async function user(u) { console.log('here'); await u.stay(); }`;
  const run = start_load(text, ['--workers', '2']);
  await wait_for(() => run.out.split('here').length === 5, { what: 'all users there', within: 20_000 });
  const [first, second] = children_of(run.child.pid);
  process.kill(first, 'SIGKILL');
  await wait_for(() => children_of(run.child.pid).length === 1);
  process.kill(second, 'SIGKILL');
  assert.equal(await run.ended, 1, run.out + run.err);
  assert.match(run.err, /ended by signal 9/);
  assert.match(run.out, /teardown\(\) was not run/);
});

test('what is wrong with imports, at once and on the way', async () => {
  const table = [
    ['import { nothing } from "node:fs"; export const load = { users: 1, iterations: 1 }; export default () => nothing;', 2, /cannot be loaded: .*nothing/],
    ['import "./not_there.mjs";', 2, /cannot be loaded: .*not_there\.mjs/],
    ['throw new Error("no gold");', 2, /cannot be loaded: no gold \(file:.*scenario\d+\.mjs:1:7\)/],
    ['await new Promise((go, fail) => setTimeout(() => fail(new Error("no silver"))));', 2, /cannot be loaded: no silver/],
    ['export const load = () => {};', 2, /load/],
    ['export const load = { users: 1n }; export default () => {};', 2, /cannot be loaded: .*BigInt/],
    ['export const load = { users: 1, iterations: 1, thresholds: { iterations: "count==1" } }; export const setup = () => { const a = {}; a.a = a; return a; }; export default () => {};', 1,
      /setup\(\) failed: .*circular/],
    ['export const load = { users: 1, iterations: 1, thresholds: { iterations: "count==1" } }; export const setup = () => ({ words: "\\ud800 \\\\ud800" }); export default (u) => { if (u.data.words !== "\\ufffd \\\\ud800") throw new Error("other words"); };', 0, /./],
    ['export const load = { users: 1, iterations: 1, thresholds: { errors: "count==1" } }; export default async () => { await import("not-there"); };', 0, /./],
    ['export const load = { users: 1, iterations: 1 }; export const teardown = () => { throw new Error("no way down"); }; export default () => {};', 0, /teardown\(\) failed: no way down/],
    ['export const load = { users: 1, iterations: 1, thresholds: { latency: "p(95)<500" } }; export default () => {};', 3, /latency/],
  ];
  await Promise.all(table.map(async ([text, code, words]) => {
    const run = await load(text);
    assert.equal(run.code, code, `${text}\n${run.out}${run.err}`);
    assert.match(run.out + run.err, words, text);
  }));
});

});
