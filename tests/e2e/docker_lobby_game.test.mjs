// examples/lobby-game as containers, by another provider block: players come, one container's program
// is killed, its players are back, and nobody else is cut.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { start_players } from '../../examples/lobby-game/witness.mjs';
import { start_dockerd, why_not } from './kit/docker.mjs';
import { start_stack, utakata_program } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

const within = 60_000;
const example = fileURLToPath(new URL('../../examples/lobby-game', import.meta.url));

describe('examples/lobby-game on docker', { skip: why_not }, () => {
  let engine;
  before(async () => {
    engine = await start_dockerd();
  });
  after(() => engine.stop());

  const stack = ({ listen, ports }) => {
    const text = readFileSync(`${example}/stack.yaml`, 'utf8')
      .replace(/^provider: .*$/m, `provider: { docker: { host: "unix://${engine.socket}" } }`)
      .replace(/^api: \{.*$/m, `api: { listen: ${listen}, ports: ${ports} }`)
      .replace(/^( +app:) \.$/gm, `$1 ${example}`);
    assert.match(text, /provider: \{ docker/);
    return text;
  };
  const pids_in = (id) => {
    const [container] = engine.containers('--filter', `label=utakata.instance=${id}`);
    const [told] = JSON.parse(engine.docker('inspect', container).stdout);
    const first = told.State.Pid; // the Engine's init; the instance's program is below it
    return readFileSync(`/proc/${first}/task/${first}/children`, 'utf8').trim().split(' ').map(Number);
  };

  test('a program killed in its container is healed, and nobody else is cut', async (t) => {
    const fleet = await start_stack({
      yaml: stack,
      args: ['-p', 'round_seconds=3', '-p', 'settle=10m'],
      within: 120_000,
    });
    let run = null;
    t.after(async () => {
      run?.stop();
      await run?.done.catch(() => {});
      await fleet.stop();
      assert.deepEqual(engine.containers('-a'), [], 'containers that are left');
    });
    await fleet.serving('lobby', 2, within);
    await fleet.serving('game', 2, within);
    run = start_players({ program: utakata_program(), players: 16, api: fleet.api });
    const here = (id) => run.snapshot().instances[id]?.here ?? 0;
    const busy = await wait_for(
      async () => {
        const games = await fleet.instances('game');
        return run.snapshot().rounds >= 16 && games.find((one) => here(one.id) > 0);
      },
      { within, what: 'every player to have played, and some to play' },
    );
    for (const pid of pids_in(busy.id)) process.kill(pid, 'SIGKILL');
    await wait_for(
      async () => {
        const games = await fleet.instances('game');
        return (
          games.every((one) => one.id !== busy.id) &&
          games.filter((one) => one.lifecycle === 'serving').length >= 2
        );
      },
      { within, what: 'a substitute' },
    );
    const rounds = run.snapshot().rounds;
    await wait_for(
      () => {
        const { losses, back, rounds: now } = run.snapshot();
        return losses === back.count && now >= rounds + 16;
      },
      { within, what: 'all to be back, and to play on' },
    );
    const [gone] = await fleet.activities({ instance: busy.id, kind: 'gone' });
    assert.match(gone.because, /killed by signal 9/);
    run.stop();
    const summary = await run.done;
    run = null;
    assert.ok(summary.cuts.length > 0, 'somebody was there');
    assert.deepEqual(
      summary.cuts.filter((cut) => cut.instance !== busy.id),
      [],
    );
  });
});
