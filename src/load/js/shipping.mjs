// A scenario on another host: which files it needs, found where it is, and found again where they were unpacked.
//
// What is imported while it loads is seen by the hooks of packages.mjs, and what it reads with `fs` meanwhile is seen here. Imports that
// come later (`await import('./late.mjs')` in a user, `require()` in a function) are looked for in the text of all these files, as
// bundlers do, and so is `new URL('./people.csv', import.meta.url)`.
import fs, { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import Module, { createRequire, syncBuiltinESMExports } from 'node:module';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { key_of, only_where } from './packages.mjs';

const manifest = '/.utakata-resolved.json';  // in the folder where all was unpacked

const is_file = (path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
const is_code = (path) => /\.[cm]?[jt]sx?$/.test(path);
const scripts = dirname(fileURLToPath(import.meta.url));  // ours, which are on all hosts

// Of the host where the scenario lies: everything that was resolved, [parent, specifier, file], and all files.
export class Shipment {
  #hook = new MessageChannel();
  #resolved = new Map();
  #files = new Set();
  #folders;

  constructor(scenario, folder) {
    this.#folders = [dirname(scenario), folder].map((one) => (one.endsWith(sep) ? one : one + sep));
    this.#files.add(fs.realpathSync(scenario));
    this.#watch_reads();
  }
  get port() { return this.#hook.port2; }  // for the hooks, which run in a thread of their own
  note(parent, specifier, file) {
    if (!parent || parent.startsWith(scripts + sep) || !is_file(file)) return;
    this.#resolved.set(key_of(parent, specifier), [parent, specifier, file]);
    this.#files.add(file);
  }

  // Data that lies beside the scenario, or where the command was given; what packages read elsewhere is this host's own.
  #watch_reads() {
    const noted = (path) => {
      try {
        const file = resolve(path instanceof URL ? fileURLToPath(path) : String(path));
        if (this.#folders.some((one) => file.startsWith(one)) && is_file(file)) this.#files.add(file);
      } catch {}  // no path: the call itself will say so
    };
    for (const [of, names] of [[fs, ['readFileSync', 'readFile', 'createReadStream', 'openSync', 'open']], [fs.promises, ['readFile', 'open']]])
      for (const name of names) {
        const own = of[name];
        of[name] = function (path, ...more) {
          noted(path);
          return own.call(this, path, ...more);
        };
      }
    syncBuiltinESMExports();
  }

  #hear_hooks() {
    for (let heard; (heard = receiveMessageOnPort(this.#hook.port1)); ) this.note(...heard.message);
  }
  async #look_into(file) {
    const text = readFileSync(file, 'utf8'), require = createRequire(file);
    for (const [, way, , name] of text.matchAll(/\b(import|require)\s*\(\s*(['"])([^'"\n]{1,500})\2\s*[,)]/g)) {
      if (Module.isBuiltin(name) || this.#resolved.has(key_of(file, name))) continue;
      try {
        if (way === 'require') require.resolve(name);
        else await import(only_where + JSON.stringify([pathToFileURL(file).href, name]));
      } catch {}  // it is not there here either
    }
    for (const [, name] of text.matchAll(/(?:^|[;}\n])\s*(?:import\s*|(?:import|export)\b[^'"();]{0,5000}?\bfrom\s*)['"]([^'"\n]{1,500})['"]/g)) {
      if (Module.isBuiltin(name) || this.#resolved.has(key_of(file, name))) continue;
      await import(only_where + JSON.stringify([pathToFileURL(file).href, name])).catch(() => {});
    }
    for (const [, , name] of text.matchAll(/\bnew URL\(\s*(['"])([^'"\n]{1,500})\1\s*,\s*import\.meta\.url/g)) {
      const data = resolve(dirname(file), name);
      if (is_file(data)) this.#files.add(data);
    }
    this.#hear_hooks();
  }
  // Whether a .js file is a module hangs on it.
  #describe(file) {
    for (let folder = dirname(file); ; folder = dirname(folder)) {
      const description = join(folder, 'package.json');
      if (existsSync(description)) return this.#files.add(description);
      if (folder === dirname(folder) || folder.endsWith(`${sep}node_modules`)) return;
    }
  }
  async all() {
    this.#hear_hooks();
    for (const file of this.#files) {  // more are added meanwhile, and come, too
      if (!is_code(file)) continue;
      await this.#look_into(file);
      this.#describe(file);
    }
    return { files: [...this.#files], resolved: [...this.#resolved.values()] };
  }
}

// Of the host where it was sent to: what a specifier in a file leads to, by key. `root` is where all was unpacked, and `folder` in it, as
// far as it was sent, is the one where the command was given.
export function unpacked(root, folder) {
  mkdirSync(root + folder, { recursive: true });
  process.chdir(root + folder);
  const resolved = JSON.parse(readFileSync(root + manifest, 'utf8'));
  return new Map(resolved.map(([parent, specifier, file]) => [key_of(root + parent, specifier), root + file]));
}
