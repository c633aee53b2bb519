// Two controllers of one stack over an etcd, a and b, and who of them owns what.
import assert from 'node:assert/strict';
import { start_stack } from './stack.mjs';
import { wait_for } from './wait.mjs';

// Both end with the test, a by the proof that nothing promised was broken; `last` ends what they
// stood on. `first`: what comes before, of {a, b} as far as they were made. `file_of_b`: of a, where
// b is to have another stack file. `recorded` answers all activities.
export async function start_twins(t, { yaml, recorded, file_of_b, first, last }) {
  const made = {};
  t.after(async () => {
    try {
      await first?.(made);
      await made.a?.stop(); // b ends with it
    } finally {
      if (made.b?.runs()) await made.b.kill9();
      await last();
    }
  });
  made.a = await start_stack({ yaml, name: 'a' });
  made.a.recorded = recorded;
  made.b = await made.a.beside('b', file_of_b?.(made.a));
  return made;
}

// By cluster, as that controller sees them.
export const owners = async (controller) =>
  Object.fromEntries((await controller.status()).clusters.map((one) => [one.name, one.owner]));

export const owns = (controller, expected, within = 20_000) =>
  wait_for(
    async () => {
      assert.deepEqual(await owners(controller), expected);
      return true;
    },
    { within, every: 50, what: `the owners to be ${JSON.stringify(expected)}` },
  );
