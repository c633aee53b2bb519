// 10,000 placements in flight at one moment: even, never above capacity, none lost; and rooms of four that fill exactly.
import { connect } from 'node:net';
import { wait_for } from '../e2e/kit/wait.mjs';
import * as kit from './kit.mjs';

const instances = 20;
const sockets_count = 2000, each = 5;  // all written before the first answer is read

class Line {  // one keep-alive connection that asks several things at once
  async open(port) {
    this.socket = connect(port, '127.0.0.1');
    this.got = Buffer.alloc(0);
    this.answers = [];
    await new Promise((done, failed) => this.socket.once('connect', done).once('error', failed));
    this.socket.setNoDelay(true).pause();
    return this;
  }

  read(count) {
    return new Promise((done) => {
      const finish = () => { if (this.answers.length >= count) done(this.answers); };
      this.socket.on('data', (data) => { this.take(data); finish(); }).on('close', () => done(this.answers)).on('error', () => done(this.answers));
      this.socket.resume();
      finish();
    });
  }

  take(data) {
    this.got = Buffer.concat([this.got, data]);
    for (;;) {
      const end = this.got.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = this.got.toString('latin1', 0, end);
      const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (this.got.length < end + 4 + length) return;
      const text = this.got.toString('utf8', end + 4, end + 4 + length);
      this.answers.push({ status: Number(head.slice(9, 12)), body: JSON.parse(text) });
      this.got = this.got.subarray(end + 4 + length);
    }
  }
}

async function ask_all(fleet, cluster, bodies) {
  const { port, host } = new URL(fleet.api);
  const path = `${fleet.path}/clusters/${cluster}/placements`;
  const lines = [];
  for (let from = 0; from < sockets_count; from += 100)
    lines.push(...await Promise.all(Array.from({ length: 100 }, () => new Line().open(Number(port)))));
  // The kth body goes over the (k / each)th connection, so that answers lie as the bodies do.
  const texts = lines.map((_, l) => bodies.slice(l * each, (l + 1) * each)
    .map((body) => `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`).join(''));
  const began = performance.now();
  lines.forEach((line, l) => line.socket.write(texts[l]));
  const answers = (await Promise.all(lines.map((line) => line.read(each)))).flat();
  const took = performance.now() - began;
  for (const line of lines) line.socket.destroy();
  return { answers, took };
}

const count_by = (list, key) => list.reduce((all, one) => all.set(key(one), (all.get(key(one)) ?? 0) + 1), new Map());

// What the controller itself takes to be held, once its report has gone round.
const held = (fleet, cluster, wanted) => wait_for(async () => {
  const { seats_held } = await fleet.cluster(cluster);
  return seats_held === wanted && seats_held;
}, { within: 4000, what: 'the seats' }).catch(async () => (await fleet.cluster(cluster)).seats_held);

async function roomy(fleet, show) {
  const bodies = Array.from({ length: sockets_count * each }, () => '{"seats":1}');
  const { answers, took } = await ask_all(fleet, 'roomy', bodies);
  const granted = answers.filter((one) => one.status === 200);
  const loads = [...count_by(granted, (one) => one.body.instance).values()];
  while (loads.length < instances) loads.push(0);
  show('10,000 placements at once on 20 instances: answered', answers.length, '', { equals: bodies.length }, `${Math.round(took)} ms`);
  show('  granted', granted.length, '', { equals: bodies.length });
  show('  different placements among them', new Set(granted.map((one) => one.body.id)).size, '', { equals: bodies.length });
  show('  most on one instance minus least', Math.max(...loads) - Math.min(...loads), '', { at_most: 1 });
  show('  seats held afterwards', await held(fleet, 'roomy', bodies.length), '', { equals: bodies.length });
}

async function tight(fleet, show) {
  const bodies = Array.from({ length: sockets_count * each }, () => '{"seats":1}');
  const { answers } = await ask_all(fleet, 'tight', bodies);
  const granted = answers.filter((one) => one.status === 200);
  const loads = [...count_by(granted, (one) => one.body.instance).values()];
  show('the same where only 8,000 fit: granted', granted.length, '', { equals: 8000 });
  show('  most on one instance, capacity 400', Math.max(...loads), '', { at_most: 400 });
  show('  others told to come back (503)', answers.filter((one) => one.status === 503).length, '', { equals: 2000 });
}

async function rooms(fleet, show) {
  const keys = 2500;
  const bodies = Array.from({ length: sockets_count * each }, (_, k) => `{"seats":1,"key":"room-${k % keys}"}`);
  const { answers } = await ask_all(fleet, 'rooms', bodies);
  const granted = answers.filter((one) => one.status === 200);
  show('4 callers a key, 2,500 keys at once: granted', granted.length, '', { equals: bodies.length });
  const count = await held(fleet, 'rooms', bodies.length);
  show('  seats held', count, '', { equals: bodies.length });
  const fifth = await fleet.place('rooms', { seats: 1, key: 'room-7' });
  show('  a fifth caller of a key is answered', fifth.status, '', { at_least: 400 }, fifth.body.title ?? '');
  const instances_of = new Map();
  answers.forEach((one, k) => instances_of.set(k % keys, (instances_of.get(k % keys) ?? new Set()).add(one.body.instance)));
  show('  keys whose four are not on one instance', [...instances_of.values()].filter((one) => one.size !== 1).length, '', { equals: 0 });
}

export default async function seats() {
  const cluster = (name, capacity, more = '') => kit.tiny_cluster({ name, instances, capacity, more, core: null });
  const fleet = await kit.up(kit.stack_text('seats', [cluster('roomy', 600), cluster('tight', 400),
    cluster('rooms', 600, '    seats: 4\n')]));
  try {
    const show = (what, value, unit, must, note = '') => kit.figure('seats', what, value, unit, must, note);
    for (const name of ['roomy', 'tight', 'rooms']) await fleet.serving(name, instances);
    // A fresh instance's load ramps up for 10 s: until then "even" is not what is wanted.
    await kit.sleep(11_500);
    await roomy(fleet, show);
    await tight(fleet, show);
    await rooms(fleet, show);
  } finally {
    await kit.down(fleet);
  }
}
