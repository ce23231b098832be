// Both processes. The accept queue of a listening socket: how long it is, and taking from it. These calls are made for each
// connection.

import { libc } from '../libc.js';
import { systemError } from './error.js';

const SOCK_CLOEXEC_NONBLOCK = 0o2000000 | 0o4000;
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
const TCPI_STATE = 0; // in 32-bit words: its lowest byte, tcp(7)
const TCPI_UNACKED = 6; // on a listening socket the length of the accept queue
const TCP_LISTEN = 10;
const POLLIN = 1;
const POLLHUP = 16;
const SHUT_RDWR = 2;
const EINTR = 4;
const EAGAIN = 11;

const info = new Uint32Array(TCPI_UNACKED + 1);
const infoLength = new Uint32Array(1);
const pollEntry = new Int32Array(2);
const pollBytes = new Uint8Array(pollEntry.buffer);

/** Reads TCP_INFO of a socket. @returns whether it has one: a UNIX socket has not */
function readInfo(fd: number): boolean {
  infoLength[0] = info.byteLength;
  return libc().getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, infoLength) === 0;
}

/** Whether what {@link readInfo} has read is of a socket that listens. */
function isListening(): boolean {
  return ((info[TCPI_STATE] ?? 0) & 0xff) === TCP_LISTEN;
}

/** The events of poll(2) on a socket, without waiting. */
function eventsOf(fd: number): number {
  pollEntry[0] = fd;
  pollEntry[1] = POLLIN;
  return libc().poll(pollBytes, 1, 0) > 0 ? (pollEntry[1] ?? 0) >> 16 : 0;
}

/**
 * How many connections wait in the accept queue of a listening socket (0.5 us). A UNIX socket has no `TCP_INFO`, and 1 means
 * "some".
 */
export function waitingConnections(fd: number): number {
  if (readInfo(fd)) return isListening() ? (info[TCPI_UNACKED] ?? 0) : 0;
  return (eventsOf(fd) & (POLLIN | POLLHUP)) === POLLIN ? 1 : 0;
}

/** The same for all sockets of a location. */
export function waitingAt(fds: readonly number[]): number {
  return fds.reduce((sum, fd) => sum + waitingConnections(fd), 0);
}

/**
 * Whether a listening socket has been shut down: each process that has it can do so, for all of them. SO_ACCEPTCONN does not
 * tell for a UNIX socket, poll(2) does.
 */
export function isShutDown(fd: number): boolean {
  return readInfo(fd) ? !isListening() : (eventsOf(fd) & POLLHUP) !== 0;
}

/** Refuses every client from now on, in every process that has the socket. */
export function shutDown(fd: number): void {
  libc().shutdown(fd, SHUT_RDWR);
}

/** The errors of accept(2) for one connection that died in the queue. */
const DEAD = /^E(CONNABORTED|PERM|PROTO|NETDOWN|NETUNREACH|HOSTDOWN|HOSTUNREACH|NONET|NOPROTOOPT)$/;

/**
 * Takes one connection; `undefined` when none waits, another worker was faster, or it died in the queue.
 *
 * @throws EMFILE, ENFILE, ENOBUFS, ENOMEM, and the errors of a socket that accepts no more
 */
export function acceptConnection(fd: number): number | undefined {
  for (;;) {
    const connection = libc().accept4(fd, null, null, SOCK_CLOEXEC_NONBLOCK);
    if (connection !== -1) return connection;
    const errno = libc().errno();
    if (errno === EAGAIN) return undefined;
    if (errno === EINTR) continue;
    const error = systemError('accept');
    if (DEAD.test(error.code ?? '')) return undefined;
    throw error;
  }
}
