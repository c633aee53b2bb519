// A browser for tests: Debian's chromium, without a window.
import { execFileSync } from 'node:child_process';
import { chromium } from 'playwright-core';

export function browser() {
  const executablePath = execFileSync('sh', ['-c', 'command -v chromium || command -v chromium-browser'], { encoding: 'utf8' }).trim();
  // As root its sandbox does not start; in containers /dev/shm is small.
  const args = [...(process.getuid() === 0 ? ['--no-sandbox'] : []), '--disable-dev-shm-usage', '--disable-gpu'];
  return chromium.launch({ executablePath, args });
}
