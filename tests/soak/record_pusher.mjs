// Records what pusher-js sends, for sessions.mjs to play again: a proxy between it and a utakata-realtime writes it down. Once, by
// hand, when a new kind of session is wanted:
//
//   cd tests/e2e && npm ci && UTAKATA_BIN=../../build/dev/utakata-realtime node ../soak/record_pusher.mjs
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { app, realtime } from '../e2e/kit/realtime.mjs';
import { recording_proxy } from './recording.mjs';

const { default: Pusher } = await import(createRequire(new URL('../e2e/', import.meta.url)).resolve('pusher-js'));
const { default: PusherServer } = await import(createRequire(new URL('../e2e/', import.meta.url)).resolve('pusher'));

const server = await realtime('--client-events', '--timelines', '--compress');
const api = new PusherServer({ ...app, host: '127.0.0.1', port: server.port, useTLS: false });

// One recorded client that does what `play` says.
async function record(name, play) {
  const proxy = await recording_proxy(server.port, fileURLToPath(new URL(`sessions/pusher/${name}.bin`, import.meta.url)));
  const pusher = new Pusher(app.key, {
    cluster: '', wsHost: '127.0.0.1', wsPort: proxy.port, forceTLS: false, enabledTransports: ['ws'], disableStats: true,
    activityTimeout: 1000,
    channelAuthorization: { customHandler: ({ socketId, channelName }, done) =>
      done(null, api.authorizeChannel(socketId, channelName,
        channelName.startsWith('presence-') ? { user_id: name, user_info: { name } } : undefined)) },
    userAuthentication: { customHandler: ({ socketId }, done) => done(null, api.authenticateUser(socketId, { id: name })) },
  });
  const reads = (channel) => new Promise((resolve) => {
    const subscribed = pusher.subscribe(channel);
    subscribed.bind('pusher:subscription_succeeded', () => resolve(subscribed));
  });
  await play(pusher, reads);
  await sleep(200);
  pusher.disconnect();
  await sleep(200);
  await proxy.close();
  console.log(`recorded ${name}`);
}

await record('reader', async (pusher, reads) => {
  await reads('news');
  await reads('cache-prices');
  await api.trigger('news', 'said', { text: 'hello' });
  await sleep(2500);  // it pings
  pusher.unsubscribe('news');
  await reads('news');
});
await record('player', async (pusher, reads) => {
  const room = await reads('presence-room');
  for (let n = 0; n < 4; ++n) room.trigger('client-moved', { x: n, y: -n, name: 'hällo 😀' });
  const own = await reads('private-own');
  own.trigger('client-typed', { text: 'x'.repeat(600) });
  pusher.unsubscribe('presence-room');
});
await record('user', async (pusher, reads) => {
  pusher.signin();
  await pusher.user.signinDonePromise;
  await reads('presence-lobby');
  await reads('private-cache-mine');
  await api.sendToUser('user', 'hi', { n: 1 });
  await sleep(100);
});
await server.stop();
process.exit(0);
