// What the kernel says about the accept lock and the listening socket: it needs nobody's cooperation.

import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './wait.js';

/** Pids of those who hold the server's accept lock at this moment, from /proc/locks. */
export function lockHolders(server) {
  const ino = lockInode(server.pid);
  // `1: FLOCK  ADVISORY  WRITE 4711 00:2a:1234567 0 EOF`, proc(5); who waits has an arrow
  const lines = readOnce('/proc/locks').split('\n');
  const held = lines.map((line) => /^\d+: FLOCK +ADVISORY +WRITE (\d+) [0-9a-f:]+:(\d+) 0 EOF/.exec(line));
  return held.filter((match) => match && Number(match[2]) === ino).map(([, pid]) => Number(pid));
}

/** Inode of the memory that the accept lock is on, where no lock file was named. */
function lockInode(pid) {
  const folder = `/proc/${pid}/fd`;
  const fd = readdirSync(folder).find((name) => linkOf(join(folder, name)).startsWith('/memfd:prefork-scoreboard '));
  return fd === undefined ? undefined : statSync(join(folder, fd)).ino;
}

function linkOf(path) {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // closed meanwhile
  }
}

/** What one read(2) gives is of one moment; a second one, as readFileSync makes it, may show a lock that moved meanwhile. */
function readOnce(path) {
  const fd = openSync(path);
  try {
    const bytes = Buffer.alloc(65_536);
    return bytes.toString('latin1', 0, readSync(fd, bytes));
  } finally {
    closeSync(fd);
  }
}

/** The worker that holds the accept lock, once one does. */
export function lockHolder(server) {
  return eventually(() => lockHolders(server)[0], 'nobody takes the accept lock');
}

/** Inode of the socket that listens on a TCP port of 127.0.0.1, from /proc/net/tcp; `undefined` when nobody listens. */
export function listeningInode(port) {
  return listeningInodes(port)[0];
}

/** The same of all sockets that listen there, in ascending order. */
export function listeningInodes(port) {
  const address = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const listening = tcpListeners().filter(({ local }) => local === address);
  return listening.map(({ inode }) => inode).sort((a, b) => a - b);
}

/** How many TCP sockets a process has that listen. */
export function listenersOf(pid) {
  const open = descriptors(pid);
  return tcpListeners().filter(({ inode }) => open.includes(`socket:[${inode}]`)).length;
}

/** proc(5), /proc/net/tcp: every IPv4 socket that listens. */
function tcpListeners() {
  const LISTEN = '0A';
  const lines = readFileSync('/proc/net/tcp', 'latin1').split('\n');
  const sockets = lines.map((line) => line.trim().split(/ +/)).filter((fields) => fields[3] === LISTEN);
  return sockets.map((fields) => ({ local: fields[1], inode: fields[9] }));
}

/** How many descriptors of a process are this socket: a worker has one more while it polls it. */
export function descriptorsOf(pid, inode) {
  return descriptors(pid).filter((what) => what === `socket:[${inode}]`).length;
}

/** What a process has open, as `ls -l /proc/<pid>/fd` shows it. */
export function descriptors(pid) {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder)
    .map((fd) => linkOf(join(folder, fd)))
    .filter((link) => link !== '');
}
