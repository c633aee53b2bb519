// The voters of examples/live-vote on its own stack: what the instances, the web server and the users have counted agrees. `tools/soak
// voters` has them by the hundred thousand. What ends a run that hangs is the limit of minutes; nothing is said about how fast it is.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

const program = fileURLToPath(new URL('../soak/voters.mjs', import.meta.url));
for (const [people, opening] of [[300, 3], [10_000, 15]])
  test(`${people} people come, four of five by WebSocket; one call reaches all of them, each votes once`, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, String(people)],
      { encoding: 'utf8', timeout: 300_000, env: { ...process.env, OPENING: opening } });
    assert.equal(status, 0, stdout + stderr);
    for (const line of [new RegExp(`count of \`calls_heard\` is ${people}, == ${people}`), new RegExp(`count of \`votes\` is ${people}, == ${people}`),
      /rate of `checks` is 1, == 1/, new RegExp(`scenario=polling +${(people / 5).toLocaleString('en')} `), new RegExp(`ws_sessions +${(people * 0.8).toLocaleString('en')} `),
      new RegExp(`^counted: ${people} there at once by the instances, which accepted ${people}; ${people} votes by the web server`, 'm')])
      assert.match(stdout, line);
  });
