// A home-made autoscaler, as teams have one: by CPU thresholds, and it lets the oldest instance go,
// with whoever is on it. Players ask it where to go, in turn. It knows nothing of Utakata.
//
//   GET /where      -> {"url": ...}                     for players
//   GET /instances  -> [{"host", "port", "id"}, ...]    what runs: all that Utakata is told
//   POST /deploy    -> every instance is killed and started anew
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

const own_port = Number(process.env.PORT ?? 4999);
const first_port = Number(process.env.FIRST_PORT ?? 4000);
const period_ms = Number(process.env.PERIOD_MS ?? 5000);
const { min, max, out_above, in_below } = { min: 1, max: 8, out_above: 70, in_below: 35 };

const game = fileURLToPath(new URL('game.mjs', import.meta.url));
const instances = []; // oldest first
let next = 0;
let turn = 0;

function start() {
  const port = first_port + (next % 50);
  const env = { ...process.env, PORT: String(port) };
  const child = spawn(process.execPath, [game], { env, stdio: 'ignore' });
  const one = { id: `game-${next++}`, host: '127.0.0.1', port, child, is_up: false };
  instances.push(one);
  child.on('exit', () => {
    const place = instances.indexOf(one);
    if (place >= 0) instances.splice(place, 1);
  });
}

async function cpu_of(one) {
  try {
    const stats = await fetch(`http://${one.host}:${one.port}/stats`, {
      signal: AbortSignal.timeout(1000),
    });
    one.is_up = true;
    return (await stats.json()).cpu;
  } catch {
    return null;
  }
}

async function look() {
  const cpus = (await Promise.all(instances.map(cpu_of))).filter((cpu) => cpu !== null);
  const average = cpus.reduce((sum, cpu) => sum + cpu, 0) / Math.max(1, cpus.length);
  if (instances.length < min || (average > out_above && instances.length < max)) {
    console.log(`CPU ${average.toFixed(0)} %: one more`);
    start();
  } else if (average < in_below && instances.length > min && cpus.length === instances.length) {
    console.log(`CPU ${average.toFixed(0)} %: ${instances[0].id} is killed`);
    instances[0].child.kill('SIGKILL');
  }
}

createServer((request, response) => {
  const up = instances.filter((one) => one.is_up);
  let answer = up.map(({ id, host, port }) => ({ id, host, port }));
  if (request.url === '/where') {
    const one = up[turn++ % up.length];
    answer = { url: one && `http://${one.host}:${one.port}/play` };
  }
  if (request.method === 'POST' && request.url === '/deploy')
    for (const { child } of [...instances]) child.kill('SIGKILL'), start();
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
}).listen(own_port, '127.0.0.1');

setInterval(look, period_ms);
look();
process.on('SIGTERM', () => {
  for (const { child } of instances) child.kill('SIGKILL');
  process.exit(0);
});
