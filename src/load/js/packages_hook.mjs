// The same for `import`, in the thread where Node runs such hooks.
import { fileURLToPath, pathToFileURL } from 'node:url';
import { browser_file, found_again, is_package_name, only_where } from './packages.mjs';

let port, resolved;
export function initialize(given) {
  ({ port, resolved } = given);
}
const file_of = (url) => (url?.startsWith('file:') ? fileURLToPath(url) : undefined);

export async function resolve(specifier, context, next) {
  if (port && specifier.startsWith(only_where)) {
    const [parentURL, name] = JSON.parse(specifier.slice(only_where.length));
    await resolve(name, { ...context, parentURL }, next);
    return { url: 'data:text/javascript,', shortCircuit: true };
  }
  const parent = file_of(context.parentURL), known = found_again(resolved, parent, specifier);
  if (known) return { url: pathToFileURL(known).href, shortCircuit: true };
  const taken = await take(specifier, context, next);
  if (taken.url?.startsWith('file:')) port?.postMessage([parent, specifier, file_of(taken.url)]);
  return taken;
}

async function take(specifier, context, next) {
  const node_takes = await next(specifier, context);
  if (!node_takes.url?.startsWith('file:') || !node_takes.url.includes('/node_modules/')) return node_takes;
  let taken = node_takes;
  if (is_package_name(specifier)) {
    // Not what is meant for Node; a package that has nothing else keeps it.
    const conditions = context.conditions.filter((one) => one !== 'node');
    taken = await next(specifier, { ...context, conditions }).catch(() => node_takes);
  }
  const url = new URL(taken.url);
  const file = browser_file(fileURLToPath(url), is_package_name(specifier));
  const instead = pathToFileURL(file).href;
  return instead === url.href ? taken : { ...taken, url: instead, format: undefined };
}
