// Both processes. What the application hears of its own worker where it has no `Prefork`: a file that the command serves.

import { EventEmitter } from 'node:events';
import { identity } from './handover.js';

/** Events of a worker, in the order of its end. */
export interface WorkerEventMap {
  /** It begins to drain: it accepts no more. */
  finish: [graceful: boolean];
  /** Its last connection has ended; a returned promise is awaited before the exit. */
  drain: [];
}

const KEY = Symbol.for('prefork.worker');
const globals = globalThis as { [KEY]?: EventEmitter<WorkerEventMap> };
// a second copy of this package in the same process has the same
if (identity) globals[KEY] ??= new EventEmitter();

/**
 * This worker, for a file that knows nothing of Prefork but wants to hear of its end; `undefined` in any other process, so
 * that the same file runs with plain `node`.
 *
 * @example
 * import { worker } from '@prefork/core';
 *
 * worker?.on('drain', () => database.close());
 */
export const worker: EventEmitter<WorkerEventMap> | undefined = globals[KEY];
