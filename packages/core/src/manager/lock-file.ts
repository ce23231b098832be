// Manager. The file behind the accept lock. The manager makes and removes it; only workers lock it.

import { closeSync, constants, fchownSync, fstatSync, lstatSync, openSync, unlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf, PreforkError } from '../errors.js';

export interface LockFile {
  readonly path: string;
  remove(): void;
}

/** Where the manager with this pid has its lock file. */
export function lockFilePath(prefix: string, pid: number): string {
  return `${prefix}.${pid}`;
}

/** Its name is predictable, so it is made anew and never followed. */
export function createLockFile(prefix: string, owner: { uid?: number; gid?: number }): LockFile {
  // absolute: workers start in another folder when the manager has left its own
  const path = resolve(lockFilePath(prefix, process.pid));
  let fd: number;
  try {
    // what bears our pid was left by a process that had it before
    if (lstatSync(path, { throwIfNoEntry: false })) unlinkSync(path);
    fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
    if (owner.uid !== undefined) fchownSync(fd, owner.uid, owner.gid ?? -1);
  } catch (error) {
    throw new PreforkError('ERR_PREFORK_LOCK_FILE', `Can't create lock file "${path}": ${messageOf(error)}`, error);
  }
  const { ino } = fstatSync(fd);
  closeSync(fd);
  return {
    path,
    remove() {
      if (lstatSync(path, { throwIfNoEntry: false })?.ino === ino) unlinkSync(path);
    },
  };
}
