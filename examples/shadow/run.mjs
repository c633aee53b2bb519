// The whole example: the home-made autoscaler, players, and Utakata as a shadow beside them.
//
//   node run.mjs [--seconds 120] [--players 80]
//
// UTAKATA_BIN names the program where it is not on the PATH.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, copyFileSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '120' }, players: { type: 'string', default: '80' } },
});
const seconds = Number(values.seconds);
const players_most = Number(values.players);
const here = dirname(fileURLToPath(import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'utakata-shadow-'));
const port = Number(process.env.PORT ?? 4999);
const api = Number(process.env.API_PORT ?? 7071);
const period_ms = Math.min(5000, (seconds * 1000) / 20);
const utakata = process.env.UTAKATA_BIN ?? 'utakata';
const env = { ...process.env, UTAKATA_HOME: join(folder, 'home'), NO_COLOR: '1' };
const parameters = ['-p', `api=${api}`, '-p', `autoscaler=${port}`];

function run(...words) {
  const done = spawnSync(utakata, words, { cwd: folder, env, encoding: 'utf8' });
  if (done.error) throw done.error;
  process.stdout.write(`$ utakata ${words.join(' ')}\n${done.stdout}${done.stderr}`);
  return done.status;
}

// How many wish to play: up within a third of the time, two thirds of them leave in the second.
function wish(share) {
  if (share < 0.3) return Math.ceil((players_most * share) / 0.3);
  if (share < 0.5) return players_most;
  return Math.ceil(players_most * Math.max(0.15, 1 - (share - 0.5) * 3.4));
}

let cuts = 0;
let is_over = false;
class Player {
  constructor() {
    this.come();
  }
  async come() {
    while (!is_over && !this.is_leaving) {
      const { url } = await fetch(`http://127.0.0.1:${port}/where`)
        .then((answer) => answer.json())
        .catch(() => ({}));
      const was_in = url && (await this.play(url));
      if (was_in && !is_over && !this.is_leaving) cuts++;
      await sleep(500);
    }
  }
  // True: was in, and the connection ended.
  play(url) {
    return new Promise((resolve) => {
      this.request = get(url, { agent: false }, (answer) => {
        answer.resume();
        answer.on('close', () => resolve(true));
      });
      this.request.on('error', () => resolve(false));
    });
  }
  leave() {
    this.is_leaving = true;
    this.request?.destroy();
  }
}

const autoscaler = spawn(process.execPath, [join(here, 'autoscaler.mjs')], {
  env: { ...process.env, PORT: String(port), PERIOD_MS: String(period_ms) },
  stdio: 'inherit',
});
try {
  copyFileSync(join(here, 'stack.yaml'), join(folder, 'stack.yaml'));
  if (run('up', 'stack.yaml', '-d', ...parameters) !== 0) throw new Error('utakata did not start');
  const players = [];
  for (let at = 0; at < seconds; at++) {
    while (players.length < wish(at / seconds)) players.push(new Player());
    while (players.length > wish(at / seconds))
      players.splice(Math.floor(Math.random() * players.length), 1)[0].leave();
    await sleep(1000);
  }
  await sleep(6000); // what was seen last is written within some seconds
  console.log(`the players were cut ${cuts} times`);
  process.exitCode = run(
    'shadow', 'report', '--stack', 'arcade', '--html', join(process.cwd(), 'shadow.html'), ...parameters,
  );
  is_over = true;
  for (const player of players) player.leave();
} finally {
  run('down', '--stack', 'arcade');
  autoscaler.kill('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
}
