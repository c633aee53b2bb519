// What was promised before a kill -9 of the controller holds after its restart. Judged by what is
// granted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chat } from './kit/chat.mjs';
import { Crowd } from './kit/clients.mjs';
import { start_stack } from './kit/stack.mjs';
import { monotonic_ms, wait_for } from './kit/wait.mjs';

const slow = { within: 60_000 };

// A fleet with a crowd, both gone after the test, and the proof that nothing is left.
async function start(t, keys, serving) {
  const fleet = await start_stack({ yaml: chat(keys) });
  const crowd = new Crowd(fleet, 'chat');
  t.after(async () => {
    crowd.end();
    await fleet.stop();
  });
  await fleet.serving('chat', serving, 60_000);
  return { fleet, crowd };
}

// That something holds all the time for so long.
async function stays(ms, check) {
  const until = monotonic_ms() + ms;
  while (monotonic_ms() < until) {
    await check();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test('seats and keys are exact after kill -9 and restart', async (t) => {
  const keys = { app: 'app-ws.mjs', capacity: 10, instances: 3, seats: 4 };
  const { fleet, crowd } = await start(t, { ...keys, hold: '10m' }, 3);
  const rooms = ['red', 'green', 'blue'];
  const room_of = {};
  for (const key of rooms) {
    await crowd.add(2, { body: { key } });
    const [one, other] = crowd.clients.slice(-2);
    assert.equal(one.instance, other.instance);
    room_of[key] = one.instance;
  }
  await crowd.add(6);
  for (let held = 0; held < 5; held++)
    assert.ok((await fleet.place('chat')).status < 300, `hold ${held + 1}`);
  // 30 seats: 3 rooms of 4, 6 connected, 5 held; 7 are left.
  // Who has come must have been counted: of others the next life cannot know whether they came.
  await wait_for(async () => (await fleet.cluster('chat')).seats_held === 11, slow);
  await fleet.kill9();
  await fleet.up();
  for (const key of rooms) {
    for (let seat = 3; seat <= 4; seat++) {
      const { body } = await wait_for(
        async () => {
          const answer = await fleet.place('chat', { seats: 1, key });
          if (answer.status >= 300) throw new Error(`${answer.status} ${answer.body?.detail}`);
          return answer;
        },
        { ...slow, what: `seat ${seat} of ${key}` },
      );
      assert.equal(body.instance, room_of[key], `room ${key} has moved`);
    }
    assert.equal((await fleet.place('chat', { seats: 1, key })).status, 409, `a fifth in ${key}`);
  }
  let granted = 0,
    line;
  await wait_for(
    async () => {
      const { status, body } = await fleet.place('chat', { seats: 1, line });
      granted += status < 300;
      line = body.line;
      return granted === 7;
    },
    { ...slow, what: 'the 7 seats that are left' },
  );
  await stays(2500, async () => assert.equal((await fleet.place('chat')).status, 503));
  assert.deepEqual(crowd.cuts, []);
  assert.equal(fleet.watcher.ever('chat').length, 3);
});
