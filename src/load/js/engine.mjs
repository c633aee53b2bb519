// The native engine of this process, and what its calls lead to.
import { createRequire } from 'node:module';

export const engine = createRequire(import.meta.url)('./utakata-load.node');
export const dial_deadline_ms = 30_000;
