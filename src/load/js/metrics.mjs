// What is measured in JavaScript; what the sockets measure themselves is measured in the engine. Names of metrics are k6's where it
// has one.
import { engine } from './engine.mjs';

const ids = new Map();

function id_of(kind, name, tags) {
  const key = `${kind}\0${name}\0${tags ? JSON.stringify(tags) : ''}`;
  let id = ids.get(key);
  if (id === undefined) ids.set(key, (id = engine.metric(kind, name, Object.entries(tags ?? {}).flat().map(String))));
  return id;
}

// A number that is added up: how many.
export const count = (name, by = 1, tags) => engine.record(id_of('counter', name, tags), Number(by));
// How long, in milliseconds.
export const trend = (name, ms, tags) => engine.record(id_of('trend', name, tags), Number(ms) * 1000);
// How often it is true.
export const rate = (name, is_true, tags) => engine.record(id_of('rate', name, tags), is_true ? 1 : 0);
// A number that goes up and down.
export const gauge = (name, value, tags) => engine.record(id_of('gauge', name, tags), Number(value));

export function check(name, is_true, tags) {
  rate('checks', is_true, { ...tags, check: name });
  return !!is_true;
}

export function measure(name, work, tags) {
  const began = performance.now();
  let has_ended = false;
  const end = () => {
    if (!has_ended) trend(name, performance.now() - began, tags);
    has_ended = true;
  };
  if (typeof work !== 'function') return end;
  const result = work();
  if (typeof result?.then !== 'function') return end(), result;
  return result.finally(end);
}
