// `utakata load --http`: a run that is seen and steered while it goes on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browser } from './kit/browser.mjs';
import { echo_user, start_load } from './kit/load.mjs';
import { wait_for } from './kit/wait.mjs';
import { echo } from './kit/witness.mjs';

const work = (url) => echo_user(url, { last: 'socket.close();' });
async function controlled(text, words = []) {
  const run = start_load(text, ['--http', '127.0.0.1:0', ...words]);
  const said = await wait_for(() => run.err.match(/^control: (http:\/\/127\.0\.0\.1:\d+)$/m), { what: 'its address' });
  const url = said[1];
  const status = async () => (await fetch(`${url}/status`)).json();
  const order = async (path, headers = {}) => {
    const answer = await fetch(url + path, { method: 'POST', headers });
    return { code: answer.status, ...(await answer.json()) };
  };
  const is = (words, what) => wait_for(async () => {
    const now = await status();
    for (const [name, value] of Object.entries(words)) assert.equal(now[name], value, name);
    return now;
  }, { what });
  return { run, url, status, order, is };
}
const plan = `export const load = { users: 10, duration: '1h', thresholds: { checks: 'rate==1' } };`;

test('it begins when it is resumed; more, fewer and stop are what the server sees', async () => {
  const server = await echo();
  const { run, order, is } = await controlled(plan + work(server.url), ['--paused', '--workers', '2']);
  await is({ phase: 'running', is_paused: true }, 'it to wait');
  assert.equal(server.paths.length, 0);
  assert.equal((await order('/resume')).is_paused, false);
  await wait_for(() => server.open === 10, { what: '10 users' });
  assert.deepEqual((({ code, factor, users_wanted }) => ({ code, factor, users_wanted }))(await order('/more?factor=2')),
    { code: 200, factor: 2, users_wanted: 20 });
  await wait_for(() => server.open === 20, { what: '20 users' });
  await order('/more?factor=0.5');
  await wait_for(() => server.open === 5, { what: '5 users' });
  const now = await is({ users: 5, sockets: 5, users_wanted: 5, planned_s: 3600 }, 'it to tell so');
  assert.ok(now.metrics.echo.all_ms.count > 0);
  assert.ok(now.metrics.ws_msgs_sent.count > 0);
  assert.deepEqual([now.thresholds[0].metric, now.thresholds[0].is_kept], ['checks', true]);
  await order('/pause');
  await order('/more?factor=3');
  await is({ is_paused: true, factor: 3, users: 5 }, 'it to stand');
  assert.equal(server.open, 5, 'nobody comes while it is paused');
  assert.equal((await order('/stop')).code, 200);
  assert.equal(await run.ended, 0, run.out + run.err);
  assert.match(run.out, /stopped after/);
  assert.equal(server.open, 0);
});

test('before it runs there is nothing to steer, and it can be stopped', async () => {
  const { run, order, is } = await controlled(`${plan} export const setup = () => new Promise(() => { setInterval(() => {}, 1000); }); export default () => {}`);
  await is({ phase: 'setting up', users_wanted: null }, 'it to set up');
  assert.equal((await order('/more?factor=2')).code, 409);
  assert.equal((await order('/resume')).code, 409);
  await order('/stop').catch(() => {});  // it may be gone before it has answered
  assert.equal(await run.ended, 1);
  assert.match(run.err, /stopped before it began/);
});

test('/metrics is what Prometheus reads', async () => {
  const server = await echo();
  const { url, is, order, run } = await controlled(plan + work(server.url));
  await is({ users: 10, sockets: 10 }, 'all to be there');
  const answer = await fetch(`${url}/metrics`);
  assert.match(answer.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
  const samples = new Map();
  const types = new Map();
  for (const line of (await answer.text()).split('\n')) {
    if (line === '') continue;
    const type = line.match(/^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|summary)$/);
    if (type) {
      assert.ok(!types.has(type[1]), line);
      types.set(type[1], type[2]);
    } else if (!/^# HELP /.test(line)) {
      const sample = line.match(/^([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*\})? ([-+]?[\d.]+(?:e[-+]?\d+)?|NaN|[-+]Inf)$/);
      assert.ok(sample, `no sample: ${line}`);
      const family = types.has(sample[1]) ? sample[1] : sample[1].replace(/_(sum|count)$/, '');
      assert.ok(types.has(family), `no type: ${line}`);
      assert.ok(!samples.has(sample[1] + (sample[2] ?? '')), `twice: ${line}`);
      samples.set(sample[1] + (sample[2] ?? ''), Number(sample[3]));
    }
  }
  assert.equal([...samples].find(([name]) => name.startsWith('utakata_load_ws_sessions_total'))[1], 10);
  assert.ok([...samples.keys()].some((name) => /^utakata_load_echo_seconds\{quantile="0.95"\}/.test(name)), [...samples.keys()].join('\n'));
  await order('/stop');
  await run.ended;
});

test('its page shows the run in a browser and steers it; pages of others may not', async (t) => {
  const server = await echo();
  const { url, is, order, run } = await controlled(plan + work(server.url));
  const chromium = await browser();
  t.after(() => chromium.close());
  const page = await chromium.newPage();
  const faults = [];
  page.on('pageerror', (fault) => faults.push(fault.message));
  await page.goto(url);
  await page.locator('#state', { hasText: 'running, ' }).filter({ hasText: '10 of 10 users' }).waitFor();
  await page.getByText('10 % more').click();
  await wait_for(() => server.open === 11, { what: '11 users' });
  await page.getByText('Pause').click();
  await page.locator('#state', { hasText: 'paused, ' }).waitFor();
  await is({ is_paused: true, factor: 1.1 }, 'it to be paused');
  await page.locator('#trends', { hasText: 'echo' }).waitFor();
  assert.deepEqual(faults, []);
  const other = `http://127.0.0.1:${new URL(server.url).port}`;
  assert.equal((await order('/resume', { origin: other })).code, 403);
  await is({ is_paused: true }, 'it to be paused still');
  await page.getByText('Stop').click();
  assert.equal(await run.ended, 0);
});

test('a token is asked for where it was given', async () => {
  const { run, url, order } = await controlled(`${plan} export default (u) => u.stay();`, ['--http-token', 'sesame']);
  assert.equal((await fetch(`${url}/metrics`)).status, 401);
  assert.equal((await order('/stop')).code, 401);
  const headers = { authorization: 'Bearer sesame' };
  await wait_for(async () => (await (await fetch(`${url}/status`, { headers })).json()).users === 10, { what: 'users' });
  await order('/stop', headers);
  assert.equal(await run.ended, 3, 'nothing was checked');
  for (const listen of ['0.0.0.0:0', '127.0.0.1:x', `127.0.0.1:${new URL(url).port}0`]) {
    const refused = start_load(`${plan} export default () => {}`, ['--http', listen]);
    assert.equal(await refused.ended, 2, refused.err);
  }
});
