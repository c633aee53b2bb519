// Who connects and stays. $CLIENT: raw, socket.io or pusher.
const { CLIENT: client, PORT: port, USERS: users } = process.env;
export const load = { users: Number(users), duration: '1h', graceful_stop: 0 };

const clients = {
  async raw() {
    return () => new Promise((go, fail) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
      socket.onopen = () => go(socket);
      socket.onerror = ({ error }) => fail(error);
    });
  },
  async 'socket.io'() {
    const { io } = await import('socket.io-client');
    return () => new Promise((go, fail) => {
      const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], forceNew: true, reconnection: false });
      socket.on('connect', () => go(socket));
      socket.on('connect_error', fail);
    });
  },
  async pusher() {
    const { default: Pusher } = await import('pusher-js');
    return () => new Promise((go, fail) => {
      const pusher = new Pusher('show', { cluster: '', wsHost: '127.0.0.1', wsPort: port, forceTLS: false, enabledTransports: ['ws'], disableStats: true });
      pusher.connection.bind('connected', () => go(pusher));
      pusher.connection.bind('error', fail);
    });
  },
};
const connect = await clients[client]();

export default async function user(u) {
  const kept = await connect();
  await u.stay();
  return kept;
}
