// utakata-realtime from real web pages: pusher-js and Laravel Echo as browsers load them.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { browser } from './kit/browser.mjs';
import { laravel } from './kit/laravel.mjs';
import { app, realtime, realtime_with } from './kit/realtime.mjs';
import { wait_for } from './kit/wait.mjs';

const scripts = { '/pusher.js': 'pusher-js/dist/web/pusher.min.js', '/echo.js': 'laravel-echo/dist/echo.iife.js' };
const script = (path) => readFileSync(fileURLToPath(new URL(`node_modules/${scripts[path]}`, import.meta.url)));

// What a page does: `#heard` shows what it was told, in order.
const page_of = (port) => `<!doctype html><title>a page</title><ol id="heard"></ol>
<script src="/pusher.js"></script><script src="/echo.js"></script>
<script>
  const query = new URLSearchParams(location.search);
  const item = (textContent) => Object.assign(document.createElement('li'), { textContent });
  const tell = (text) => document.getElementById('heard').append(item(text));
  const options = {
    key: '${app.key}', cluster: '', wsHost: '127.0.0.1', wsPort: Number(query.get('port') ?? ${port}), forceTLS: false,
    enabledTransports: ['ws'], authEndpoint: '/broadcasting/auth', bearerToken: query.get('user'),
  };
  const echo = new Echo.default({ ...options, broadcaster: 'pusher' });
  const pusher = echo.connector.pusher;
  pusher.connection.bind('state_change', ({ current }) => tell(current));
  pusher.connection.bind('error', (error) => tell('error ' + (error.data?.code ?? error.error?.data?.code)));
  pusher.subscribe('news').bind('said', ({ text }) => tell('news: ' + text));
</script>`;

let server, site, chromium;
before(async () => {
  server = await realtime('--client-events');
  const pages = ({ url }) => (scripts[url] ? { type: 'text/javascript', body: script(url) } : page_of(server.port));
  site = await laravel({ port: server.port, pages });
  chromium = await browser();
});
after(async () => {
  await chromium?.close();
  site?.stop();
  assert.equal(await server.stop(), 0);
});

// One tab: `user` may read what is not public.
async function tab(t, { user = 'ann', port = server.port, at = site.url } = {}) {
  const page = await chromium.newPage();
  t.after(() => page.close());
  page.on('pageerror', (problem) => page.evaluate((text) => tell(text), `fault: ${problem.message}`));
  await page.goto(`${at}/?user=${user}&port=${port}`);
  const heard = () => page.locator('#heard li').allTextContents();
  const hears = (text, times = 1, within = 20_000) => wait_for(async () => {
    const all = await heard();
    if (all.filter((one) => one === text).length < times) throw new Error(JSON.stringify(all));
    return true;
  }, { within, what: `a tab to hear \`${text}\`` });
  return { page, heard, hears };
}
const reads = (name, many) => wait_for(async () => {
  const info = { info: 'subscription_count' };
  return (await (await site.sdk.get({ path: `/channels/${name}`, params: info })).json()).subscription_count === many;
}, { what: `${name} to be read by ${many}` });

test('a page hears a broadcast', async (t) => {
  const [one, two] = [await tab(t), await tab(t)];
  await reads('news', 2);
  await site.broadcast(['news'], 'said', { text: 'hällo <b>' });
  await Promise.all([one, two].map(({ hears }) => hears('news: hällo <b>')));
  assert.deepEqual(await one.heard(), ['connected', 'news: hällo <b>']);
});

test('a page speaks to another, by pusher-js and by Echo', async (t) => {
  const [ann, bob] = [await tab(t), await tab(t, { user: 'bob' })];
  for (const { page } of [ann, bob])
    await page.evaluate(() => new Promise((resolve) => {
      echo.private('room').listenForWhisper('wave', ({ hand }) => tell(`wave: ${hand}`)).subscribed(resolve);
    }));
  await ann.page.evaluate(() => pusher.channel('private-room').trigger('client-wave', { hand: 'left' }));
  await bob.hears('wave: left');
  await bob.page.evaluate(() => echo.private('room').whisper('wave', { hand: 'right' }));
  await ann.hears('wave: right');
  assert.ok(!(await ann.heard()).includes('wave: left'), 'who speaks does not hear itself');
  assert.equal(await ann.page.evaluate(() => new Promise((resolve) => {
    echo.private('room.closed').error(({ status }) => resolve(status));
  })), 403);
});

test('two tabs of one user are one member', async (t) => {
  const joins = ({ page }) => page.evaluate(() => new Promise((resolve) => {
    echo.join('hall').here((all) => resolve(all.map(({ name }) => name).sort()))
      .joining(({ name }) => tell(`+${name}`)).leaving(({ name }) => tell(`-${name}`));
  }));
  const count = ({ page }) => page.evaluate(() => pusher.channel('presence-hall').members.count);
  const [bob, ann, ann_again] = [await tab(t, { user: 'bob' }), await tab(t), await tab(t)];
  assert.deepEqual(await joins(bob), ['Bob']);
  assert.deepEqual(await joins(ann), ['Ann', 'Bob']);
  assert.deepEqual(await joins(ann_again), ['Ann', 'Bob']);
  await bob.hears('+Ann');
  assert.equal(await count(bob), 2);
  await ann.page.close();
  await reads('presence-hall', 2);
  assert.equal(await count(bob), 2, 'her other tab is there');
  await ann_again.page.close();
  await bob.hears('-Ann');
  assert.deepEqual((await bob.heard()).filter((text) => /^[+-]/.test(text)), ['+Ann', '-Ann']);
  assert.equal(await count(bob), 1);
});

test('an instance that drains sends its pages away; they come back as soon as they may, and hear again', async (t) => {
  const tabs = [await tab(t), await tab(t, { user: 'bob' })];
  await reads('news', 2);
  const order = (state, close) => fetch(`${server.url}/drain`, {
    method: 'POST', headers: { authorization: 'Bearer of-this-instance' },
    body: JSON.stringify({ state, deadline_ms: null, close }),
  });
  assert.equal((await order('draining', { pace: 100, most: null, reconnects: false })).status, 200);
  await Promise.all(tabs.map(({ hears }) => hears('connecting')));
  const refused = async () => (await (await fetch(`${server.url}/stats`)).json()).refused;
  await wait_for(async () => (await refused()) >= 2, { what: 'them to come again at once' });
  assert.equal((await order('serving')).status, 200);
  // pusher-js comes at once, and if it is refused then, after 15 s.
  await Promise.all(tabs.map(({ hears }) => hears('connected', 2, 60_000)));
  await reads('news', 2);
  await site.broadcast(['news'], 'said', { text: 'again' });
  await Promise.all(tabs.map(({ hears }) => hears('news: again')));
});

test('a page of another origin is refused, and does not come again', async (t) => {
  const folder = mkdtempSync('/tmp/utakata-tenants-');
  const file = join(folder, 'tenants.yaml');
  writeFileSync(file, `apps: { show: { id: "1", key: ${app.key}, secret: ${app.secret}, origins: [ "${site.url}" ] } }\n`);
  const strict = await realtime_with(['--tenants', file]);
  t.after(async () => {
    await strict.stop();
    rmSync(folder, { recursive: true });
  });
  const own = await tab(t, { port: strict.port });
  await own.hears('connected');
  // The same machine by another name is another origin.
  const foreign = await tab(t, { port: strict.port, at: site.url.replace('127.0.0.1', 'localhost') });
  await foreign.hears('error 4009');
  await foreign.hears('disconnected');
  assert.ok(!(await foreign.heard()).includes('connected'), String(await foreign.heard()));
});
