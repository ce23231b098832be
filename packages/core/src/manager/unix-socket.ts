// Manager. Binds a UNIX socket's path, over one that a dead server has left. No start takes the path of a live server, also when
// several start at once.

import { closeSync, constants, lstatSync, openSync, unlinkSync } from 'node:fs';
import net from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tryLock } from '../posix/locks.js';
import { listenSocket, type SocketOptions } from '../posix/sockets.js';

/** How long another start may have the folder. Any user who may read it could lock it for ever: then it is done without. Milliseconds. */
const PATIENCE = 2_000;
const PACE = 5;

/** @throws EADDRINUSE when somebody listens there, and what bind(2) says. */
export async function listenUnix(path: string, mode: number | undefined, options: SocketOptions): Promise<number> {
  // a socket that another start has bound looks stale until that one listens: they take turns
  const unlock = await lockFolder(dirname(path));
  try {
    await removeStale(path);
    return listenWith(path, mode, options);
  } finally {
    unlock();
  }
}

/** With the right mode from the first moment on. */
function listenWith(path: string, mode: number | undefined, options: SocketOptions): number {
  const before = mode === undefined ? undefined : process.umask(0o777 & ~mode);
  try {
    return listenSocket({ path }, options);
  } finally {
    if (before !== undefined) process.umask(before);
  }
}

/** @returns what gives it back. */
async function lockFolder(folder: string): Promise<() => void> {
  let fd: number;
  try {
    fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch {
    return () => {}; // not ours to read, or not there: bind(2) tells
  }
  try {
    const end = performance.now() + PATIENCE;
    while (!tryLock(fd) && performance.now() < end) await sleep(PACE);
  } catch {
    // a file system without locks
  }
  return () => closeSync(fd);
}

/** Deletes a socket file that nobody listens on. A file of any other kind is not ours to remove. */
async function removeStale(path: string): Promise<void> {
  const before = identityOf(path);
  if (before === undefined || !(await isRefused(path))) return;
  // without the lock another start may have been faster
  if (identityOf(path) === before) unlinkSync(path);
}

/** Which socket it is. An inode's number is soon used again, the time of its last change is not. */
function identityOf(path: string): string | undefined {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats?.isSocket() ? `${stats.dev}:${stats.ino}:${stats.ctimeNs}` : undefined;
}

function isRefused(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect(path);
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
  });
}
