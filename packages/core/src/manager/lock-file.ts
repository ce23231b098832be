// Manager. The lock file that an application names for the accept lock. The manager makes and removes it; only workers lock it.

import { closeSync, constants, fchownSync, fstatSync, lstatSync, openSync, unlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf, PreforkError } from '../errors.js';
import { fixOf } from '../fixes.js';

export interface LockFile {
  readonly path: string;
  /** Makes it again when somebody deleted it; workers move to the new one. */
  ensure(): void;
  remove(): void;
}

/** Where the manager with this pid has its lock file. */
export function lockFilePath(prefix: string, pid: number): string {
  return `${prefix}.${pid}`;
}

/** @throws PreforkError `ERR_PREFORK_LOCK_FILE` */
export function createLockFile(prefix: string, owner: { uid?: number; gid?: number }): LockFile {
  // absolute: workers start in another folder when the manager has left its own
  const path = resolve(lockFilePath(prefix, process.pid));
  let inode = make(path, owner);
  return {
    path,
    ensure() {
      if (!lstatSync(path, { throwIfNoEntry: false })) inode = make(path, owner);
    },
    remove() {
      if (lstatSync(path, { throwIfNoEntry: false })?.ino === inode) unlinkSync(path);
    },
  };
}

/** Its name is predictable, so it is made anew and a link is never followed. Returns its inode. */
function make(path: string, { uid, gid = -1 }: { uid?: number; gid?: number }): number {
  let fd: number | undefined;
  try {
    // a file with this pid in its name was left by an earlier process with the same pid
    if (lstatSync(path, { throwIfNoEntry: false })) unlinkSync(path);
    fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
    if (uid !== undefined) fchownSync(fd, uid, gid);
    return fstatSync(fd).ino;
  } catch (error) {
    throw new PreforkError(
      'ERR_PREFORK_LOCK_FILE',
      `Can't create lock file "${path}": ${messageOf(error)}${fixOf(error)}`,
      error,
    );
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
