// Both processes. Sockets, as far as Node has no function for them: listening sockets that nobody polls, the accept queue, and
// datagrams.

import { closeSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { libc } from '../libc.js';
import { printable } from '../printable.js';
import { check } from './error.js';

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM_CLOEXEC_NONBLOCK = 1 | 0o2000000 | 0o4000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_TYPE = 3;
const SO_REUSEPORT = 15;
const SO_ACCEPTCONN = 30;
const SO_DOMAIN = 39;
const SOCK_STREAM = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
const F_DUPFD_CLOEXEC = 1030;

/** A numeric address and port, or the path of a UNIX socket. */
export type SocketAddress = { address: string; port: number; family: 4 | 6 } | { path: string };

export interface SocketOptions {
  backlog: number;
  ipv6Only: boolean;
  reusePort: boolean;
}

/** Makes a bound and listening socket that nobody polls, close-on-exec; throws what Node's `listen` would emit. */
export function listenSocket(to: SocketAddress, options: SocketOptions): number {
  const subject = 'path' in to ? to.path : `${to.family === 6 ? `[${to.address}]` : to.address}:${to.port}`;
  const family = 'path' in to ? AF_UNIX : to.family === 6 ? AF_INET6 : AF_INET;
  const fd = check(libc().socket(family, SOCK_STREAM_CLOEXEC_NONBLOCK, 0), 'socket', subject);
  try {
    if (family !== AF_UNIX) setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (family === AF_INET6) setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6Only ? 1 : 0);
    if (options.reusePort) setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    const name = 'path' in to ? unixName(to.path) : inetName(to.address, to.port, to.family);
    check(libc().bind(fd, name, name.length), 'listen', subject);
    check(libc().listen(fd, options.backlog), 'listen', subject);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return fd;
}

/**
 * Listens once more on a socket that was shut down, for all processes that have it.
 *
 * @throws EINVAL for a UNIX socket, and an error where the port was chosen by the kernel and is lost.
 */
export function listenAgain(fd: number, backlog: number, address: AddressInfo | string): void {
  if (typeof address === 'string') throw new Error('a UNIX socket can listen once only');
  check(libc().listen(fd, backlog), 'listen');
  const bound = boundAddress(fd);
  if (typeof bound === 'string' || bound.port !== address.port) throw new Error(`port ${address.port} is lost`);
}

function setOption(fd: number, level: number, option: number, value: number): void {
  check(libc().setsockopt(fd, level, option, new Int32Array([value]), 4), 'setsockopt');
}

/** A `struct sockaddr_in` or `sockaddr_in6`, ip(7) and ipv6(7). */
function inetName(address: string, port: number, family: 4 | 6): Uint8Array {
  const name = Buffer.alloc(family === 6 ? 28 : 16);
  const native = new Uint8Array(new Uint16Array([family === 6 ? AF_INET6 : AF_INET]).buffer);
  name.set(native);
  name.writeUInt16BE(port, 2);
  const packed = new Uint8Array(family === 6 ? 16 : 4);
  if (libc().inet_pton(family === 6 ? AF_INET6 : AF_INET, address, packed) !== 1) {
    throw new RangeError(`Expected an address to listen on, got \`${printable(address)}\``);
  }
  name.set(packed, family === 6 ? 8 : 4);
  return name;
}

/** A `struct sockaddr_un`, unix(7): 107 bytes of path at the most; a name that begins with a NUL is abstract, and ends where it ends. */
function unixName(path: string): Uint8Array {
  const bytes = Buffer.from(path);
  if (bytes.length > 107)
    throw new RangeError(`Expected a socket path of at most 107 bytes, got \`${printable(path)}\``);
  const name = Buffer.alloc(2 + bytes.length + (bytes[0] === 0 ? 0 : 1));
  name.set(new Uint8Array(new Uint16Array([AF_UNIX]).buffer));
  name.set(bytes, 2);
  return name;
}

/** What a socket is bound to, as `server.address()` says it: a path for a UNIX socket. */
export function boundAddress(fd: number): AddressInfo | string {
  const name = Buffer.alloc(128);
  const length = Uint32Array.of(name.length);
  check(libc().getsockname(fd, name, length), 'getsockname');
  const [family] = new Uint16Array(name.buffer, name.byteOffset, 1);
  if (family === AF_UNIX) return name.toString('utf8', 2, length[0]).replace(/(?!^)\0.*$/s, '');
  const text = Buffer.alloc(46); // INET6_ADDRSTRLEN
  libc().inet_ntop(family ?? 0, name.subarray(family === AF_INET6 ? 8 : 4), text, text.length);
  const address = text.toString('latin1', 0, text.indexOf(0));
  return { address, port: name.readUInt16BE(2), family: family === AF_INET6 ? 'IPv6' : 'IPv4' };
}

/** Whether an inherited descriptor is a listening stream socket of a kind that we serve. */
export function isListening(fd: number): boolean {
  const is = (option: number, ...expected: number[]) => {
    const value = new Uint32Array(1);
    const result = libc().getsockopt(fd, SOL_SOCKET, option, value, new Uint32Array([4]));
    return result === 0 && expected.includes(value[0] ?? -1);
  };
  return is(SO_ACCEPTCONN, 1) && is(SO_TYPE, SOCK_STREAM) && is(SO_DOMAIN, AF_UNIX, AF_INET, AF_INET6);
}

/** Makes accept(2) return at once on an empty queue, in every process that has the socket. */
export function setNonBlocking(fd: number): void {
  const flags = check(libc().fcntl(fd, F_GETFL, 'int', 0), 'fcntl');
  check(libc().fcntl(fd, F_SETFL, 'int', flags | O_NONBLOCK), 'fcntl');
}

/** A second descriptor of the same socket, close-on-exec. */
export function duplicate(fd: number): number {
  return check(libc().fcntl(fd, F_DUPFD_CLOEXEC, 'int', 3), 'fcntl');
}

/**
 * Sends a text to a UNIX datagram socket, `@name` for an abstract one, without waiting.
 *
 * @throws EAGAIN when its queue is full, ENOENT or ECONNREFUSED when no process reads it.
 */
export function sendDatagram(to: string, text: string): void {
  const fd = check(libc().socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0), 'socket');
  try {
    const name = unixName(to.replace(/^@/, '\0'));
    const bytes = Buffer.from(text);
    check(Number(libc().sendto(fd, bytes, bytes.length, MSG_DONTWAIT_NOSIGNAL, name, name.length)), 'sendto', to);
  } finally {
    closeSync(fd);
  }
}
