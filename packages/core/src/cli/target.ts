// The `prefork` command that controls a server. PID file -> the process that may be looked at and signalled. A file can contain
// anything, and another user's file can name any process, so all of it is checked. Nothing is changed.

import { readdirSync, statSync } from 'node:fs';
import { messageOf } from '../errors.js';
import { type Look, look } from '../manager/pid-look.js';
import { CommandError, FAILED } from './command-error.js';

/** The process that holds a PID file. */
export interface Target {
  pid: number;
  /** The path as the caller gave it. */
  pidFile: string;
  /** Its inode. */
  inode: number;
}

/** @throws CommandError with status 1 that names the file */
export function findTarget(pidFile: string): Target {
  const found = lookAt(pidFile);
  if (found?.flaw !== undefined) throw failure(`${pidFile} is no PID file: ${found.flaw}`);
  if (found) expectTrusted(pidFile, found.stats.uid);
  if (!found?.isHeld) {
    throw failure(`No server is running that holds the PID file ${pidFile}; --pid-file names another`);
  }
  const { pid, stats } = found;
  if (pid === undefined) throw failure(`The PID file ${pidFile} is locked, and names no process: try again`);
  if (!hasOpen(pid, stats)) {
    throw failure(
      `The PID file ${pidFile} names process ${pid}, which does not have it open: its server runs in another container, or another program keeps the lock`,
    );
  }
  return { pid, pidFile, inode: stats.ino };
}

function lookAt(pidFile: string): Look | undefined {
  try {
    return look(pidFile);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ELOOP') throw failure(`${pidFile} is no PID file: it is a symbolic link, name the file itself`);
    const fix = code === 'EACCES' ? "; run the command as the server's user, or as root" : '';
    throw failure(`Can't look at the PID file ${pidFile}: ${messageOf(error)}${fix}`);
  }
}

/** Another user may have locked a file with the pid of any process in it. */
function expectTrusted(pidFile: string, owner: number): void {
  if (owner === 0 || owner === process.geteuid?.()) return;
  throw failure(
    `The PID file ${pidFile} belongs to user ${owner}, neither to you nor to root: run the command as that user`,
  );
}

/** @throws CommandError when this user may not look at the process. */
function hasOpen(pid: number, { dev, ino }: Look['stats']): boolean {
  const folder = `/proc/${pid}/fd`;
  return descriptorsOf(pid).some((fd) => {
    try {
      const stats = statSync(`${folder}/${fd}`);
      return stats.dev === dev && stats.ino === ino;
    } catch {
      return false; // closed meanwhile
    }
  });
}

/** The open files of a process; nothing when it has ended. @throws CommandError when this user may not look at it. */
export function descriptorsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw failure(`Can't look at server ${pid}, be its user or root: ${messageOf(error)}`);
  }
}

function failure(message: string): CommandError {
  return new CommandError(FAILED, message);
}
