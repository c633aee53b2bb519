// Which file of an npm package a scenario gets: what a browser's bundler would take, since a browser is what a virtual user stands
// for, and since that build calls the globals (WebSocket, XMLHttpRequest) that are native here. Both ways of loading are covered.
import { existsSync, readFileSync } from 'node:fs';
import Module, { register } from 'node:module';
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

// Can a file import packages at all? Where it cannot, the hook's thread (8 MB in Node 20) is saved.
export function has_packages(file) {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'node_modules'))) return true;
    if (folder === dirname(folder)) return false;
  }
}

export function take_browser_builds() {
  register('./packages_hook.mjs', import.meta.url);
  const node_resolves = Module._resolveFilename;
  Module._resolveFilename = function (request, ...more) {
    const file = node_resolves.call(this, request, ...more);
    return Module.isBuiltin(file) ? file : browser_file(file, is_package_name(request));
  };
}
