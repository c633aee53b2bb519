// A Redis of its own on a free port, for as long as a test runs; it keeps nothing on disk.
import { spawn } from 'node:child_process';
import { createServer, connect } from 'node:net';
import { wait_for } from './wait.mjs';

export const free_port = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

export async function redis(port) {
  port ??= await free_port();
  const child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await wait_for(() => new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(() => resolve(true)));
    socket.on('error', () => resolve(false));
  }), { what: `Redis at ${port}` });
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    child,
    async stop() {
      child.kill('SIGKILL');
      return ended;
    },
  };
}
