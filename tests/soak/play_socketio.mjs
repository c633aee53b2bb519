// Plays a recording of socket.io-client, changed: its requests in their order, on connections of their own or on kept ones, with the
// session id that the server gave. A request that has frames is a WebSocket. One that names no session begins another life: of who
// broke off and comes back, with what it was told in the former.
import { connect } from 'node:net';
import { gives_up_ms, write_in_pieces } from './client.mjs';
import { framed, mutated_messages, opening_frames } from './mutate.mjs';
import { body_of, is_connect, made_ours, messages_of, mutated_body, mutated_packet, mutated_request, request_of } from './mutate_socketio.mjs';

const is_whole = (answer) => {
  const end = answer.indexOf('\r\n\r\n') + 4;
  return end >= 4 && answer.length >= end + Number(/^content-length: *(\d+)/im.exec(answer.slice(0, end))?.[1] ?? 0);
};

class Visitor {
  constructor(random, port, sum) {
    Object.assign(this, { random, port, sum });
    this.sockets = new Set();  // open
    this.kept = [];            // of those: may take another request
    this.waiting = [];
    this.life = null;  // { former, sid, id, pid, offset, is_probed, tail }; sid: of Engine.IO, id and pid: of Socket.IO
    this.is_over = this.is_polling = this.is_let_in = this.is_in_a_room = this.is_recovered = false;
    this.wrong = random.one_of([0, 0.2, 1]);  // the share of its requests that chance changes: one session needs many
  }

  request(head, body = null) {
    return (this.random.chance(this.wrong) ? mutated_request : request_of)(head, body, this.life.sid, this.random);
  }

  async plays(requests) {
    const timer = setTimeout(() => this.leaves(), gives_up_ms);
    for (const request of requests) {
      if (!request.head.includes('sid=')) this.life = { former: this.life, tail: '' };
      await (request.frames.length > 0 ? this.websocket(request) : request.body ? this.posts(request) : this.polls(request));
      if (this.is_over || !this.life.sid) break;
    }
    for (const socket of this.sockets) if (this.random.chance(0.5)) socket.end();
    await this.until(() => this.sockets.size === 0, this.random.below(50));
    clearTimeout(timer);
    this.leaves();
    this.sum.let_in += this.is_let_in;
    this.sum.in_a_room += this.is_in_a_room;
    this.sum.recovered = (this.sum.recovered ?? 0) + this.is_recovered;
  }

  leaves() {
    this.is_over = true;
    for (const socket of this.sockets) socket.destroy();
    this.wake();
  }

  connects() {
    const socket = connect({ port: this.port, host: '127.0.0.1', noDelay: true });
    this.sockets.add(socket);
    socket.answer = '';
    socket.on('error', () => {}).on('data', (bytes) => {
      if (socket.answer.length < 100_000) socket.answer += bytes.toString('latin1');
      this.hears(bytes);
    });
    socket.on('close', () => {
      this.sockets.delete(socket);
      this.sum.bytes_sent += socket.bytesWritten;
      this.sum.bytes_heard += socket.bytesRead;
      this.wake();
    });
    return socket;
  }

  // Whatever carries it. What was compressed is not understood: there is enough that is not.
  hears(bytes) {
    const life = this.life;
    const text = life.tail + bytes.toString('latin1');
    life.sid ??= /0\{"sid":"([^"]+)","upgrades"/.exec(text)?.[1];
    const connected = /40\{"sid":"([^"]+)","pid":"([^"]+)"\}/.exec(text);
    if (connected) [, life.id, life.pid] = connected;
    this.is_recovered ||= life.id !== undefined && life.id === life.former?.id;
    life.offset = [...text.matchAll(/,"([\w-]+-\d+)"\]/g)].at(-1)?.[1] ?? life.offset;
    life.is_probed ||= text.includes('3probe');
    this.is_let_in ||= life.sid !== undefined;
    this.is_in_a_room ||= text.includes('[{"ok":true');
    life.tail = text.slice(-300);
    this.wake();
  }

  // Until that holds, or for so long. Whether it does.
  async until(holds, ms) {
    const end = Date.now() + ms;
    while (!holds() && !this.is_over && Date.now() < end)
      await new Promise((resolve) => {
        this.waiting.push(resolve);
        setTimeout(resolve, 25);
      });
    return holds();
  }
  wake() {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  // Sends a request; until it is answered, or will not be.
  async asks(request, ms) {
    const kept = this.random.chance(0.8) ? this.kept.pop() : undefined;
    const socket = kept && !kept.destroyed ? kept : this.connects();
    socket.answer = '';
    await write_in_pieces(socket, request, this.random);
    const is_answered = await this.until(() => socket.destroyed || is_whole(socket.answer), ms);
    if (is_answered && !socket.destroyed && !/^connection: *close/im.test(socket.answer)) this.kept.push(socket);
  }

  async polls({ head }) {
    if (!head.includes('sid=')) return this.asks(this.request(head), 1000);
    // A second one beside the first ends the session.
    if (this.is_polling && !await this.until(() => !this.is_polling, 100) && this.random.chance(0.9)) return;
    this.is_polling = true;
    void this.asks(this.request(head), gives_up_ms).finally(() => this.is_polling = false);
  }

  async posts({ head, body }) {
    const { random, life } = this;
    const recorded = messages_of(body);
    const connects = recorded.some(is_connect);
    if (!connects) await this.until(() => life.id, 200);
    const messages = recorded.map((message) => made_ours(message, life));
    const changed = connects && random.chance(0.9) ? messages : mutated_messages(messages, random, mutated_packet);
    const answered = this.asks(this.request(head, (random.chance(this.wrong) ? mutated_body : body_of)(changed, random)), 1000);
    if (random.chance(0.85)) await answered;
  }

  // What the rest depends on first, whether to connect or to climb up from polling; then the rest. Then it ends, or is cut.
  async websocket({ head, frames }) {
    const { random, life } = this;
    const socket = this.connects();
    socket.write(mutated_request(head, null, life.sid, random));
    await this.until(() => socket.destroyed || is_whole(socket.answer), 1000);
    if (!socket.answer.startsWith('HTTP/1.1 101')) return void socket.end();
    const agreed = socket.answer.includes('permessage-deflate');
    this.sum.compressed += agreed;
    const messages = frames.filter(({ first }) => (first & 15) === 1 || (first & 15) === 2)
      .map(({ first, payload }) => made_ours((first & 15) === 1 ? payload.toString() : payload, life));
    const climbs = head.includes('sid=');
    const first = messages.splice(0, climbs ? 1 : messages.findIndex(is_connect) + 1);
    socket.write(opening_frames(random.chance(0.95) ? first : mutated_messages(first, random, mutated_packet), random, agreed));
    await this.until(() => socket.destroyed || (climbs ? life.is_probed : life.id), 300);
    const bytes = framed(mutated_messages(messages.map((each) => made_ours(each, life)), random, mutated_packet), random, agreed);
    if (random.chance(0.05)) socket.pause();  // it reads nothing
    await write_in_pieces(socket, bytes, random);
    if (random.chance(0.6)) socket.end();
    else setTimeout(() => socket.destroy(), random.below(100));
    if (random.chance(0.8)) await this.until(() => !this.sockets.has(socket), gives_up_ms);
  }
}

export const play_socketio = (requests, random, port, sum) => new Visitor(random, port, sum).plays(requests);
