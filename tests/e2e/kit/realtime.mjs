// One utakata-realtime on a free port, for as long as a test runs.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { utakata_program } from './stack.mjs';

export const app = { appId: '1', key: 'show', secret: 'between-us' };

export const realtime = (...options) => realtime_with(['--app', `${app.appId}:${app.key}:${app.secret}`, ...options]);

// Its ports (tls_port: null without TLS; port: that one, where it is the only one), and how to end it.
export async function realtime_with(options) {
  const child = spawn(
    join(dirname(utakata_program()), 'utakata-realtime'),
    ['--port', '0', ...options],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, PORT: undefined, UTAKATA_TOKEN: 'of-this-instance' } });
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
  let errors = '';
  child.stderr.on('data', (bytes) => errors += bytes);
  const { port, tls_port } = await new Promise((resolve, reject) => {
    let said = '';
    child.stdout.on('data', (bytes) => {
      said += bytes;
      const port_of = (how) => new RegExp(`listening${how} at [\\d.]+:(\\d+)\n`).exec(said)?.[1] ?? null;
      const [plain, tls] = [port_of(''), port_of(' with TLS')];  // said at once
      if (plain ?? tls) resolve({ port: Number(plain ?? tls), tls_port: tls && Number(tls) });
    });
    ended.then((how) => reject(new Error(`utakata-realtime ended (${how}) before it listened: ${errors}`)));
  });
  return {
    port,
    tls_port,
    url: `http://127.0.0.1:${port}`,
    child,
    errors: () => errors,
    async stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}
