// The evening of a live vote, rehearsed. People come; a fifth of them sign in, a fifth of them are where only polling gets through. They
// ask the web server for news each half minute, hear "Vote now!" all at once, and vote 5 to 15 seconds later.
//
//   utakata load voters.mjs                                                       200 people within 20 s
//   VOTERS=300000 OPENING=1800 utakata load voters.mjs --workers 32               a broadcast's, within half an hour
import { io } from 'socket.io-client';

const people = Number(process.env.VOTERS ?? 200);
const opening_s = Number(process.env.OPENING ?? 20);  // seconds in which they come
const page = process.env.VOTE_PAGE ?? 'http://127.0.0.1:8080';
const secret = process.env.VOTE_SECRET ?? 'between-us';

const share = (part) => ({
  start: (part * people) / opening_s,
  stages: [{ duration: opening_s, target: (part * people) / opening_s }, { duration: '10m', target: 0, step: true }],
});
export const load = {
  scenarios: {
    websocket: { exec: 'voter', arrivals: share(0.8) },
    polling: { exec: 'voter', arrivals: share(0.2) },
    show: { exec: 'host', users: 1, iterations: 1 },
  },
  // And, on machines like those of the evening: call_delay: 'p(99)<2s'.
  thresholds: { checks: 'rate==1', calls_heard: `count==${people}`, votes: `count==${people}` },
};

const rights = { authorization: `Bearer ${secret}` };

// What was called for last time is over.
export async function setup() {
  const answer = await fetch(`${page}/api/call`, { method: 'POST', headers: rights, body: '{"is_on":false}' });
  if (!answer.ok) throw new Error(`${page} answered ${answer.status}: is VOTE_SECRET that of the stack?`);
}

// As the page does: whoever is told "later", or nothing, comes again later.
async function ask(u, method, path, body, headers = {}) {
  for (;;) {
    const request = { method, body: body && JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } };
    const answer = await fetch(`${page}/api/${path}`, request).catch(() => null);
    if (answer && answer.status < 500) {
      if (!u.check(`${path} is answered`, answer.ok)) throw new Error(`${path} was answered ${answer.status}`);
      return answer.json();
    }
    if (u.is_leaving) throw new Error(`${path} was answered ${answer?.status ?? 'by nobody'} until the user had to leave`);
    await answer?.arrayBuffer();
    u.count('came_again', 1, { path });
    await u.think(Number(answer?.headers.get('retry-after') ?? 1));
  }
}

export async function voter(u) {
  if (u.random() < 0.2) await ask(u, 'POST', 'login', { name: `No. ${u.number}` });
  const { options } = await ask(u, 'GET', 'info');
  const news = u.think(30).then(() => u.every(30, () => ask(u, 'GET', 'info'), { name: 'news' }));
  const { url } = await ask(u, 'POST', 'place');

  const entered = u.measure('entered');
  const socket = io(url, { transports: [u.scenario], forceNew: true });
  const called = new Promise((go) => { socket.on('call', (call) => call.is_on && go(call)); });
  socket.on('connect', async () => {
    const { ok } = await socket.emitWithAck('subscribe', 'cache-call');
    if (u.check('it may hear calls', ok)) entered();
  });
  socket.on('disconnect', (reason) => { if (reason !== 'io client disconnect') u.count('lost', 1, { reason }); });

  const { sent } = await called;
  u.delay('call_delay', sent);
  u.count('calls_heard');
  await u.think(5, 15);
  await ask(u, 'POST', 'vote', { choice: u.one_of(Object.keys(options)) });
  u.count('votes');
  socket.disconnect();
  u.leave();
  await news;
}

// Calls for votes as soon as all are there, or a minute later.
export async function host(u) {
  await u.think(opening_s);
  let here = 0;
  for (let tries = 0; tries < 60 && here < people && !u.is_leaving; tries++) {
    await u.think(1);
    here = (await ask(u, 'GET', 'readers', undefined, rights)).readers;
  }
  u.gauge('readers', here);
  await ask(u, 'POST', 'call', { sent: u.clock() }, rights);
}
