// Manager and command. Looks at a PID file, and changes nothing. The pid in the file is only information. The whole-file lock on it
// decides: a server holds the lock as long as it lives, so neither a zombie nor a reused pid counts as a server.

import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from 'node:fs';
import { tryLockShared } from '../posix/locks.js';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** A PID file is not longer. Bytes. */
const LONGEST = 32;

/** What a look has found. */
export interface Look {
  /** Whether a server holds it. */
  isHeld: boolean;
  /** The pid in it; nothing while it is empty or contains something else. */
  pid?: number;
  /** Its inode, and its owner. */
  stats: Stats;
  /** Why it can be no PID file. Such a file is never changed or deleted. */
  flaw?: string;
}

/**
 * Opens the file to look at it, whatever kind it is. Never waits, and never follows a link.
 *
 * @returns nothing when there is none.
 * @throws ELOOP for a symbolic link, EACCES, and the other errors of open(2).
 */
export function openToLook(path: string): number | undefined {
  try {
    return openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Nothing when there is no file. @throws the errors of open(2) and flock(2). */
export function look(path: string): Look | undefined {
  const fd = openToLook(path);
  if (fd === undefined) return undefined;
  try {
    const stats = fstatSync(fd);
    const isHeld = stats.isFile() && !tryLockShared(fd);
    return { isHeld, stats, ...readText(fd, stats) };
  } finally {
    closeSync(fd);
  }
}

/** The text in the file. No more of it is read than a PID file can have. */
export function readText(fd: number, stats = fstatSync(fd)): { pid?: number; flaw?: string } {
  if (!stats.isFile()) return { flaw: 'it is not a regular file' };
  const bytes = Buffer.alloc(LONGEST);
  const text = bytes.toString('latin1', 0, readSync(fd, bytes, 0, LONGEST, 0));
  const [, digits] = /^\s*(\d*)\s*$/.exec(text) ?? [];
  if (stats.size > LONGEST || digits === undefined) return { flaw: 'it holds something else than a process id' };
  const pid = Number(digits);
  return pid > 0 && Number.isSafeInteger(pid) ? { pid } : {};
}

/** Whether the path still leads to the file. */
export function isSameFile(fd: number, path: string): boolean {
  const [ours, theirs] = [fstatSync(fd), lstatSync(path, { throwIfNoEntry: false })];
  return theirs !== undefined && ours.ino === theirs.ino && ours.dev === theirs.dev;
}
