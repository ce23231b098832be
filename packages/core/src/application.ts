// Both processes. Calls into the application that must not end what called: an error is logged.

import type { EventEmitter } from 'node:events';
import { describeThrown, type Log } from './log.js';

/** Calls a function of the application at once. Resolves when it has finished, also when it failed. */
export async function callApplication(log: Log, what: string, call: () => unknown): Promise<void> {
  try {
    await call();
  } catch (error) {
    log.error(`${what} failed: ${describeThrown(error)}`);
  }
}

/** Emits an event. A listener that fails keeps neither the others nor this process from going on. Resolves when all have finished. */
export async function tellApplication(
  log: Log,
  emitter: EventEmitter,
  event: string,
  ...args: readonly unknown[]
): Promise<void> {
  // with the wrappers of once(), which take themselves off
  const calls = emitter
    .rawListeners(event)
    .map((listener) =>
      callApplication(log, `A listener of \`${event}\``, () => Reflect.apply(listener, emitter, args)),
    );
  await Promise.all(calls);
}
