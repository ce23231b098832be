// Manager. Only a failed start may end the manager. Code that only cleans up or reports runs
// through this file.

import { messageOf } from '../errors.js';
import type { Log } from '../log.js';

/** Runs what must not throw into a pass, a signal handler or an exit handler. `what` completes "Can't ...". */
export function attempt(log: Log, what: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    log.error(`Can't ${what}: ${messageOf(error)}`);
  }
}
