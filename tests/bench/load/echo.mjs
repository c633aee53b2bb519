// Each says something, hears it, and says it again.
export const load = { users: 1000, duration: '1h', graceful_stop: 0 };
const text = 'x'.repeat(100);

export async function talk(Socket) {
  const socket = new Socket(`ws://127.0.0.1:${process.env.PORT}/`);
  await new Promise((go, fail) => { socket.onopen = go; socket.onerror = fail; });
  socket.onmessage = () => socket.send(text);
  socket.send(text);
  return socket;
}
export default async function user(u) {
  const kept = await talk(WebSocket);
  await u.stay();
  return kept;
}
