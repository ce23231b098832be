// Worker. What Node's `net.Server` and `net.Socket` stand on: a handle of libuv, `TCP` or `Pipe`. The only file that touches
// it. It is private to Node, and the same since 0.10.

import { closeSync } from 'node:fs';
import net from 'node:net';
import { getSystemErrorName } from 'node:util';

/** What a handle is for. */
export const Use = { connection: 0, listening: 1 } as const;
type Use = (typeof Use)[keyof typeof Use];

export interface Handle {
  readonly fd: number;
  /** This and `listen` return 0, or a negative number that says what went wrong. */
  open(fd: number): number;
  listen(backlog: number): number;
  onconnection: (status: number, client: Handle) => void;
  close(): void;
}
export type HandleClass = new (use: Use) => Handle;

export interface SocketOptions {
  readonly noDelay: boolean;
  readonly keepAlive: boolean;
  readonly keepAliveInitialDelay: number;
}

/** The class for a listening socket and its connections, taken from a server that has it for no longer than this. */
export function handleClass(fd: number, backlog: number): HandleClass {
  const server: net.Server & { _handle?: { constructor: unknown } | null } = net.createServer();
  server.listen({ fd, backlog, exclusive: true });
  const found = server._handle?.constructor;
  server.close();
  return found as HandleClass;
}

/** @throws when it can't; the descriptor is closed then. */
export function openHandle(Class: HandleClass, use: Use, fd: number): Handle {
  const handle = new Class(use);
  const status = handle.open(fd);
  if (status === 0) return handle;
  closeSync(fd);
  throw handleError('open', status);
}

/** As `net.Server` would have made it for an http server: one that stays writable after the client's FIN. */
export function createSocket(handle: Handle, { noDelay, keepAlive, keepAliveInitialDelay }: SocketOptions): net.Socket {
  const options = { handle, allowHalfOpen: true, readable: true, writable: true };
  const socket = new net.Socket(options);
  if (noDelay) socket.setNoDelay(true);
  if (keepAlive) socket.setKeepAlive(true, keepAliveInitialDelay);
  return socket;
}

export function handleError(syscall: string, status: number): Error {
  return new Error(`${syscall} ${getSystemErrorName(status)}`);
}
