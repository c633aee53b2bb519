// What a Laravel application does beside a server of channels: it says who may read what, and broadcasts.
import { createServer } from 'node:http';
import PusherServer from 'pusher';
import { app } from './realtime.mjs';

const users = { ann: { id: 1, name: 'Ann' }, bob: { id: 2, name: 'Bob' }, cid: { id: 3, name: 'Cid' } };

// POST /broadcasting/auth, as Echo and pusher-js send it: a form, and who asks is in a token. Anything else: `pages(request)`, a
// text, a {type, body}, or nothing.
export async function laravel({ port, pages = () => null }) {
  const sdk = new PusherServer({ ...app, host: '127.0.0.1', port, useTLS: false });
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    const user = users[/^Bearer (\w+)$/.exec(request.headers.authorization ?? '')?.[1]];
    if (request.method === 'POST' && request.url === '/broadcasting/auth') {
      const form = new URLSearchParams(body);
      const [socket, channel] = [form.get('socket_id'), form.get('channel_name')];
      if (!user || channel.endsWith('.closed')) return response.writeHead(403).end('{"message":"Forbidden"}');
      const member = channel.startsWith('presence-') ? { user_id: user.id, user_info: user } : undefined;
      response.writeHead(200, { 'content-type': 'application/json' });
      return response.end(JSON.stringify(sdk.authorizeChannel(socket, channel, member)));
    }
    const page = pages(request);
    if (!page) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': page.type ?? 'text/html; charset=utf-8' });
    response.end(page.body ?? page);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    sdk,
    // PusherBroadcaster: public properties of the event beside `socket`, which is null unless toOthers() was called.
    broadcast: (channels, event, data, socket = null) =>
      sdk.trigger(channels, event, { ...data, socket }, socket ? { socket_id: socket } : {}),
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
