// The native engine of this process, and what its calls lead to.
import { createRequire } from 'node:module';

export const engine = createRequire(import.meta.url)('./utakata-load.node');
export const dial_deadline_ms = 30_000;

let sources = [''];  // the kernel chooses
let turn = 0;
export function use_sources(addresses) {
  sources = addresses;
}
export const next_source = () => sources[turn++ % sources.length];
