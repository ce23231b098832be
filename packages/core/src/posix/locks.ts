// Both processes. Whole-file locks, flock(2).

import { libc } from '../libc.js';
import { systemError } from './error.js';

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;
const EINTR = 4;
const EWOULDBLOCK = 11;

/**
 * Takes the whole-file lock if it is free. Released by {@link unlock}, by closing the descriptor and by dying.
 *
 * @returns `false` when another description holds it
 * @throws ENOLCK, ENOSYS and the like where a file cannot be locked at all, on some NFS
 */
export function tryLock(fd: number): boolean {
  return flock(fd, LOCK_EX | LOCK_NB);
}

/** As {@link tryLock}, but shared: for a process that only looks. */
export function tryLockShared(fd: number): boolean {
  return flock(fd, LOCK_SH | LOCK_NB);
}

/** Gives the whole-file lock back. */
export function unlock(fd: number): void {
  libc().flock(fd, LOCK_UN);
}

function flock(fd: number, operation: number): boolean {
  for (;;) {
    if (libc().flock(fd, operation) === 0) return true;
    const errno = libc().errno();
    if (errno === EWOULDBLOCK) return false;
    if (errno !== EINTR) throw systemError('flock');
  }
}
