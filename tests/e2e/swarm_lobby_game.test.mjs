// examples/lobby-game on the hosts of a Swarm, by another provider block: its apps and Redis are packed
// and brought to all of them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { start_players } from '../../examples/lobby-game/witness.mjs';
import { start_stack, utakata_program } from './kit/stack.mjs';
import { start_swarm, why_not } from './kit/swarm.mjs';
import { wait_for } from './kit/wait.mjs';

const within = 60_000;
const example = fileURLToPath(new URL('../../examples/lobby-game', import.meta.url));

describe('examples/lobby-game on a Swarm', { skip: why_not }, () => {
  let swarm;
  before(async () => {
    swarm = await start_swarm();
  });
  after(() => swarm.stop());
  const host_of = (one) => swarm.host_at(one.address.split(':')[0]);

  test('examples/lobby-game by another provider block', async (t) => {
    const yaml = (words) =>
      readFileSync(`${example}/stack.yaml`, 'utf8')
        .replace(/^provider: .*$/m, swarm.provider())
        .replace(/^api: \{.*$/m, swarm.api(words))
        .replace(/^( +app:) \.$/gm, `$1 ${example}`);
    const fleet = await start_stack({ yaml, args: ['-p', 'round_seconds=3', '-p', 'settle=10m'], within: 120_000 });
    let run = null;
    t.after(async () => {
      run?.stop();
      await run?.done.catch(() => {});
      await fleet.stop();
    });
    const lobbies = await fleet.serving('lobby', 2, within);
    const games = await fleet.serving('game', 2, within);
    assert.ok(new Set([...lobbies, ...games].map((one) => host_of(one).name)).size >= 2);
    run = start_players({ program: utakata_program(), players: 16, api: fleet.api });
    await wait_for(() => run.snapshot().rounds >= 16, { within, what: 'every player to have played' });
    const { losses } = run.snapshot();
    run.stop();
    await run.done;
    run = null;
    assert.equal(losses, 0);
  });
});
