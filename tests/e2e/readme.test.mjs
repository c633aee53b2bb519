// The README's commands, as they stand there, one after another: what a stranger types must work.
// Only the address and the ports are this test's own, so that nothing is in its way.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { port_range } from './kit/ports.mjs';
import { utakata_program } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const blocks = (language) =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)\n\`\`\`$`, 'gm'))].map((m) => m[1]);
const lines = blocks('sh')
  .flatMap((block) => block.split('\n'))
  .map((line) => line.replace(/ +#.*$/, '').trim());

// A folder as a newcomer's: the README's file and a server.
async function newcomer(t) {
  const folder = mkdtempSync(join(tmpdir(), 'utakata-readme-'));
  const ports = await port_range();
  const app = fileURLToPath(new URL('kit/app-ws.mjs', import.meta.url));
  for (const name of ['server.js', 'chat.js'])
    writeFileSync(join(folder, name), `import(${JSON.stringify(app)}).then((m) => m.serve?.());\n`);
  const range = `${ports.first}-${ports.last - 1}`;
  const api = `api: { listen: "127.0.0.1:${ports.last}", ports: ${range} }\n`;
  writeFileSync(join(folder, 'stack.yaml'), api + blocks('yaml')[0]);
  const env = { ...process.env, NO_COLOR: '1', UTAKATA_HOME: join(folder, 'home') };
  env.PATH = `${dirname(utakata_program())}:${env.PATH}`;
  const type = (line) => {
    const child = spawn('sh', ['-c', `exec ${line}`], { cwd: folder, env });
    const said = { child, stdout: '', stderr: '' };
    child.stdout.on('data', (data) => (said.stdout += data));
    child.stderr.on('data', (data) => (said.stderr += data));
    said.ended = new Promise((done) => {
      child.once('close', (code, signal) => done(Object.assign(said, { code, signal })));
    });
    t.after(() => child.kill('SIGKILL'));
    return said;
  };
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return { type, listen: `127.0.0.1:${ports.last}`, ports: range };
}

test('every command of the README is known to this test', () => {
  const known = /^(make (demo|test)$|export PATH=|utakata [a-z]+\b)/;
  assert.deepEqual(
    lines.filter((line) => !known.test(line)),
    [],
  );
});

test('without a file: run', async (t) => {
  const { type, listen, ports } = await newcomer(t);
  const line = lines.find((one) => one.includes('utakata run'));
  const own = line.replace('utakata run', `utakata run --listen ${listen} --ports ${ports}`);
  assert.notEqual(own, line);
  const run = type(own);
  const place = () =>
    fetch(`http://${listen}/v1/stacks/run/clusters/app/placements`, { method: 'POST', body: '{}' });
  const answer = await wait_for(
    async () => {
      const asked = await place();
      return asked.ok && asked.json();
    },
    { within: 20_000, what: `a place; its output:\n${run.stdout}${run.stderr}` },
  );
  assert.match(answer.url, /\/\/127\.0\.0\.1:\d+/);
  assert.ok((await fetch(answer.url.replace(/^ws/, 'http').replace(/\/?$/, '/stats'))).ok);
  run.child.kill('SIGINT');
  const says = (words) => () => (run.stdout + run.stderr).includes(words);
  await wait_for(says('draining'), { what: 'it to drain' });
  run.child.kill('SIGINT'); // nobody comes for the place that was given: it need not be waited for
  assert.equal((await run.ended).code, 0, run.stderr);
});

test('with the file: the tour, from check to down', async (t) => {
  const { type } = await newcomer(t);
  const tour = lines.filter((line) => line.startsWith('utakata ') && !line.includes('utakata run'));
  assert.match(tour[0], /check/);
  assert.match(tour.at(-1), /down/);
  for (const line of tour) {
    const said = type(line);
    if (line.endsWith(' -f')) {
      await wait_for(() => said.stdout.includes('launch'), { what: `${line} to tell of a launch` });
      said.child.kill('SIGINT');
    }
    const { code, stdout, stderr } = await said.ended;
    if (!line.endsWith(' -f')) assert.equal(code, 0, `${line}: ${stderr}`);
    assert.notEqual(stdout, '', `${line} says something`);
  }
});
