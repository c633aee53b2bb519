// Host names to addresses, in the order that they are to be tried, joined by commas. Each name is asked for once in half a minute,
// however many users dial it; that there is none such is believed for a second.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

const known = new Map();
const lasts_ms = 30_000, failure_lasts_ms = 1_000;

export async function resolve(host) {
  const name = host.startsWith('[') ? host.slice(1, -1) : host;
  if (isIP(name)) return name;
  const found = known.get(name);
  if (found && found.until > performance.now()) return found.addresses;
  const addresses = lookup(name, { all: true, verbatim: true }).then((answers) => [...new Set(answers.map((one) => one.address))].join(','));
  const entry = { addresses, until: performance.now() + lasts_ms };
  known.set(name, entry);
  addresses.catch(() => (entry.until = performance.now() + failure_lasts_ms));
  return addresses;
}

// What is counted of a failure: there is no such name, or nobody could say.
export const kind_of = (error) => (error.code === 'ENOTFOUND' ? 'no_such_host' : 'resolver');
