// Both processes. The only file that calls libc: what Node has no function for. Linux.

import { closeSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { getSystemErrorMap } from 'node:util';
import { libc } from './libc.js';

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
const MSG_NOSIGNAL = 0x4000;
const MSG_DONTWAIT_NOSIGNAL = 0x40 | MSG_NOSIGNAL;
const MSG_CMSG_CLOEXEC = 0x40000000;
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
const TCPI_UNACKED = 6; // in 32-bit words: on a listening socket the length of the accept queue, tcp(7)
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
const F_DUPFD_CLOEXEC = 1030;
const LOCK_EX_NB = 2 | 4;
const LOCK_SH_NB = 1 | 4;
const LOCK_UN = 8;
const MFD_CLOEXEC = 1;
const PROT_READ_WRITE = 1 | 2;
const MAP_SHARED = 1;
const POLLIN = 1;

/** A failed call as Node's own errors look: `listen EADDRINUSE: address already in use 127.0.0.1:8080`. */
function systemError(syscall: string, subject = ''): NodeJS.ErrnoException {
  const errno = -libc().errno();
  const [code, text] = getSystemErrorMap().get(errno) ?? [`errno ${-errno}`, 'unknown error'];
  const message = `${syscall} ${code}: ${text}${subject && ` ${subject}`}`;
  return Object.assign(new Error(message), { errno, code, syscall });
}

function check(result: number, syscall: string, subject?: string): number {
  if (result === -1) throw systemError(syscall, subject);
  return result;
}

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
    throw new RangeError(`Expected an address to listen on, got \`${address}\``);
  }
  name.set(packed, family === 6 ? 8 : 4);
  return name;
}

/** A `struct sockaddr_un`, unix(7): 107 bytes of path at the most; a name that begins with a NUL is abstract, and ends where it ends. */
function unixName(path: string): Uint8Array {
  const bytes = Buffer.from(path);
  if (bytes.length > 107) throw new RangeError(`Expected a socket path of at most 107 bytes, got \`${path}\``);
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

/** accept(2) must find nobody without waiting; holds for every process that has the socket. */
export function setNonBlocking(fd: number): void {
  const flags = check(libc().fcntl(fd, F_GETFL, 'int', 0), 'fcntl');
  check(libc().fcntl(fd, F_SETFL, 'int', flags | O_NONBLOCK), 'fcntl');
}

/**
 * Sends a text to a UNIX datagram socket, `@name` for an abstract one; waits for nobody.
 *
 * @throws EAGAIN when its queue is full, ENOENT or ECONNREFUSED when nobody is there.
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

const info = new Uint32Array(TCPI_UNACKED + 1);
const infoLength = new Uint32Array(1);
const pollEntry = new Int32Array(2);
const pollBytes = new Uint8Array(pollEntry.buffer);

/**
 * How many connections wait in the accept queue of a listening socket (0.5 us). A UNIX socket has no `TCP_INFO`: 1 stands
 * for "some".
 */
export function waitingConnections(fd: number): number {
  infoLength[0] = info.byteLength;
  if (libc().getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, infoLength) === 0) return info[TCPI_UNACKED] ?? 0;
  pollEntry[0] = fd;
  pollEntry[1] = POLLIN;
  return libc().poll(pollBytes, 1, 0) > 0 ? 1 : 0;
}

/** A classic BPF program, bpf(4), on what comes to a TCP socket: drops each SYN that begins a handshake, and nothing else. */
const DROP_SYN = filterProgram([
  [0x30, 0, 0, 13], // the flags of the TCP header
  [0x54, 0, 0, 0x12], // SYN and ACK
  [0x15, 0, 1, 0x02], // SYN alone:
  [0x06, 0, 0, 0], // drop it
  [0x06, 0, 0, 0xffff_ffff], // pass it
]);

/** Each a `struct sock_filter`: what to do, how far to jump if it is so, and if not, and the operand. */
function filterProgram(steps: readonly (readonly [number, number, number, number])[]): Buffer {
  const memory = Buffer.alloc(8 * steps.length);
  for (const [i, [code, yes, no, operand]] of steps.entries()) {
    memory.set(new Uint8Array(Uint16Array.of(code).buffer), 8 * i);
    memory.set([yes, no], 8 * i + 2);
    memory.set(new Uint8Array(Uint32Array.of(operand).buffer), 8 * i + 4);
  }
  return memory;
}

/**
 * Whether a listening TCP socket lets handshakes begin; holds for every process that has it. A client whose SYN was dropped
 * sends it again after a second, and is refused if the socket is closed by then.
 */
export function setWelcome(fd: number, isWelcome: boolean): void {
  const SO_ATTACH_FILTER = 26;
  const SO_DETACH_FILTER = 27;
  if (isWelcome) return setOption(fd, SOL_SOCKET, SO_DETACH_FILTER, 0);
  const program = new BigUint64Array([0n, BigInt(libc().address(DROP_SYN))]);
  new Uint16Array(program.buffer)[0] = DROP_SYN.length / 8;
  check(libc().setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program, program.byteLength), 'setsockopt');
}

/** Takes one connection; `undefined` when nobody waits; throws EMFILE, ENFILE, ENOBUFS, ENOMEM. */
export function acceptConnection(fd: number): number | undefined {
  const connection = libc().accept4(fd, null, null, SOCK_STREAM_CLOEXEC_NONBLOCK & ~1);
  if (connection !== -1) return connection;
  const error = systemError('accept');
  // accept(2): the connection died in the queue, or another worker was faster
  if (error.code && /^E(MFILE|NFILE|NOBUFS|NOMEM)$/.test(error.code)) throw error;
  return undefined;
}

/** How many descriptors this process may have, the soft limit; they are handed out lowest first. getrlimit(2) */
export function descriptorLimit(): number {
  const RLIMIT_NOFILE = 7;
  const limits = new BigUint64Array(2);
  check(libc().getrlimit(RLIMIT_NOFILE, limits), 'getrlimit');
  return Number(limits[0]);
}

/** A second descriptor of the same socket, close-on-exec. */
export function duplicate(fd: number): number {
  return check(libc().fcntl(fd, F_DUPFD_CLOEXEC, 'int', 3), 'fcntl');
}

/** Takes the whole-file lock if it is free. Released by {@link unlock}, by closing the descriptor and by dying. */
export function tryLock(fd: number): boolean {
  return libc().flock(fd, LOCK_EX_NB) === 0;
}

/** As {@link tryLock}, for a look: lookers share it. */
export function tryLockShared(fd: number): boolean {
  return libc().flock(fd, LOCK_SH_NB) === 0;
}

/** Gives the whole-file lock back. */
export function unlock(fd: number): void {
  libc().flock(fd, LOCK_UN);
}

/** Memory that has a descriptor and no name: only who inherits the descriptor can reach it. */
export function anonymousFile(name: string, bytes: number): number {
  const fd = check(libc().memfd_create(name, MFD_CLOEXEC), 'memfd_create');
  check(libc().ftruncate(fd, bytes), 'ftruncate');
  return fd;
}

/** The file's first bytes as memory, shared with every process that maps it. Never unmapped. */
export function mapShared(fd: number, bytes: number): Uint32Array {
  const address = libc().mmap(null, bytes, PROT_READ_WRITE, MAP_SHARED, fd, 0);
  if (address === null || BigInt(address) === 0xffff_ffff_ffff_ffffn) throw systemError('mmap');
  return new Uint32Array(libc().view(address, bytes));
}

/** A child that has ended and that nobody has waited for; it stays a zombie. waitid(2) */
export function peekZombie(): number | undefined {
  const P_ALL = 0;
  const WNOHANG_WEXITED_WNOWAIT = 1 | 4 | 0x1000000;
  const siginfo = new Int32Array(32);
  if (libc().waitid(P_ALL, 0, siginfo, WNOHANG_WEXITED_WNOWAIT) !== 0) return undefined;
  // si_pid stands behind three words and the padding of 64-bit machines
  return siginfo[process.arch.endsWith('64') ? 4 : 3] || undefined;
}

/** Takes a zombie off the process table. */
export function reapProcess(pid: number): void {
  libc().waitpid(pid, null, 1);
}

/** The kernel ends this process after so many seconds, unless it is armed again; 0 disarms. alarm(2) */
export function armAlarm(seconds: number): void {
  libc().alarm(seconds);
}

/** Two stream sockets that are connected; the first one never waits. */
export function socketPair(): [own: number, other: number] {
  const pair = new Int32Array(2);
  check(libc().socketpair(AF_UNIX, SOCK_STREAM_CLOEXEC_NONBLOCK & ~O_NONBLOCK, 0, pair), 'socketpair');
  const [own = -1, other = -1] = pair;
  setNonBlocking(own);
  return [own, other];
}

/** A text, and the descriptor that came with it. */
export interface Message {
  text: string;
  descriptor?: number;
}

// struct msghdr, struct iovec, struct cmsghdr with one descriptor, and the bytes, in one piece of memory that does not move
const IOVEC = 64;
const CONTROL = 96;
const CONTROL_BYTES = 24;
const BYTES = 128;
const PIECE = 8192;
const SCM_RIGHTS = 1;

function messageHeader(length: number, hasControl: boolean): Buffer {
  const memory = Buffer.alloc(BYTES + PIECE);
  const words = new BigUint64Array(memory.buffer, memory.byteOffset, CONTROL / 8);
  const address = BigInt(libc().address(memory));
  words.set([0n, 0n, address + BigInt(IOVEC), 1n]);
  if (hasControl) words.set([address + BigInt(CONTROL), BigInt(CONTROL_BYTES)], 4);
  words.set([address + BigInt(BYTES), BigInt(length)], IOVEC / 8);
  return memory;
}

/** Sends a text over a UNIX stream socket, and with its first byte a descriptor. unix(7), SCM_RIGHTS */
export function sendMessage(fd: number, text: string, descriptor?: number): void {
  const bytes = Buffer.from(text);
  for (let sent = 0; sent < bytes.length; ) {
    const isFirst = sent === 0 && descriptor !== undefined;
    const piece = bytes.subarray(sent, sent + PIECE);
    const memory = messageHeader(piece.length, isFirst);
    memory.set(piece, BYTES);
    if (isFirst) {
      new BigUint64Array(memory.buffer, memory.byteOffset + CONTROL, 1)[0] = 20n;
      new Int32Array(memory.buffer, memory.byteOffset + CONTROL + 8, 3).set([SOL_SOCKET, SCM_RIGHTS, descriptor]);
    }
    sent += check(Number(libc().sendmsg(fd, memory, MSG_NOSIGNAL)), 'sendmsg');
  }
}

/** Waits for the next piece of text; an empty one is the end. The descriptor is close-on-exec. */
export function receiveMessage(fd: number): Message {
  const memory = messageHeader(PIECE, true);
  let length = -1;
  do length = Number(libc().recvmsg(fd, memory, MSG_CMSG_CLOEXEC));
  while (length === -1 && getSystemErrorMap().get(-libc().errno())?.[0] === 'EINTR');
  check(length, 'recvmsg');
  const text = memory.toString('utf8', BYTES, BYTES + length);
  const [controlLength] = new BigUint64Array(memory.buffer, memory.byteOffset + 40, 1);
  if (controlLength !== BigInt(CONTROL_BYTES) && controlLength !== 20n) return { text };
  const [level, type, descriptor] = new Int32Array(memory.buffer, memory.byteOffset + CONTROL + 8, 3);
  return level === SOL_SOCKET && type === SCM_RIGHTS && descriptor !== undefined ? { text, descriptor } : { text };
}
