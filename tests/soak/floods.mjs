// Floods: what recorded sessions do not do, a few clients who say the same a hundred thousand times, or hear nothing of what they ask
// for. Each against a server of its own, whose memory may not grow by more than a bound on the way.
//
//   UTAKATA_BIN=build/release/utakata-realtime node tests/soak/floods.mjs [NAME...] [--times 1] [--workers W]
import { readFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { app, realtime_with } from '../e2e/kit/realtime.mjs';
import { channel_signature } from './client.mjs';
import { frame } from './websocket_bytes.mjs';

const { values, positionals } = parseArgs({ allowPositionals: true, options: {
  times: { type: 'string', default: '1' }, workers: { type: 'string' } } });
const times = Number(values.times);
const grows_at_most_mb = 100;  // of each process

const no_mask = Buffer.alloc(4);
const text_frame = (text) => frame(0x81, Buffer.from(text), no_mask);
const pusher_says = (event, data) => text_frame(JSON.stringify({ event, data }));
const subscribe = (channel, more = {}) => pusher_says('pusher:subscribe', { channel, ...more });
const unsubscribe = (channel) => pusher_says('pusher:unsubscribe', { channel });
const socketio_says = (...all) => text_frame(`42${JSON.stringify(all)}`);
const repeated = (bytes, count) => Buffer.concat(Array(count).fill(bytes));
const range = (count) => Array.from({ length: count }, (_, k) => k);

// A WebSocket as bytes. `id`: what signatures are made of.
class Client {
  static async of(port, dialect, { is_deaf = false } = {}) {
    const one = new Client();
    one.is_closed = false;
    one.socket = connect({ port, host: '127.0.0.1', noDelay: true }).on('error', () => {}).on('close', () => one.is_closed = true);
    const path = dialect === 'pusher' ? `/app/${app.key}?protocol=7` : '/socket.io/?EIO=4&transport=websocket';
    one.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n`
      + `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`);
    if (dialect === 'socketio') await one.hears(/101/), one.socket.write(text_frame('40'));
    one.id = (await one.hears(dialect === 'pusher' ? /socket_id\\":\\"([\d.]+)/ : /40\{"sid":"([\d.]+)"/))?.[1];
    if (is_deaf) one.socket.pause();
    else one.socket.resume();
    return one;
  }
  // Resolves to what `use` makes of the next such event; to nothing, when the connection is closed before.
  next(event, use = () => true) {
    if (this.is_closed) return undefined;
    return new Promise((resolve) => {
      const end = (made) => {
        this.socket.off(event, happens).off('close', end);
        resolve(made);
      };
      const happens = (bytes) => {
        const made = use(bytes);
        if (made) end(made);
      };
      this.socket.on(event, happens).on('close', end);
    });
  }
  hears(pattern) {
    let heard = '';
    return this.next('data', (bytes) => {
      heard = heard.slice(-200) + bytes.toString('latin1');
      return pattern.exec(heard);
    });
  }
  // Until the kernel has taken it, or the server has cut us.
  async says(bytes) {
    if (!this.is_closed && !this.socket.write(bytes)) await this.next('drain');
  }
  async goes() {
    const gone = this.next('close');
    this.socket.destroy();
    await gone;
  }
  // What it said has been taken in: the last of it is answered, or it was cut.
  async is_through() {
    const heard = this.hears(/the end/);
    await this.says(frame(0x89, Buffer.from('the end'), no_mask));
    await heard;
  }
}

const crowd = async (port, count, dialect, joins) => Promise.all(range(count).map(async (k) => {
  const one = await Client.of(port, dialect);
  await one.says(joins(one, k));
  await one.is_through();
  return one;
}));
const signed = (channel) => (one) => subscribe(channel, { auth: channel_signature(one.id, channel) });

// Ten who do not read, each until all is said or it is cut.
async function of_the_deaf(port, dialects, pieces_of) {
  await Promise.all(range(10).map(async (k) => {
    const dialect = dialects[k % dialects.length];
    const one = await Client.of(port, dialect, { is_deaf: true });
    for (const bytes of pieces_of(dialect)) await one.says(bytes);
    await one.goes();
  }));
}

// Each: what the server's memory is to bear. What it needs first is not counted: `prepares`, whose outcome `floods` is given.
const all_floods = {
  counts_of_a_crowd: {  // who comes and goes on a channel of many that are told how many they are
    prepares: (port) => crowd(port, 1000, 'pusher', () => subscribe('news')),
    async floods(port) {
      const one = await Client.of(port, 'pusher');
      const bytes = repeated(Buffer.concat([subscribe('news'), unsubscribe('news')]), 500);
      for (let k = 0; k < 200 * times; ++k) await one.says(bytes);
      await one.is_through();
    },
  },
  pings_that_nobody_hears: {  // large ones until the kernel's buffers are full, then the smallest
    floods: (port) => of_the_deaf(port, ['pusher'], () => [repeated(frame(0x89, Buffer.alloc(125), no_mask), 5000), repeated(frame(0x89, Buffer.alloc(0), no_mask), 5000)]
      .flatMap((bytes) => Array(40 * times).fill(bytes))),
  },
  errors_that_nobody_hears: {
    floods: (port) => of_the_deaf(port, ['pusher', 'socketio'], (dialect) =>
      Array(100 * times).fill(repeated(dialect === 'pusher' ? pusher_says('client-x', 1) : text_frame('421["x"]'), 2000))),
  },
  client_events_for_a_crowd: {  // within the limits of each
    prepares: (port) => crowd(port, 600, 'pusher', signed('private-crowd')),
    async floods(port, all) {
      const bytes = repeated(text_frame(JSON.stringify({ event: 'client-said', channel: 'private-crowd', data: 'x'.repeat(9000) })), 20);
      for (let k = 0; k < 5 * times; ++k) await Promise.all(all.map((one) => one.says(bytes)));
      await Promise.all(all.map((one) => one.is_through()));
    },
  },
  members_of_a_crowd: {  // one who is let in, again and again
    prepares: (port) => crowd(port, 600, 'pusher', (one) => {
      const channel_data = '{"user_id":"crowd"}';
      return subscribe('presence-room', { auth: channel_signature(one.id, 'presence-room', channel_data), channel_data });
    }),
    async floods(port) {
      const one = await Client.of(port, 'pusher');
      const channel_data = JSON.stringify({ user_id: 'one', user_info: { about: 'x'.repeat(900) } });
      const joins = subscribe('presence-room', { auth: channel_signature(one.id, 'presence-room', channel_data), channel_data });
      const bytes = repeated(Buffer.concat([joins, unsubscribe('presence-room')]), 100);
      for (let k = 0; k < 50 * times; ++k) await one.says(bytes);
      await one.is_through();
    },
  },
  channels_without_end: {
    async floods(port) {
      const all = await Promise.all(range(8).map(() => Client.of(port, 'pusher')));
      await Promise.all(all.map(async (one, k) => {
        for (let n = 0; n < 100 * times; ++n)
          await one.says(Buffer.concat(range(500).flatMap((m) => {
            const name = `${['', 'cache-', 'sync-', ''][m % 4]}${'x'.repeat(150)}${k}-${n}-${m}`;
            return [subscribe(name, { recover: true }), unsubscribe(name)];
          })));
        await one.is_through();
      }));
    },
  },
  channels_of_who_is_to_be_recovered: {
    async floods(port) {
      await Promise.all(range(20).map(async (k) => {
        for (let n = 0; n < 15 * times; ++n) {
          const one = await Client.of(port, 'socketio');
          await one.says(Buffer.concat(range(1000).map((m) => socketio_says('subscribe', `${'x'.repeat(180)}${k}-${n}-${m}`))));
          await one.is_through();
          await one.goes();
        }
      }));
    },
  },
  states_of_sync_channels: {
    async floods(port) {
      await Promise.all(range(20).map(async (k) => {
        const one = await Client.of(port, 'pusher');
        for (let n = 0; n < 50 * times; ++n)
          await one.says(Buffer.concat(range(20).flatMap((m) => [subscribe(`sync-${k}-${m}`), text_frame(JSON.stringify(
            { event: 'client-sync', channel: `sync-${k}-${m}`, data: { [`key${n}`]: 'x'.repeat(900) } }))])));
        await one.is_through();
      }));
    },
  },
  sessions_that_do_not_poll: {
    async floods(port) {
      const bytes = repeated(Buffer.from('GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n'), 20);
      await Promise.all(range(10).map(async () => {
        const one = new Client();
        one.socket = connect({ port, host: '127.0.0.1' }).on('error', () => {}).on('close', () => one.is_closed = true);
        for (let n = 0; n < 100 * times; ++n) {
          let heard = '';
          const answered = one.next('data', (more) => (heard += more.toString('latin1')).split('"pingTimeout"').length > 20);
          await one.says(bytes);
          await answered;
        }
        await one.goes();
      }));
    },
  },
};

const workers_of = (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean);
const resident_mb = (pid) => [pid, ...workers_of(pid)]
  .map((one) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${one}/status`, 'latin1'))[1]) / 1024).reduce((all, mb) => all + mb);

async function run(name, { prepares = () => [], floods }, options) {
  const server = await realtime_with(options);
  const prepared = await prepares(server.port);
  const processes = 1 + workers_of(server.child.pid).length;
  const before = resident_mb(server.child.pid);
  let most = before;
  const watch = setInterval(() => most = Math.max(most, resident_mb(server.child.pid)), 20);
  const began = performance.now();
  await floods(server.port, prepared);
  clearInterval(watch);
  most = Math.max(most, resident_mb(server.child.pid));
  const took = performance.now() - began;
  const healthy = (await fetch(`${server.url}/healthz`)).status === 200;
  for (const one of prepared) one.socket.destroy();
  const ended = await server.stop();
  console.log(`${name}: from ${before.toFixed(0)} to ${most.toFixed(0)} MB at most, in ${(took / 1000).toFixed(1)} s`);
  return [...(ended !== 0 || !healthy ? [`${name}: the server ended with ${ended}: ${server.errors().slice(-5000)}`] : []),
    ...(most > before + grows_at_most_mb * processes ? [`${name}: its memory grew by ${(most - before).toFixed(0)} MB`] : [])];
}

const folder = mkdtempSync(join(tmpdir(), 'utakata-floods-'));
const file = join(folder, 'tenants.yaml');
writeFileSync(file, `apps:
  show: { id: "${app.appId}", key: ${app.key}, secret: ${app.secret}, client_events: true, subscription_counts: true, timelines: true }
`);
const faults = [];
for (const [name, flood] of Object.entries(all_floods))
  if (positionals.length === 0 || positionals.includes(name))
    faults.push(...await run(name, flood, ['--tenants', file, ...(values.workers ? ['--workers', values.workers] : [])]));
rmSync(folder, { recursive: true });
if (faults.length > 0) console.log(`FAILED: ${faults.join('; ')}`);
process.exit(faults.length > 0 ? 1 : 0);
