// socket.io-client by long polling only: each asks, and asks again when it was answered. Says once a second how many were.
import { io } from 'socket.io-client';
export const load = { users: 100, duration: '1h', graceful_stop: 0 };

let answers = 0;
setInterval(() => console.log(`answers ${answers}`), 1000);
export async function ask() {
  const socket = io(`http://127.0.0.1:${process.env.PORT}`, { transports: ['polling'], forceNew: true, reconnection: false });
  await new Promise((go, fail) => { socket.on('connect', go); socket.on('connect_error', fail); });
  for (;;) {
    await socket.emitWithAck('subscribe', 'news');
    ++answers;
  }
}
export default () => ask();
