// A /stats that answers nonsense: the instance leaves placement by the clients' own placements,
// nobody on it is cut, and it is trusted again when it makes sense again.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Asker, chat } from './kit/chat.mjs';
import { Crowd } from './kit/clients.mjs';
import { start_stack } from './kit/stack.mjs';
import { monotonic_ms, wait_for } from './kit/wait.mjs';

const slow = { within: 60_000 };
// Two missed seconds and the time to tell of them; beside other tests a busy machine adds its own.
const out_within_ms = 2500 + (process.env.STRICT_TIMES === '1' ? 0 : 1500);

// chat-2 is the one that goes wrong, and, having fewer clients, the one that is asked for.
async function start(t) {
  const fleet = await start_stack({
    yaml: chat({
      env: { ODD: 'only-second' },
      capacity: 20,
      instances: '{ min: 2, max: 4 }',
      scale: '[]',
      heal: '{ clients_wait: 2m }',
    }),
  });
  const crowd = new Crowd(fleet, 'chat');
  let asker = null;
  t.after(async () => {
    await asker?.end();
    crowd.end();
    await fleet.stop();
  });
  const odd = (words) => writeFileSync(join(fleet.folder, 'odd'), words);
  await fleet.serving('chat', 2, 60_000);
  await crowd.add(20);
  await crowd.leave({ instance: 'chat-2', count: crowd.on('chat-2').length - 4 });
  await wait_for(async () => (await fleet.instance('chat-2')).connections === 4, slow);
  asker = new Asker(fleet);
  await asker.sent_to('chat-2');
  return { fleet, crowd, asker, odd };
}

async function goes_wrong(t, words) {
  const { fleet, crowd, asker, odd } = await start(t);
  const before = monotonic_ms();
  odd(words);
  // Out of placement: nobody who asks later than that is sent there, for as long as it lasts.
  const substitute = await asker.sent_beyond(['chat-1', 'chat-2']);
  assert.ok(fleet.watcher.born(substitute), 'it is a process that we saw come');
  const held_until = monotonic_ms() + 2500;
  await wait_for(() => monotonic_ms() > held_until, slow);
  const last = asker.last_sent_to('chat-2') - before;
  assert.ok(last < out_within_ms, `${words}: sent there ${last} ms after it went wrong`);
  assert.deepEqual(crowd.cuts, []);
  const on_it = crowd.on('chat-2').length;
  const { connections } = await fleet.instance('chat-2');
  assert.equal(connections, on_it, 'an unknown count is not zero');

  odd('');
  await asker.sent_to('chat-2');
  await fleet.watcher.caught_up();
  assert.deepEqual(crowd.cuts, []);
  for (const client of crowd.open) assert.equal(await client.echo('foam'), 'foam');
  assert.equal(fleet.watcher.died('chat-2'), null);
  assert.ok(asker.answers.every((one) => one.status === 200 || one.status === 503));
}

describe('a /stats that answers', { concurrency: 3 }, () => {
  for (const [name, words] of Object.entries({
    'HTML': 'stats-html',
    'a negative number': 'stats-negative',
    'a huge number': 'stats-huge',
    'nothing': 'stats-nothing',
    'after 5 s': 'stats-slow',
  }))
    test(name, (t) => goes_wrong(t, words));
});
