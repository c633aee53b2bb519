// An app that misbehaves, otherwise the echo of app-ws.mjs. What it does wrong is named in ODD,
// and, changeable while it runs and for all instances at once, in the file that ODD_FILE names:
// words with blanks or commas between them.
//
//   never-ready     /healthz answers 503             no-listen      it never listens
//   ignores-term    SIGTERM does nothing             double-fork    leaves a process behind
//   crash-start     ends with code 1 at once         crash-later    the same, 300 ms later
//   stats-html  stats-negative  stats-huge  stats-text  stats-empty
//   stats-nothing   it hangs up                      stats-slow     it answers after 5 s
//   stats-never     /stats is never answered         stats-500      it answers 500
//   all-never       no request is answered at all
//   only-second     of any of these: the others apply only to instances whose number is even
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { serve } from './app-ws.mjs';

function words() {
  let file = '';
  try {
    file = readFileSync(process.env.ODD_FILE, 'utf8');
  } catch {
    /* no such file: nothing more is wrong */
  }
  const all = new Set(`${process.env.ODD ?? ''} ${file}`.split(/[\s,]+/).filter(Boolean));
  const number = Number(/\d+$/.exec(process.env.UTAKATA_INSTANCE ?? '')?.[0] ?? 0);
  return all.has('only-second') && number % 2 === 1 ? new Set() : all;
}

const stats = {
  'stats-html': (say) => say(200, '<!doctype html><title>Welcome</title><p>It works!', 'text/html'),
  'stats-negative': (say) => say(200, { connections: -7, accepted: -1 }),
  'stats-huge': (say) => say(200, '{"connections": 1e300, "accepted": 99999999999999999999999}'),
  'stats-text': (say) => say(200, { connections: 'twelve', accepted: null }),
  'stats-empty': (say) => say(200, ''),
  'stats-500': (say) => say(500, { connections: 0, accepted: 0 }),
  'stats-nothing': (say, response) => response.socket.destroy(),
  'stats-slow': (say) => setTimeout(say, 5000, 200, { connections: 0, accepted: 0 }),
  'stats-never': () => {},
};

function odd(asked, say, { response }) {
  const wrong = words();
  if (wrong.has('all-never')) return true;
  if (asked === 'GET /healthz' && wrong.has('never-ready')) {
    say(503, { well: false });
    return true;
  }
  const answer = asked === 'GET /stats' && Object.keys(stats).find((name) => wrong.has(name));
  if (!answer) return false;
  stats[answer](say, response);
  return true;
}

const at_start = words();
if (at_start.has('crash-start')) {
  console.error('odd: crashing at once, as told');
  process.exit(1);
}
if (at_start.has('double-fork')) {
  // `detached` is setsid; the shell ends at once, so that its child is nobody's we know.
  spawn('/bin/sh', ['-c', 'sleep 1000000 & exit 0'], { detached: true, stdio: 'ignore' }).unref();
}
if (at_start.has('ignores-term')) process.on('SIGTERM', () => {});
else process.once('SIGTERM', () => process.exit(0));
if (at_start.has('no-listen')) {
  setInterval(() => {}, 1000);
} else {
  const { server } = serve(odd);
  if (at_start.has('crash-later'))
    server.once('listening', () => setTimeout(() => process.exit(1), 300));
}
