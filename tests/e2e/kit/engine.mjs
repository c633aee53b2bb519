// The load engine in this process, as a worker of `utakata load` has it.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const builds = [process.env.UTAKATA_BIN && dirname(process.env.UTAKATA_BIN), join(root, 'build/dev'), join(root, 'build/release')].filter(Boolean);
const build = builds.find((folder) => existsSync(join(folder, 'load/utakata-load.node')));
if (!build) throw new Error(`the load engine is not built: there is no load/utakata-load.node in ${builds.join(', ')}`);
const script = (name) => import(join(build, 'load', `${name}.mjs`));

export const { engine } = await script('engine');
export const { Exchange, trust } = await script('http');
export const { current, everyone } = await script('current');
export const { cookies_for, keep_cookie } = await script('cookies');
export const { fetch, fetch_for } = await script('fetch');
export const { FileReader } = await script('file_reader');
export const { XMLHttpRequest } = await script('xml_http_request');
export const { WebSocket, defaults } = await script('web_socket');
const { take_browser_builds } = await script('packages');

const { opened, message, ended } = WebSocket;
const { answered, failed } = Exchange;
engine.start({ opened, message, ended, user() {}, answered, failed });

// What is imported from here on gets what a browser has.
export function become_a_browser() {
  Object.assign(globalThis, { WebSocket, XMLHttpRequest, FileReader, fetch, self: globalThis });
  take_browser_builds();
}

// A virtual user with connections and cookies of its own.
let users = 0;
export const someone = () => ({ pool: ++users, cookies: [] });
export async function as(user, work) {
  current.user = user;
  try {
    return await work();
  } finally {
    current.user = everyone;
  }
}
