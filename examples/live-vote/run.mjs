// Starts the live vote, says where it is, and ends it with ^C.
//
//   node run.mjs [-p name=value ...]       parameters of stack.yaml
//
// The programs are those that `make` has built in this repository, or else those on the PATH.
import { spawn } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const words = process.argv.slice(2);
const of_words = (name, otherwise) => words.findLast((word) => word.startsWith(`${name}=`))?.slice(name.length + 1) ?? otherwise;
const page = `http://127.0.0.1:${of_words('page', 8080)}`;
const env = { ...process.env, PATH: `${join(here, '..', '..', 'build', 'dev')}${delimiter}${process.env.PATH}` };

const utakata = (...said) => new Promise((resolve, reject) => {
  // detached: ^C is for us, who then take the stack down
  spawn('utakata', said, { cwd: here, env, stdio: 'inherit', detached: true }).once('error', reject).once('exit', resolve);
});

async function is_there() {
  const answer = await fetch(`${page}/api/place`, { method: 'POST', signal: AbortSignal.timeout(2000) }).catch(() => null);
  return answer?.ok ?? false;
}

let is_over = false;
const ended = new Promise((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve((is_over = true)));
});

if (await utakata('up', 'stack.yaml', '-d', ...words) !== 0) process.exit(1);
for (let tries = 0; tries < 100 && !is_over && !(await is_there()); tries++) await sleep(200);
if (!is_over && !(await is_there())) {
  console.error(`${page} does not answer: is its port taken? \`-p page=8081\` takes another; \`utakata logs web\` says more.`);
  process.exitCode = 1;
} else if (!is_over) {
  console.log(`\nThe vote is on at ${page}; open it twice. ^C ends it. In another terminal, with build/dev in the PATH:
  utakata ps                       three instances, and who is on which
  utakata drain INSTANCE           such as channels-1: its pages move to the others
  kill -9 PID                      of an instance, as \`ps\` shows it: another one takes its place\n`);
  const stay = setInterval(() => {}, 60_000); // a signal to come keeps no process alive
  await ended;
  clearInterval(stay);
}
await utakata('down', '--stack', 'live-vote', '--now'); // open pages would keep it from being empty
