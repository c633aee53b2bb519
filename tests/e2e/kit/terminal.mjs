// A program on a terminal of its own, and what a person in front of it would see.
import { spawn } from 'node:child_process';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('terminal.py', import.meta.url));
const children = new Set();
after(() => children.forEach((child) => child.kill('SIGKILL')));

// All lines there have been, of what the codes that we use leave of them: up, erase, colours.
export function seen(text) {
  const lines = [''];
  let row = 0, column = 0;
  const codes = new Set();
  for (const [, code, letter] of text.matchAll(/\x1b(\[[0-9;?]*[A-Za-z])|([^\x1b])/gsu)) {
    if (code) {
      codes.add(code.replace(/\d+/g, 'n'));
      if (code.endsWith('A')) row = Math.max(0, row - (parseInt(code.slice(1), 10) || 1));
      if (code === '[J') lines.splice(row, Infinity, lines[row]?.slice(0, column) ?? '');
    } else if (letter === '\n') {
      if (++row === lines.length) lines.push('');
    } else if (letter === '\r') {
      column = 0;
    } else {
      lines[row] = lines[row].slice(0, column) + letter + lines[row].slice(column + 1);
      ++column;
    }
  }
  return { lines, text: lines.join('\n'), codes };
}

export function on_terminal(words, { rows = 40, columns = 110, env = {}, cwd } = {}) {
  const child = spawn('python3', [script, rows, columns, ...words].map(String), { cwd, env: { ...process.env, TERM: 'xterm', NO_COLOR: '', ...env } });
  children.add(child);
  const run = { child, raw: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => { run.raw += text; });
  child.stderr.on('data', (bytes) => { run.err += bytes; });
  run.tell = (order) => child.stdin.write(`${JSON.stringify(order)}\n`);
  run.press = (keys) => run.tell({ keys });
  run.shows = () => seen(run.raw).text;
  // { code, is_as_before }; a negative code is a signal's.
  run.ended = new Promise((done) => child.on('close', () => done(JSON.parse(run.err.trim().split('\n').at(-1)))));
  return run;
}
