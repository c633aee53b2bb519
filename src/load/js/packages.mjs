// Which file of an npm package a scenario gets: what a browser's bundler would take, since a browser is what a virtual user stands
// for, and since that build calls the globals (WebSocket, XMLHttpRequest) that are native here. Both ways of loading are covered.
import { existsSync, readFileSync } from 'node:fs';
import Module from 'node:module';
import { dirname, join, resolve as resolved_path, sep } from 'node:path';

const descriptions = new Map();  // of folders with a package.json of a package

function description_of(file) {
  for (let folder = dirname(file); folder.includes(`${sep}node_modules${sep}`); folder = dirname(folder)) {
    if (!descriptions.has(folder)) {
      const path = join(folder, 'package.json');
      const json = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null;
      descriptions.set(folder, json?.name ? { folder, json } : null);  // others only say "type"
    }
    if (descriptions.get(folder)) return descriptions.get(folder);
  }
  return null;
}

// The file to take instead of this one; `main` tells that the package was named, not a file in it.
export function browser_file(file, is_main) {
  const found = description_of(file);
  if (!found) return file;
  const { folder, json } = found;
  if (typeof json.browser === 'string') {
    if (!is_main || json.exports) return file;
    // A page has a document, a worker has none, as here.
    const worker = join(folder, 'worker', 'index.js');
    return existsSync(worker) ? worker : resolved_path(folder, json.browser);
  }
  for (const [from, to] of Object.entries(json.browser ?? {}))
    if (typeof to === 'string' && from.startsWith('.') && resolved_path(folder, from) === file) return resolved_path(folder, to);
  return file;
}

export const is_package_name = (specifier) => /^(@[^/]+\/)?[^./][^/]*$/.test(specifier) && !specifier.startsWith('node:');

// May a scenario import packages, itself or by files beside it? Where none does, the hook's thread (8 MB in Node 20) is saved. Whoever
// imports what is not written out as a text, or calls require(), may.
export function may_import_packages(file, seen = new Set()) {
  if (seen.has(file) || !existsSync(file)) return false;
  seen.add(file);
  const text = readFileSync(file, 'utf8');
  if (/\bimport\s*\(\s*[^'"\s]|\brequire\b|\bcreateRequire\b/.test(text)) return true;
  for (const [, , specifier] of text.matchAll(/\b(?:from|import)\s*(?:\(\s*)?(['"])([^'"]*)\1/g)) {
    if (/^\.{0,2}\//.test(specifier)) {
      if (may_import_packages(resolved_path(dirname(file), specifier), seen)) return true;
    } else if (!Module.isBuiltin(specifier)) {
      return true;
    }
  }
  return false;
}

// What was found elsewhere, by who asks and for what; without it nothing.
export const key_of = (parent, specifier) => `${parent}\n${specifier}`;
export const found_again = (resolved, parent, specifier) => resolved?.get(key_of(parent, specifier));
export const only_where = 'utakata-where:';  // a specifier that is resolved and not loaded

// `shipment` hears of what is found here (shipping.mjs). It may be missing, and so may `resolved`.
export function take_browser_builds(shipment, resolved) {
  const port = shipment?.port;
  if (!Module.register) throw new Error(`npm packages in a scenario want Node 18.19 or later (--node); this one is ${process.version}`);
  Module.register('./packages_hook.mjs', import.meta.url, { data: { port, resolved }, transferList: port ? [port] : [] });
  const node_resolves = Module._resolveFilename;
  Module._resolveFilename = function (request, parent, ...more) {
    const known = found_again(resolved, parent?.filename, request);
    if (known) return known;
    const file = node_resolves.call(this, request, parent, ...more);
    if (Module.isBuiltin(file)) return file;
    const taken = browser_file(file, is_package_name(request));
    shipment?.note(parent?.filename, request, taken);
    return taken;
  };
}
