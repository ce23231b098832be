// Worker, and the one process of `single`. The async context of the pool. What the pool schedules or makes while user code
// runs must not belong to that request: its AsyncLocalStorage store would be seen by the connections that are taken later.

import { AsyncResource } from 'node:async_hooks';

let pool = new AsyncResource('Prefork');

/** From here on the pool uses the caller's async context, as a server of Node uses the context of its `listen`. */
export function makeOwnContext(): void {
  pool = new AsyncResource('Prefork');
}

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

const FOR_A_CONNECTION = { requireManualDestroy: true };

/**
 * Calls a function in an async context made for it. Several connections are taken at a time, and a store that a listener sets for
 * one must not reach the next. A call costs 0.1 us.
 */
export function inNewContext<A, B>(work: (a: A, b: B) => void, a: A, b: B): void {
  new AsyncResource('PreforkConnection', FOR_A_CONNECTION).runInAsyncScope(work, undefined, a, b);
}
