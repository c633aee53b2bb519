// Plays a recording of pusher-js, changed.
import { connect } from 'node:net';
import { channel_signature, gives_up_ms, signature, write_in_pieces } from './client.mjs';
import { framed, mutated_head, mutated_messages } from './mutate.mjs';
import { first_text } from './websocket_bytes.mjs';

// What the server said first, with the socket id that signatures are made of; undefined: it is not whole; empty: it has none.
function socket_id_in(bytes) {
  const text = first_text(bytes);
  if (text === null) return undefined;
  const said = JSON.parse(text);
  return said.event === 'pusher:connection_established' ? JSON.parse(said.data).socket_id : '';
}

// What was signed for the recorded connection, for this one: otherwise no private channel would be reached.
function signed_anew(text, socket_id) {
  let said;
  try {
    said = JSON.parse(text);
  } catch {
    return text;
  }
  if (said?.event === 'pusher:subscribe' && said.data?.auth)
    said.data.auth = channel_signature(socket_id, said.data.channel, said.data.channel_data);
  else if (said?.event === 'pusher:signin' && said.data?.auth) said.data.auth = signature(`${socket_id}::user::${said.data.user_data}`);
  else return text;
  return JSON.stringify(said);
}

// The head, then as soon as it is let in and has a socket id, the rest; then it ends, is cut, or waits to be ended.
export function play_pusher([recorded], random, port, sum) {
  let resolve;
  const done = new Promise((call) => resolve = call);
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let heard = Buffer.alloc(0), is_let_in = false, has_spoken = false, has_read = false;
  const timer = setTimeout(() => socket.destroy(), gives_up_ms);
  socket.on('error', () => {}).on('close', () => {
    clearTimeout(timer);
    sum.bytes_sent += socket.bytesWritten;
    sum.bytes_heard += socket.bytesRead;
    resolve();
  });
  const speak = async (id, agreed) => {
    const texts = recorded.frames.filter(({ first }) => (first & 15) === 1).map(({ payload }) => signed_anew(payload.toString(), id));
    const bytes = framed(mutated_messages(texts, random), random, agreed);
    if (random.chance(0.05)) socket.pause();  // it reads nothing
    await write_in_pieces(socket, bytes, random);
    if (random.chance(0.6)) socket.end();
    else setTimeout(() => socket.destroy(), random.below(100));
  };
  socket.write(mutated_head(recorded.head, random));
  socket.on('data', (bytes) => {
    if (!has_read && bytes.includes('subscription_succeeded')) {
      has_read = true;
      ++sum.in_a_room;
    }
    if (has_spoken) return;
    heard = Buffer.concat([heard, bytes]);
    const end = heard.indexOf('\r\n\r\n');
    if (end < 0) return;
    const answer = heard.subarray(0, end).toString('latin1');
    if (!answer.startsWith('HTTP/1.1 101')) {
      has_spoken = true;
      return void socket.end();
    }
    const agreed = answer.includes('permessage-deflate');
    if (!is_let_in) {
      is_let_in = true;
      ++sum.let_in;
      sum.compressed += agreed;
    }
    const id = socket_id_in(heard.subarray(end + 4));
    if (id === undefined) return;
    has_spoken = true;
    void speak(id, agreed);
  });
  return done;
}
