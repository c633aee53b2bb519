// The page: shows the tally and what happens, and votes.
import { Channels } from './channels.js';

const part = (id) => document.getElementById(id);
const numbered = (count, what) => `${count} ${what}${count === 1 ? '' : 's'}`;
let shown = -1; // the version of the tally
const entries = new Map(); // number -> entry

async function ask(method, path, body) {
  const answer = await fetch(path, { method, body: body && JSON.stringify(body) });
  const said = await answer.json();
  if (answer.ok) return said;
  throw Object.assign(new Error(said.detail), { retry_after: Number(answer.headers.get('retry-after')) });
}
const clock = { hour: '2-digit', minute: '2-digit', hour12: false };
const element = (name, properties, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

// ---- what is seen ----
function build(question, options) {
  document.title = part('question').textContent = question;
  for (const [choice, label] of Object.entries(options)) {
    const button = element('button', { type: 'button', className: 'option' },
      element('span', { className: 'bar' }), element('span', { className: 'label', textContent: label }),
      element('span', { className: 'count', textContent: '0' }));
    button.dataset.choice = choice;
    button.onclick = () => ask('POST', 'api/vote', { choice }).then(() => choose(choice), complain);
    part('options').append(button);
  }
}

function choose(choice) {
  for (const button of part('options').children) button.ariaPressed = String(button.dataset.choice === choice);
}

function show({ version, counts, here, last_entry }) {
  if (version < shown) return; // an older one was slower on its way
  shown = version;
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  for (const button of part('options').children) {
    const count = counts[button.dataset.choice];
    button.querySelector('.count').textContent = count;
    button.querySelector('.bar').style.setProperty('--share', total ? count / total : 0);
  }
  part('total').textContent = numbered(total, 'vote');
  part('here').textContent = here ? `${here} here` : 'nobody here';
  if (last_entry) expect(last_entry);
}

function show_entry(entry) {
  if (entries.has(entry.number)) return;
  const when = new Date(entry.at);
  const item = element('li', { className: entry.kind },
    element('time', { dateTime: entry.at, textContent: when.toLocaleTimeString([], clock) }),
    ...(entry.who ? [element('b', { textContent: entry.who })] : []), element('span', { textContent: entry.text }));
  item.dataset.number = entry.number;
  const later = [...part('entries').children].findLast((one) => Number(one.dataset.number) > entry.number);
  if (later) later.after(item); // the newest on top
  else part('entries').prepend(item);
  entries.set(entry.number, entry);
}

// What the web server does not keep any more, the channel does.
let oldest; // the offset of the first entry that the channel has told
const ask_for_older = () => channels.history('presence-room', { limit: 20, before: oldest });
function show_older({ messages, more }) {
  const known = entries.size;
  for (const { data } of messages) show_entry(JSON.parse(data));
  oldest = messages[0]?.offset ?? oldest;
  part('older').hidden = !more;
  if (more && entries.size === known) ask_for_older(); // all these the web server had told
}

function show_me({ name }) {
  part('login').hidden = name !== null;
  part('logout').hidden = name === null;
  part('me').textContent = name ?? '';
}

const complain = (problem) => { part('state').textContent = problem.message; };

// ---- what is told ----
async function ask_for_all() {
  const info = await ask('GET', 'api/info');
  if (!part('options').children.length) build(info.question, info.options);
  show(info.tally);
  info.entries.forEach(show_entry);
  choose(info.choice);
  show_me(info.you);
  return info;
}
// Who was on an instance that hung has missed what was said meanwhile. It may also still be on its way.
function expect(number) {
  if (!entries.has(number)) setTimeout(() => entries.has(number) || ask_for_all().catch(complain), 1000);
}

let channels, instance;
function start(key) {
  channels = new Channels({
    key,
    async place() {
      const placement = await ask('POST', 'api/place');
      instance = placement.instance;
      return placement.url;
    },
    authorize: (who) => ask('POST', 'api/auth', who),
    changed(state) {
      document.body.dataset.state = state;
      part('state').textContent =
        { connected: `live, by ${instance}`, away: 'coming back', refused: 'this page may not connect' }[state];
    },
  })
    .subscribe('cache-tally', (event, data) => { if (event === 'tally') show(data); })
    .subscribe('presence-room', (event, data, offset) => {
      if (event === 'utakata:history') show_older(data);
      if (event === 'entry') {
        oldest = Math.min(oldest ?? offset, offset);
        if (entries.size) expect(data.number - 1);
        show_entry(data);
      }
      if (event === 'subscribed' && !data.recovered) {
        oldest = undefined; // what is not known may be anywhere
        part('older').hidden = false;
        ask_for_all().catch(complain);
      }
    })
    .sign_in((event, data) => { if (event === 'voted') choose(data.choice); });
  channels.connect();
}

part('older').onclick = ask_for_older;
part('say').onsubmit = (event) => {
  event.preventDefault();
  ask('POST', 'api/say', { text: part('text').value }).then(() => { part('text').value = ''; }, complain);
};
part('login').onsubmit = (event) => {
  event.preventDefault();
  ask('POST', 'api/login', { name: part('name').value }).then(({ you }) => show_me(you), complain);
};
part('logout').onsubmit = (event) => {
  event.preventDefault();
  ask('DELETE', 'api/login').then(({ you }) => show_me(you), complain);
};

const begin = () => ask_for_all().then(({ key }) => start(key), (problem) => {
  complain(problem);
  setTimeout(begin, 1000);
});
begin();
