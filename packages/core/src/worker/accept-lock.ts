// Worker. The accept lock: a whole-file lock on a description that this worker opened itself (an inherited description would be one
// lock for all workers), and the wake that a holder sends to the worker that it hands over to.

import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs';
import { SCOREBOARD_FD } from '../descriptors.js';
import { messageOf, PreforkError } from '../errors.js';
import { tryLock, unlock } from '../posix/locks.js';

export interface AcceptLock {
  /** Never waits: a worker that waited would stop serving. */
  tryLock(): boolean;
  unlock(): void;
  /** Sends the worker with this pid to its turnstile. */
  wake(pid: number): void;
  /** Checks from time to time for a new lock file: the manager makes one when the file was deleted. */
  renew(): void;
}

/**
 * @param path of a lock file that the application named; without it the lock is on the memory of the scoreboard.
 * @throws PreforkError `ERR_PREFORK_LOCK_FILE` when the named file can't be opened.
 */
export function openAcceptLock(path: string | undefined, warn: (message: string) => void): AcceptLock {
  const complain = (error: unknown) => warn(`Can't use the accept lock: ${messageOf(error)}; accepting without it`);
  let fd = path === undefined ? openMemory(complain) : openFile(path);
  let isLocked = false;
  let isBroken = fd === undefined;
  return {
    wake,
    tryLock() {
      if (isBroken || fd === undefined) return true;
      try {
        isLocked = tryLock(fd);
        return isLocked;
      } catch (error) {
        // No worker can take this lock. Without it all workers accept, and the spread is less even.
        isBroken = true;
        complain(error);
        return true;
      }
    },
    unlock() {
      isLocked = false;
      if (fd !== undefined) unlock(fd);
    },
    renew() {
      if (path === undefined || fd === undefined || isLocked) return;
      const file = lstatSync(path, { throwIfNoEntry: false });
      if (!file || file.ino === fstatSync(fd).ino) return;
      const next = openFile(path);
      closeSync(fd);
      fd = next;
    },
  };
}

/** A second description of the inherited memory. It needs no name that others could guess or delete. */
function openMemory(complain: (error: unknown) => void): number | undefined {
  try {
    return openSync(`/proc/self/fd/${SCOREBOARD_FD}`, constants.O_RDWR);
  } catch (error) {
    complain(error); // no /proc
    return undefined;
  }
}

function openFile(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  } catch (error) {
    throw new PreforkError('ERR_PREFORK_LOCK_FILE', `Can't open lock file "${path}": ${messageOf(error)}`, error);
  }
}

/** The pid comes from shared memory: 0 would mean this worker's whole process group, and 1 is never a worker. */
function wake(pid: number): void {
  if (pid <= 1) return;
  try {
    // A process ignores this signal by default. If the pid was reused a moment ago, the signal does no harm.
    process.kill(pid, 'SIGURG');
  } catch {
    // The worker has exited. The manager wakes another one when it reaps it.
  }
}
