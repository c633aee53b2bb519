// Headers as text: of requests, whole lines; of answers, the head as it came.
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const not_in_a_value = /[^\t\x20-\x7e\x80-\xff]/;
// What the engine says itself, or does not do.
const ours = new Set(['content-length', 'transfer-encoding', 'connection', 'keep-alive', 'upgrade', 'te', 'trailer', 'expect']);

// One line; empty where it is the engine's to say.
export function header_line(name, value) {
  const text = String(value).trim();
  if (!token.test(name)) throw new TypeError(`"${name}" is no name of a header.`);
  if (not_in_a_value.test(text)) throw new TypeError(`The header ${name} has a character that none has.`);
  const key = name.toLowerCase();
  const is_ours = ours.has(key) && !(key === 'connection' && text.toLowerCase() === 'close');
  return is_ours ? '' : `${name}: ${text}\r\n`;
}

const escaped = (name) => name.replace(/[$^*+.|]/g, '\\$&');
const patterns = new Map();

// All values of a header, in their order. A head begins with its first line.
export function values_in(head, name) {
  const key = name.toLowerCase();
  let pattern = patterns.get(key);
  if (!pattern) patterns.set(key, (pattern = new RegExp(`\r\n${escaped(key)}:([^\r\n]*)`, 'gi')));
  pattern.lastIndex = 0;
  const values = [];
  for (let found; (found = pattern.exec(head)); ) values.push(found[1].trim());
  return values;
}

export function* fields_in(head) {
  for (const line of head.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    if (colon > 0) yield [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  }
}
