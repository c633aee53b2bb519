// Records what real clients send, for sessions.mjs to play again: a proxy between pusher-js and a utakata-realtime writes down
// the client's bytes as they come, the HTTP head and the masked frames. Once, by hand, when a new kind of session is wanted:
//
//   cd tests/e2e && npm ci && UTAKATA_BIN=../../build/dev/utakata-realtime node ../soak/record.mjs
import { createWriteStream } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { app, realtime } from '../e2e/kit/realtime.mjs';

const { default: Pusher } = await import(createRequire(new URL('../e2e/', import.meta.url)).resolve('pusher-js'));
const { default: PusherServer } = await import(createRequire(new URL('../e2e/', import.meta.url)).resolve('pusher'));

const server = await realtime('--client-events', '--timelines', '--compress');
const api = new PusherServer({ ...app, host: '127.0.0.1', port: server.port, useTLS: false });

// One recorded client that does what `play` says.
async function record(name, play) {
  const file = createWriteStream(fileURLToPath(new URL(`sessions/${name}.bin`, import.meta.url)));
  const proxy = createServer((client) => {
    const there = connect(server.port, '127.0.0.1');
    client.on('data', (bytes) => {
      file.write(bytes);
      there.write(bytes);
    });
    there.pipe(client);
    for (const one of [client, there]) one.on('error', () => {}).on('close', () => (client.destroy(), there.destroy()));
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const pusher = new Pusher(app.key, {
    cluster: '', wsHost: '127.0.0.1', wsPort: proxy.address().port, forceTLS: false, enabledTransports: ['ws'], disableStats: true,
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
  proxy.close();
  file.end();
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
