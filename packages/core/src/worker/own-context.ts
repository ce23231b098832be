// Worker, and the one process of `single`. The async context of the pool. What the pool schedules or makes while user code
// runs must not belong to that request: its AsyncLocalStorage store would be seen by the connections that are taken later.

import { AsyncResource } from 'node:async_hooks';

const pool = new AsyncResource('Prefork');

/** Calls a function outside the async context of its caller. */
export function inOwnContext<T>(work: () => T): T {
  return pool.runInAsyncScope(work);
}

/** `setImmediate` outside the async context of its caller: once a loop turn, not once a request. */
export function afterTurn(callback: () => void): void {
  pool.runInAsyncScope(setImmediate, undefined, callback);
}

/** `setTimeout`, likewise; the timer keeps no process alive. Milliseconds. */
export function after(milliseconds: number, callback: () => void): void {
  pool.runInAsyncScope(setTimeout, undefined, callback, milliseconds).unref();
}
