// Manager. The one rule of the house's head: nothing but a failed start ends the manager. What only tidies or tells goes
// through here.

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
