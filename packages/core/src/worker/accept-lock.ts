// Worker. The accept lock: a whole-file lock on a descriptor of our own (an inherited one would share one lock among all),
// and the wake that a holder sends to the waiter it hands over to.

import { constants, openSync } from 'node:fs';
import { messageOf, PreforkError } from '../errors.js';
import { tryLock, unlock } from '../posix.js';

export interface AcceptLock {
  /** Never waits: a worker that did would stop serving. */
  tryLock(): boolean;
  unlock(): void;
  /** Sends the one worker with this pid to its turnstile. */
  wake(pid: number): void;
}

/** @throws PreforkError `ERR_PREFORK_LOCK_FILE`: a worker without a lock would never accept, so it must not live. */
export function openAcceptLock(path: string): AcceptLock {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  } catch (error) {
    throw new PreforkError('ERR_PREFORK_LOCK_FILE', `Can't open lock file "${path}": ${messageOf(error)}`, error);
  }
  return { tryLock: () => tryLock(fd), unlock: () => unlock(fd), wake };
}

function wake(pid: number): void {
  try {
    // ignored by default, so that a pid that died a moment ago is harmless
    process.kill(pid, 'SIGURG');
  } catch {
    // it has gone: the manager wakes another one when it reaps it
  }
}
