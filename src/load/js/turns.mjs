// A timer's work is its user's turn, as it was when the timer was set.
import { current } from './current.mjs';

function kept(set) {
  return (work, ...rest) => {
    const { user } = current;
    return set((...given) => {
      current.user = user;
      work(...given);
    }, ...rest);
  };
}

export function turn_keeping() {
  for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']) globalThis[name] = kept(globalThis[name]);
}
