// What the clients of all dialects do alike.
import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { app } from '../e2e/kit/realtime.mjs';

export const gives_up_ms = 3000;  // who is not ended by the server ends itself

// In a few pieces, at once or a little later.
export async function write_in_pieces(socket, bytes, random) {
  for (let pieces = random.below(5); pieces > 0 && !socket.destroyed; --pieces) {
    const size = random.below(bytes.length + 1);
    socket.write(bytes.subarray(0, size));
    bytes = bytes.subarray(size);
    await sleep(random.chance(0.1) ? 20 : 0);
  }
  if (!socket.destroyed) socket.write(bytes);
}

// As a tenant's server signs it.
export const signature = (what) => `${app.key}:${createHmac('sha256', app.secret).update(what).digest('hex')}`;
export const channel_signature = (socket_id, channel, channel_data) =>
  signature([socket_id, channel, ...(channel_data ? [channel_data] : [])].join(':'));
