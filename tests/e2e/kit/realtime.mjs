// One utakata-realtime on a free port, for as long as a test runs.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { utakata_program } from './stack.mjs';

export const app = { appId: '1', key: 'show', secret: 'between-us' };

export const realtime = (...options) => realtime_with(['--app', `${app.appId}:${app.key}:${app.secret}`, ...options]);

// Its port, and how to end it.
export async function realtime_with(options) {
  const child = spawn(
    join(dirname(utakata_program()), 'utakata-realtime'),
    ['--port', '0', ...options],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, PORT: undefined, UTAKATA_TOKEN: 'of-this-instance' } });
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
  let errors = '';
  child.stderr.on('data', (bytes) => errors += bytes);
  const port = await new Promise((resolve, reject) => {
    let said = '';
    child.stdout.on('data', (bytes) => {
      said += bytes;
      const listening = /listening at [\d.]+:(\d+)\n/.exec(said);
      if (listening) resolve(Number(listening[1]));
    });
    ended.then((how) => reject(new Error(`utakata-realtime ended (${how}) before it listened: ${errors}`)));
  });
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    child,
    errors: () => errors,
    async stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}
