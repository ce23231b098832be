// Manager. The PID file: what it says is information, the whole-file lock on it is the truth. Held for the life of the
// server, so that neither a zombie nor a reused pid passes for one.

import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, PreforkError } from '../errors.js';
import { tryLock, tryLockShared } from '../posix.js';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;

/** Shared by all servers of the machine that name none. */
export function defaultPidFile(): string {
  return join(tmpdir(), 'prefork.pid');
}

/** A locked PID file of this process. */
export interface PidFile {
  /** Makes it anew when somebody deleted it. */
  ensure(): void;
  /** Writes this process' pid into it again, in place of another one. */
  rewrite(): void;
  /** Gives the lock back, and with `remove` deletes the file. */
  release(remove: boolean): void;
  /** With the lock on it, for the next manager of an upgrade. */
  readonly fd: number;
  readonly path: string;
}

/** The pid in the file if its server runs; else the file, if there is one, is deleted. */
export function checkPid(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    if (!tryLockShared(fd)) return readPid(fd);
    if (fstatSync(fd).isFile() && isSameFile(fd, path)) unlinkIfAllowed(path);
    return undefined;
  } finally {
    closeSync(fd);
  }
}

/**
 * Takes the file's name, over a stale file.
 *
 * @throws PreforkError `ERR_PREFORK_RUNNING` when its server runs, `ERR_PREFORK_PID_FILE` when it cannot be made.
 */
export function createPidFile(path: string, creating: () => void): PidFile {
  const fd = take(path);
  creating();
  return hold(path, fd, creating);
}

/** The file of the manager whose place we take: the lock came with the descriptor, so it was never free. */
export function adoptPidFile(path: string, fd: number, creating: () => void): PidFile {
  rewrite(fd);
  return hold(path, fd, creating);
}

function rewrite(fd: number): void {
  const text = `${process.pid}\n`;
  writeSync(fd, text, 0);
  ftruncateSync(fd, text.length);
}

function hold(path: string, taken: number, creating: () => void): PidFile {
  let fd = taken;
  return {
    path,
    get fd() {
      return fd;
    },
    ensure() {
      if (isSameFile(fd, path)) return;
      const next = take(path);
      creating();
      closeSync(fd);
      fd = next;
    },
    rewrite: () => rewrite(fd),
    release(remove) {
      if (remove && isSameFile(fd, path)) unlinkIfAllowed(path);
      closeSync(fd);
    },
  };
}

function take(path: string): number {
  try {
    for (;;) {
      removeStale(path);
      const fd = create(path);
      if (fd !== undefined) return fd;
    }
  } catch (error) {
    if (error instanceof PreforkError) throw error;
    throw new PreforkError(
      'ERR_PREFORK_PID_FILE',
      `Can't create process id file "${path}": ${messageOf(error)}`,
      error,
    );
  }
}

/** With the lock on what is there, so that of two starting servers one sees the other's file. */
function removeStale(path: string): void {
  if (!lstatSync(path, { throwIfNoEntry: false })) return;
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    if (!fstatSync(fd).isFile()) throw new Error('it is not a regular file');
    if (!tryLock(fd)) {
      const message = `A server with process id ${readPid(fd) ?? 'unknown'} is running already, see process id file "${path}"`;
      throw new PreforkError('ERR_PREFORK_RUNNING', message);
    }
    if (isSameFile(fd, path)) unlinkSync(path);
  } finally {
    closeSync(fd);
  }
}

/** `undefined` when somebody was faster. */
function create(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  }
  if (tryLock(fd) && isSameFile(fd, path)) {
    fchmodSync(fd, 0o644);
    writeSync(fd, `${process.pid}\n`);
    return fd;
  }
  closeSync(fd);
  return undefined;
}

function readPid(fd: number): number | undefined {
  const pid = Number(/^\d+/.exec(readFileSync(fd, 'latin1'))?.[0]);
  return pid > 0 ? pid : undefined;
}

function isSameFile(fd: number, path: string): boolean {
  const [ours, theirs] = [fstatSync(fd), lstatSync(path, { throwIfNoEntry: false })];
  return theirs !== undefined && ours.ino === theirs.ino && ours.dev === theirs.dev;
}

function unlinkIfAllowed(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // not ours to delete
  }
}
