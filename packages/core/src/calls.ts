// Both processes. Which `listen` or `run` of the script is which: a worker serves the call that its manager started it
// for. Under the `prefork` command only its own call counts, and one of the app is refused.

import { PreforkError } from './errors.js';

interface Calls {
  count: number;
  /** Set while none is allowed: what the caller is told. */
  refusal?: string | undefined;
  command?: CommandCall | undefined;
}

/** A call of the command: it listens where it was `given` to, or it waits to be `asked` by its workers. */
export type CommandCall = 'given' | 'asked';

// a second copy of this package in the same process counts on
const KEY = Symbol.for('prefork.calls');
const globals = globalThis as { [KEY]?: Calls };
globals[KEY] ??= { count: 0 };
const calls = globals[KEY];

/**
 * The number of this `listen` or `run`.
 *
 * @throws PreforkError `ERR_PREFORK_RUNNING` where the command serves the app.
 */
export function takeCall(): number {
  if (calls.refusal !== undefined) throw new PreforkError('ERR_PREFORK_RUNNING', calls.refusal);
  return calls.count++;
}

/** From now on every call is refused but the one of {@link firstCall}. */
export function refuseCalls(message: string): void {
  calls.refusal = message;
}

/** Makes the command's call, which counts as the first of the script, however often it has to be made again. */
export function firstCall<T>(command: CommandCall, call: () => T): T {
  const { refusal } = calls;
  Object.assign(calls, { count: 0, refusal: undefined, command });
  try {
    return call();
  } finally {
    Object.assign(calls, { refusal, command: undefined });
  }
}

/** Set while the command makes its call. */
export function commandCall(): CommandCall | undefined {
  return calls.command;
}
