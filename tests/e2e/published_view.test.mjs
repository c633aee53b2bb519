// What is published for those who choose by themselves: docs/published-view.md, on real programs.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Crowd, WsClient } from './kit/clients.mjs';
import { redis } from './kit/redis.mjs';
import { start_stack } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

const run = promisify(execFile);
const key = 'utakata:show:game';

async function start(t, options = {}) {
  const store = await redis();
  t.after(() => store.stop());
  const fleet = await start_stack({
    yaml: ({ listen, ports, kit }) => `
stack: show
api: { listen: ${listen}, ports: ${ports} }
publish: { redis: "${store.url}" }
clusters:
  game:
    run: exec node ${kit}/app-ws.mjs
    ready: { http: /healthz }
    count: { http: /stats, field: connections, accepted: accepted }
    capacity: 10
    instances: { min: 2, max: 4 }
    scale: []
`,
    ...options,
  });
  t.after(() => fleet.stop());
  return { store, fleet };
}

// {url: score}, as a reader sees it.
async function view(store) {
  const { stdout } = await run('redis-cli', ['-u', store.url, '--raw', 'ZRANGE', key, '0', '-1', 'WITHSCORES']);
  const words = stdout.trim().split('\n');
  const loads = {};
  for (let i = 0; i + 1 < words.length; i += 2) loads[words[i]] = Number(words[i + 1]);
  return loads;
}

const view_has = (store, holds, what) =>
  wait_for(
    async () => {
      const urls = Object.keys(await view(store)).sort();
      if (!holds(urls)) throw new Error(`the view is ${urls}`);
      return urls;
    },
    { what, within: 20_000 },
  );
const sees = (store, urls, what) =>
  view_has(store, (seen) => seen.join() === [...urls].sort().join(), what);

test('the view is who has room, by load: grown, drained, killed, and gone with the controller', async (t) => {
  const { store, fleet } = await start(t);
  const [one, two] = await fleet.serving('game', 2);
  await sees(store, [one.url, two.url], 'both in the view');

  // One that is full is not in it; what is held counts.
  const crowd = new Crowd(fleet, 'game');
  for (let i = 0; i < 10; i++) {
    const client = await new WsClient({ instance: one.id, url: one.url }).open();
    crowd.clients.push(client);
  }
  await sees(store, [two.url], 'the full one to leave the view');
  assert.equal((await fleet.place('game', { seats: 3 })).body.instance, two.id);
  await wait_for(async () => (await view(store))[two.url] >= 3, { what: 'the held seats' });

  // Scaled out: the new one is in it.
  await fleet.scale('game', 3);
  const three = (await fleet.serving('game', 3)).find((i) => i.id !== one.id && i.id !== two.id);
  await sees(store, [two.url, three.url], 'the new one');

  // Drained: out of it, and what takes its place is in it. (Of three wanted one is full.)
  await fleet.drain(two.id);
  await view_has(store, (urls) => !urls.includes(two.url) && urls.length === 2, 'the substitute');
  assert.ok(crowd.open.length === 10, 'nobody was cut');

  // Killed: out of it, healed, and the next one is in it.
  const before = Object.keys(await view(store));
  process.kill((await fleet.instance(three.id)).pid, 'SIGKILL');
  const others = await view_has(
    store,
    (urls) => !urls.includes(three.url) && urls.length === 2 && urls.some((u) => !before.includes(u)),
    'one more in the place of the dead',
  );
  await (await new WsClient({ url: others[0] }).open()).leave();

  // Nothing lies for longer than it expires.
  await fleet.kill9();
  await wait_for(async () => Object.keys(await view(store)).length === 0, { what: 'the view to expire' });
  await fleet.restart();
  await wait_for(async () => Object.keys(await view(store)).length > 0, { what: 'the view of the next life', within: 20_000 });
});

test('a Redis that is frozen or gone harms nobody, is said once, and is written again', async (t) => {
  const { store, fleet } = await start(t);
  const [one, two] = await fleet.serving('game', 2);
  await sees(store, [one.url, two.url], 'both in the view');
  const said = (what) => fleet.output().split(what).length - 1;

  store.child.kill('SIGSTOP');
  await wait_for(() => said('cannot be written') === 1, { what: 'the alarm', within: 20_000 });
  for (let i = 0; i < 5; i++) {
    const placed = await fleet.place('game');
    assert.equal(placed.status, 200, JSON.stringify(placed.body));
    await fleet.give_back('game', placed.body.id);
  }
  await fleet.scale('game', 3);
  const all = await fleet.serving('game', 3);
  store.child.kill('SIGCONT');
  await sees(store, all.map((i) => i.url), 'all three, after the thaw');
  await wait_for(() => said('is written again') === 1, { what: 'the end of the alarm' });

  await store.stop();
  await wait_for(() => said('cannot be written') === 2, { what: 'the second alarm', within: 20_000 });
  const again = await redis(store.port);
  t.after(() => again.stop());
  await sees(again, all.map((i) => i.url), 'all three in the empty Redis');
  await wait_for(() => said('is written again') === 2, { what: 'its end' });
  assert.equal(said('cannot be written'), 2);
});

test('the commands of docs/published-view.md answer what the page says', async (t) => {
  const { store, fleet } = await start(t);
  const [one, two] = await fleet.serving('game', 2);
  await sees(store, [one.url, two.url], 'both in the view');
  const page = readFileSync(new URL('../../docs/published-view.md', import.meta.url), 'utf8');
  const commands = /<!-- tested: redis -->\n```sh\n([^]*?)\n```/.exec(page)[1].split('\n');
  const answers = [];
  for (const command of commands) {
    const { stdout } = await run('sh', ['-c', command], { env: { ...process.env, REDIS: store.url } });
    answers.push(stdout.trim().split('\n'));
  }
  assert.equal(answers.length, 2);
  assert.ok([one.url, two.url].includes(answers[0][0]));
  assert.equal(answers[0].length, 1);
  assert.deepEqual(answers[1].filter((_, i) => i % 2 === 0).sort(), [one.url, two.url].sort());
});

test('a wrong address is a mistake of the file, with its place; a change needs a restart', async (t) => {
  const { fleet } = await start(t);
  const text = readFileSync(fleet.stack_file, 'utf8');
  const changed = text.replace(/publish: .*/, 'publish: { redis: "redis://127.0.0.1:1" }');
  const refused = await fleet.call('POST', `${fleet.path}/apply`, { text: changed });
  assert.equal(refused.status, 409);
  assert.match(JSON.stringify(refused.body), /`publish` cannot change under a running controller/);
  const wrong = await fleet.call('POST', `${fleet.path}/apply`, {
    text: text.replace(/publish: .*/, 'publish: { redis: "rediss://cache" }'),
  });
  assert.match(JSON.stringify(wrong.body), /TLS \(rediss:\/\/\) is not spoken/);
});
