// Who is there and does nothing.
export const load = { users: 16, duration: '1h', graceful_stop: 0 };
export default (u) => u.stay();
