// Manager. Takes the lock on a PID file. It waits only for processes that hold it for a moment: looks, and other starts.

import { tryLock, tryLockShared, unlock } from '../posix/locks.js';

/** How long a process may hold it without being a server. Milliseconds. */
const LIMITS = {
  none: { start: 0, look: 0 },
  /** The event loop waits as well, and there is another try in a second. */
  serving: { start: 1, look: 20 },
  /** A process that only looks may be suspended for a while. */
  start: { start: 100, look: 2_000 },
};

/** The waiting process. */
export type Patience = keyof typeof LIMITS;

/**
 * Takes the lock, unless a server holds it.
 *
 * @throws Error when another process looks at the file for too long, and the errors of flock(2).
 */
export function lockPidFile(fd: number, patience: Patience): boolean {
  const limits = LIMITS[patience];
  const start = performance.now();
  for (;;) {
    if (tryLock(fd)) return true;
    // a server does not share its lock: a shared lock is that of a look
    const isLookedAt = tryLockShared(fd);
    if (isLookedAt) unlock(fd);
    const waited = performance.now() - start;
    if (!isLookedAt && waited >= limits.start) return false;
    if (isLookedAt && waited >= limits.look) throw new Error('another process looks at it all the time: end that one');
    pause(1);
  }
}

/** Blocks this process. Milliseconds. */
function pause(time: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, time);
}
