// Manager, and the one process of `single`. What this project relies on and nobody promises: layouts of the kernel's memory, and
// private parts of Node. They are looked at once, at the start, before there is a worker. worker/handle.ts, worker/listen.ts and
// posix/ use them.

import { fstatSync } from 'node:fs';
import net from 'node:net';
import { endianness } from 'node:os';
import { PreforkError } from './errors.js';
import { handleClassOf } from './handle-class.js';
import { libc } from './libc.js';
import { isShutDown } from './posix/queue.js';
import { duplicate } from './posix/sockets.js';

/** 64-bit and little-endian: `siginfo`, `rlimit`, `off_t`, `msghdr`, `sigaction` and `TCP_INFO` are laid out alike on all of them. */
const MACHINES = ['x64', 'arm64', 'riscv64', 'loong64', 'ppc64'];

/** What a handle of libuv can do, as worker/handle.ts uses it. */
const METHODS = ['open', 'listen', 'close'];

interface Internals {
  readonly _handle?: unknown;
  readonly _connections?: unknown;
}

/** Before libc is called. It is loaded here. @throws PreforkError `ERR_PREFORK_PLATFORM` */
export function checkMachine(): void {
  if (!MACHINES.includes(process.arch) || endianness() !== 'LE')
    throw unusable(
      `this machine is \`${process.arch}\` (${endianness()}), expected one of ${MACHINES.join(', ')} (LE)`,
    );
  // before a socket file is looked at: right after that Node's require() may not follow a symlink to a module
  try {
    libc();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_DLOPEN_DISABLED') throw error;
    throw unusable('Node may load no native addon: leave out `--no-addons`, or add `--allow-addons` to `--permission`');
  }
}

/**
 * Looks at the private parts of Node, and at the kernel's answer about a listening socket.
 *
 * @param listening a descriptor of a socket that this process has bound, if there is one
 * @param backlog that it keeps
 * @throws PreforkError `ERR_PREFORK_PLATFORM`
 */
export function checkNode(listening: number | undefined, backlog: number): void {
  const server: object & Internals = Object(net.createServer());
  if (server._handle !== null || server._connections !== 0) throw changed('the fields of net.Server');
  if (!('_listen2' in net.Server.prototype)) throw changed('net.Server#_listen2');
  if (listening === undefined) return;
  if (isShutDown(listening)) throw unusable('the kernel has another TCP_INFO than this version knows');
  const prototype = handleClassOf(duplicate(listening), backlog)?.prototype;
  const missing = METHODS.find((name) => !prototype || !(name in prototype));
  if (missing !== undefined) throw changed(`the handle of a listening socket (${missing})`);
}

/** The descriptor has the size that was asked for: `off_t` has 64 bits. @throws PreforkError `ERR_PREFORK_PLATFORM` */
export function checkSize(fd: number, bytes: number): void {
  if (fstatSync(fd).size !== bytes) throw unusable('libc has another off_t than this version knows');
}

function changed(what: string): PreforkError {
  return unusable(`Node ${process.version} has changed ${what}, which is private to it: run Node 20, 22, 24 or 26`);
}

function unusable(why: string): PreforkError {
  return new PreforkError(
    'ERR_PREFORK_PLATFORM',
    `Can't share a listening socket here, ${why}; \`single: true\` serves without`,
  );
}
