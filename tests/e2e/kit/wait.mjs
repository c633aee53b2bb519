// Waiting for something to become true, never for a time to pass.
import { setTimeout as sleep } from 'node:timers/promises';

// Milliseconds of the machine's monotonic clock: the same in every process and thread.
export const monotonic_ms = () => Number(process.hrtime.bigint() / 1000n) / 1000;

// Asks `condition` again and again until it answers something truthy, and answers that. A condition
// that throws is not yet true; its last words are in the error. `within` and `every` are
// milliseconds; `what` finishes "waited for ...".
export async function wait_for(
  condition,
  { within = 10_000, every = 25, what = 'the condition' } = {},
) {
  const until = monotonic_ms() + within;
  let last = 'false';
  for (;;) {
    try {
      const answer = await condition();
      if (answer) return answer;
      last = String(answer);
    } catch (problem) {
      last = `${problem.message}${problem.cause ? ` (${problem.cause.message})` : ''}`;
    }
    if (monotonic_ms() > until)
      throw new Error(`waited ${within} ms for ${what}; the last answer was: ${last}`);
    await sleep(every);
  }
}
export const waitFor = wait_for;
