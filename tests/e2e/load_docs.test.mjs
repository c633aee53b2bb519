// docs/load.md, as it stands there: each command and each file of it. Only the server, the port and the times are this test's own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { free_ports } from './kit/ports.mjs';
import { utakata_program } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';
import { echo } from './kit/witness.mjs';

const text = readFileSync(fileURLToPath(new URL('../../docs/load.md', import.meta.url)), 'utf8');
const blocks = (language) => [...text.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)\n\`\`\`$`, 'gm'))].map((found) => found[1]);
const folder = mkdtempSync(join(tmpdir(), 'utakata-load-docs-'));
after(() => rmSync(folder, { recursive: true }));
const server = await echo();
const [port] = await free_ports(1);
const quick = (words) => words.replace(/'?\b(30s|5m|1m)\b'?/g, (time) => time.replace(/30s|5m|1m/, '2s')).replaceAll('7171', port);

for (const [, name, code] of text.matchAll(/^<!-- tested: ([\w.]+) -->\n```js\n([^]*?)\n```$/gm))
  writeFileSync(join(folder, name), quick(code).replace('u.think(1, 3)', 'u.think(0.1, 0.3)'));
writeFileSync(join(folder, 'names.csv'), 'ann\nbob\n');

function type(line) {
  const env = { ...process.env, SERVER: server.url, PATH: `${dirname(utakata_program())}:${process.env.PATH}` };
  const child = spawn('sh', ['-c', `exec ${line}`], { cwd: folder, env });
  const said = { child, out: '', err: '' };
  child.stdout.on('data', (bytes) => { said.out += bytes; });
  child.stderr.on('data', (bytes) => { said.err += bytes; });
  said.ended = new Promise((done) => child.on('close', (code) => done(Object.assign(said, { code }))));
  after(() => child.kill('SIGKILL'));
  return said;
}

test('every block of code is one that is tested', () => {
  assert.equal(blocks('js').length, text.match(/^<!-- tested: [\w.]+ -->\n```js$/gm).length);
  assert.ok(blocks('sh').every((block) => block.split('\n').every((line) => /^(utakata load|curl -s) /.test(line))));
});

for (const [at, block] of blocks('sh').entries())
  test(`the commands of block ${at + 1}, one after another`, async () => {
    let behind;
    for (const line of block.split('\n').map((one) => quick(one.replace(/ +#.*$/, '')))) {
      if (line.endsWith('&')) {
        behind = type(line.slice(0, -1));
        await wait_for(async () => (await (await fetch(`http://127.0.0.1:${port}/status`)).json()).is_paused, { what: 'it to wait' });
        continue;
      }
      const { code, out, err } = await type(line).ended;
      assert.equal(code, 0, `${line}\n${out}${err}`);
      if (!line.includes('--quiet --json')) assert.notEqual(out, '', line);
      if (line.startsWith('curl')) assert.doesNotMatch(out, /^\{"detail"/, line);
    }
    if (behind) assert.match((await behind.ended).out, /stopped after/);
  });

test('every option is told of', async () => {
  const { out } = await type('utakata load --help').ended;
  const options = [...out.matchAll(/^ +(?:-\w,)?(--[\w-]+)/gm)].map(([, option]) => option).filter((one) => one !== '--help');
  assert.ok(options.length > 15, out);
  for (const option of options) assert.ok(text.includes(`${option}`), option);
});
