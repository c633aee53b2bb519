// Host names to addresses; each is asked for once in half a minute, however many users dial it.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

const known = new Map();
const lasts_ms = 30_000;

export async function resolve(host) {
  const name = host.startsWith('[') ? host.slice(1, -1) : host;
  if (isIP(name)) return name;
  const found = known.get(name);
  if (found && found.until > performance.now()) return found.address;
  const address = lookup(name, { order: 'verbatim' }).then((answer) => answer.address);
  known.set(name, { address, until: performance.now() + lasts_ms });
  address.catch(() => known.delete(name));
  return address;
}
