// Free ports, and ranges of them that tests running side by side do not share.
import { closeSync, mkdirSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

async function listens(port) {
  const one = createServer();
  return new Promise((resolve) => {
    one.once('error', () => resolve(null));
    one.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(one));
  });
}
const close = (one) =>
  new Promise((resolve) => {
    one.close(resolve);
  });

// So many different ports that were free a moment ago.
export async function free_ports(count) {
  const open = [];
  while (open.length < count) open.push(await listens(0));
  const ports = open.map((one) => one.address().port);
  await Promise.all(open.map(close));
  return ports;
}

const size = 100,
  first = 23_000,
  ranges = 90; // 23000-31999: below the kernel's own range (32768 and up)

function is_running(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (problem) {
    return problem.code === 'EPERM';
  }
}

// Takes a range of 100 ports for this process: {first, last, release()}. A lock file in the
// temporary folder names the process that has it; one left by a process that is no more is taken
// over.
export async function port_range() {
  const folder = join(tmpdir(), 'utakata-e2e-ports');
  mkdirSync(folder, { recursive: true });
  const begin = Math.floor(Math.random() * ranges);
  for (let step = 0; step < ranges; step++) {
    const from = first + size * ((begin + step) % ranges);
    const lock = join(folder, String(from));
    if (!take(lock)) continue;
    const probes = await Promise.all(
      [0, 1, 2, 3, 4, 5, 6, 7, size - 1].map((offset) => listens(from + offset)),
    );
    await Promise.all(probes.filter(Boolean).map(close));
    if (probes.every(Boolean))
      return { first: from, last: from + size - 1, release: () => drop(lock) };
    drop(lock); // strangers live there
  }
  throw new Error(
    `no range of ${size} free ports is left between ${first} and ${first + size * ranges}`,
  );
}

function take(lock) {
  for (let tries = 0; tries < 2; tries++) {
    try {
      const file = openSync(lock, 'wx');
      writeSync(file, String(process.pid));
      closeSync(file);
      return true;
    } catch (problem) {
      if (problem.code !== 'EEXIST') throw problem;
    }
    let owner = 0;
    try {
      owner = Number(readFileSync(lock, 'utf8'));
    } catch {
      /* released just now */
    }
    if (owner && is_running(owner)) return false;
    drop(lock);
  }
  return false;
}

function drop(lock) {
  try {
    unlinkSync(lock);
  } catch {
    /* gone already */
  }
}
