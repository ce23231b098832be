// Manager. Makes the PID file and holds its lock for the life of the server, see pid-look.ts. It replaces and deletes nothing but
// a PID file that no server holds.

import { closeSync, constants, fchmodSync, fstatSync, ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { messageOf, PreforkError } from '../errors.js';
import { fixOf } from '../fixes.js';
import { lockPidFile, type Patience } from './pid-lock.js';
import { isSameFile, look, openToLook, readText } from './pid-look.js';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;

/** Only its owner may open it: another user could wait for the lock, and take it when the server has crashed. */
const MODE = 0o600;

/** Shared by all servers of the machine that set no PID file. */
export function defaultPidFile(): string {
  return join(tmpdir(), 'prefork.pid');
}

/** A locked PID file of this process. */
export interface PidFile {
  /** Makes it anew when somebody deleted it. @throws as {@link createPidFile} */
  ensure(): void;
  /** Writes this process' pid into it again, in place of another one. */
  rewrite(): void;
  /** Gives the lock back, and with `remove` deletes the file. */
  release(remove: boolean): void;
  /** With the lock on it, for the next manager of an upgrade; nothing while the file could not be made yet. */
  readonly fd: number | undefined;
  /** Which file it is; nothing while it could not be made yet. */
  readonly inode: number | undefined;
  /** Absolute: the application may change the folder. */
  readonly path: string;
}

/**
 * The pid in the file if its server runs. Else the file is deleted, if it looks like a PID file: `Prefork#checkPid`. The
 * command looks by {@link look}, which deletes nothing.
 */
export function checkPid(path: string): number | undefined {
  try {
    const found = look(path);
    if (found?.isHeld) return found.pid;
    if (found && found.flaw === undefined) removeStale(path, 'none');
  } catch {
    // it cannot be read, or this user may not delete it
  }
  return undefined;
}

/**
 * Takes the file's name, over a stale file.
 *
 * @throws PreforkError `ERR_PREFORK_RUNNING` when its server runs, `ERR_PREFORK_PID_FILE` when it cannot be made.
 */
export function createPidFile(path: string, creating: () => void): PidFile {
  const fd = take(resolve(path), 'start');
  creating();
  return hold(resolve(path), fd, creating);
}

/** A file that could not be made yet; {@link PidFile.ensure} makes it once that is possible. */
export function missingPidFile(path: string, creating: () => void): PidFile {
  return hold(resolve(path), undefined, creating);
}

/** The file of the old manager. The lock came with the descriptor, so it was never free. */
export function adoptPidFile(path: string, fd: number, creating: () => void): PidFile {
  rewrite(fd);
  return hold(path, fd, creating);
}

function rewrite(fd: number): void {
  closeToOthers(fd); // an older version made it for everybody to read
  const text = `${process.pid}\n`;
  writeSync(fd, text, 0);
  ftruncateSync(fd, text.length);
}

function hold(path: string, taken: number | undefined, creating: () => void): PidFile {
  let fd = taken;
  let inode = inodeOf(fd);
  return {
    path,
    get fd() {
      return fd;
    },
    get inode() {
      return inode;
    },
    ensure() {
      if (fd !== undefined && isOurs(fd, path)) return;
      const next = take(path, 'serving');
      if (fd !== undefined) closeSync(fd);
      fd = next;
      inode = inodeOf(fd);
      creating();
    },
    rewrite() {
      if (fd !== undefined) rewrite(fd);
    },
    release(remove) {
      if (fd === undefined) return;
      if (remove && isOurs(fd, path)) unlinkIfAllowed(path);
      closeSync(fd);
      fd = undefined;
    },
  };
}

function inodeOf(fd: number | undefined): number | undefined {
  return fd === undefined ? undefined : fstatSync(fd).ino;
}

/** A folder that is gone or closed has no file of ours in it. */
function isOurs(fd: number, path: string): boolean {
  try {
    return isSameFile(fd, path);
  } catch {
    return false;
  }
}

function take(path: string, patience: Patience): number {
  try {
    // A round fails when another start or a look has the lock. Both end soon.
    for (let round = 0; round < 100; round++) {
      removeStale(path, patience);
      const fd = create(path, patience);
      if (fd !== undefined) return fd;
    }
    throw new Error('other processes make and remove it all the time');
  } catch (error) {
    if (error instanceof PreforkError) throw error;
    const message = `Can't create process id file "${path}": ${messageOf(error)}${fixOf(error)}`;
    throw new PreforkError('ERR_PREFORK_PID_FILE', message, error);
  }
}

/** With the lock on what is there, so that of two starting servers one sees the other's file. */
function removeStale(path: string, patience: Patience): void {
  const fd = openToLook(path);
  if (fd === undefined) return;
  try {
    if (fstatSync(fd).isFile() && !lockPidFile(fd, patience)) {
      const message = `A server with process id ${readText(fd).pid ?? 'unknown'} is running already, see process id file "${path}"`;
      throw new PreforkError('ERR_PREFORK_RUNNING', message);
    }
    const { flaw } = readText(fd);
    if (flaw !== undefined) throw new Error(`${flaw}: take it away, or name another file in \`pidFile\``);
    if (isSameFile(fd, path)) unlinkSync(path);
  } finally {
    closeSync(fd);
  }
}

/** `undefined` when another process was faster. A file that cannot be written is deleted again under its lock. */
function create(path: string, patience: Patience): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, MODE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  }
  try {
    if (lockPidFile(fd, patience) && isSameFile(fd, path)) {
      closeToOthers(fd);
      writeSync(fd, `${process.pid}\n`);
      return fd;
    }
  } catch (error) {
    if (isOurs(fd, path)) unlinkIfAllowed(path);
    closeSync(fd);
    throw error;
  }
  closeSync(fd);
  return undefined;
}

/** Where it is right already nothing is called: Node's permission model allows no `fchmod`. */
function closeToOthers(fd: number): void {
  if ((fstatSync(fd).mode & 0o777) !== MODE) fchmodSync(fd, MODE);
}

function unlinkIfAllowed(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // this user may not delete it
  }
}
