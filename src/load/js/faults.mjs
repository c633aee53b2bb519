// What went wrong in the scenario's own code: counted, and told once a second, the same as one. Anything may be thrown, of any size.
import { current } from './current.mjs';
import * as metrics from './metrics.mjs';
import { User } from './user.mjs';

const kinds_max = 100;
const frames_in = 16_384;  // of a stack's end: what stands before is the message
let scenario_url = '\0', root = '';
const faults = new Map();

// Well-formed, and a copy: a slice would keep the whole alive.
function cut(thing, most) {
  let text = 'it cannot be said in words';
  try {
    text = String(thing);
  } catch {}
  text = text.slice(0, most);
  return Buffer.from(root ? text.replaceAll(root, '') : text).toString();
}

// `unpacked_in`: what names of files begin with that is none of the author's.
export function faults_are_in(url, unpacked_in) {
  scenario_url = url;
  root = unpacked_in;
}

// What the scenario's author can find the place by.
export function in_words(error) {
  let message = error, stack = '';
  try {
    message = error?.message ?? error;
    stack = String(error?.stack ?? '');
  } catch {}  // whose getters throw
  const what = cut(message, 2000);
  const frames = stack.slice(-frames_in).split('\n').filter((line) => /^\s*at /.test(line));
  // An import that is wrong has its place before the message.
  const at = frames.find((line) => line.includes(scenario_url)) ?? stack.slice(0, 1000).split('\n').find((line) => line.startsWith(scenario_url)) ?? '';
  return { what, at: cut(at.trim().replace(/^at /, ''), 500), stack: cut([what, ...frames].join('\n'), 4000) };
}

export function fault(error, user = current.user) {
  const scenario = user.scenario ?? 'outside of a user';
  const words = in_words(error);
  const key = `${words.what}\n${words.at}`;
  let phase = 'script';
  try {
    if (typeof error?.phase === 'string') phase = cut(error.phase, 50);
  } catch {}
  metrics.count('errors', 1, { scenario, ...User.tags_of(user), phase });
  const known = faults.get(key);
  if (known) ++known.count;
  else if (faults.size < kinds_max) faults.set(key, { ...words, scenario, count: 1 });
}

// Those since the last call.
export function take_faults() {
  const news = [...faults.values()].filter((one) => one.count > 0).map((one) => ({ ...one }));
  for (const one of faults.values()) one.count = 0;
  return news;
}
