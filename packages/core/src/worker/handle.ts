// Worker. The libuv handle, `TCP` or `Pipe`, below Node's `net.Server` and `net.Socket`. Only this file uses
// handles and the private fields of a server. They are private to Node, and have not changed since 0.10.

import { closeSync } from 'node:fs';
import net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { handleClassOf } from '../handle-class.js';

/** What a handle is for. */
export const Use = { connection: 0, listening: 1 } as const;
type Use = (typeof Use)[keyof typeof Use];

export interface Handle {
  readonly fd: number;
  /** This and `listen` return 0 or a negative error number. */
  open(fd: number): number;
  listen(backlog: number): number;
  onconnection: (status: number, client: Handle) => void;
  close(): void;
}
export type HandleClass = new (use: Use) => Handle;

/** What `net.Server` keeps of its options for the sockets that it makes. The types of Node leave most of it out. */
export interface SocketOptions {
  readonly allowHalfOpen?: boolean;
  readonly pauseOnConnect?: boolean;
  readonly highWaterMark?: number;
  readonly noDelay?: boolean;
  readonly keepAlive?: boolean;
  /** Seconds. */
  readonly keepAliveInitialDelay?: number;
}

/** The class of handles for a listening socket, whose descriptor is closed. */
export function handleClass(fd: number, backlog: number): HandleClass {
  return handleClassOf(fd, backlog) as HandleClass;
}

/** @throws when it can't; the descriptor is closed then. */
export function openHandle(Class: HandleClass, use: Use, fd: number): Handle {
  const handle = new Class(use);
  const status = handle.open(fd);
  if (status === 0) return handle;
  closeSync(fd);
  throw handleError('open', status);
}

/** Makes the socket as this server would. An http server lets a client close its side; one of TLS or http2 then ends, too. */
export function createSocket(handle: Handle, server: SocketOptions): net.Socket {
  const { allowHalfOpen = false, pauseOnConnect = false, highWaterMark } = server;
  const options = {
    handle,
    allowHalfOpen,
    pauseOnCreate: pauseOnConnect,
    readable: true,
    writable: true,
    readableHighWaterMark: highWaterMark,
    writableHighWaterMark: highWaterMark,
  };
  const socket = new net.Socket(options);
  tune(socket, server);
  return socket;
}

/** What a server tells the kernel about each of its sockets. */
export function tune(socket: net.Socket, { noDelay, keepAlive, keepAliveInitialDelay = 0 }: SocketOptions): void {
  if (noDelay) socket.setNoDelay(true);
  if (keepAlive) socket.setKeepAlive(true, keepAliveInitialDelay * 1000);
}

/** The private fields by which Node's own methods tell whether a server listens, and count its connections. */
interface Internals {
  _handle: object | null;
  _pipeName?: string;
  _connections: number;
}

/**
 * Makes a server without a handle of libuv look as if it listens, for Node's own `listening`, `address`, `getConnections`,
 * `close`, `ref`, `unref` and `Symbol.asyncDispose`, and for a second `listen`, which fails.
 *
 * @param closed is called once, by `close`.
 */
export function standIn(server: net.Server, address: net.AddressInfo | string, closed: () => void): void {
  const internals = server as unknown as Internals;
  const done = () => 0;
  const handle = { fd: -1, close: closed, ref() {}, unref() {}, hasRef: () => true, listen: done, fchmod: done };
  if (typeof address === 'string') internals._pipeName = address;
  internals._handle =
    typeof address === 'string'
      ? handle
      : {
          ...handle,
          getsockname(out: object) {
            Object.assign(out, address);
            return 0;
          },
        };
}

/**
 * Counts a connection as one of this server, until it is closed.
 *
 * @returns whether no server had this connection before: then Node has not announced it yet.
 */
export function assignTo(server: net.Server, socket: net.Socket & { server?: net.Server }): boolean {
  const isNew = !socket.server;
  (server as unknown as Internals)._connections += 1;
  Object.assign(socket, { server, _server: server });
  return isNew;
}

export function connectionsOf(server: net.Server): number {
  return (server as unknown as Internals)._connections;
}

/** The accepted socket that carries a socket of TLS. */
export function transportOf(socket: net.Socket & { _parent?: net.Socket }): net.Socket {
  return socket._parent ?? socket;
}

/** The bytes that an accepted socket has received, and the bytes that the kernel has taken from it. With TLS, encrypted bytes. */
export function trafficOf(socket: net.Socket): { received: number; sent: number; unsent: number } {
  const { _handle: handle } = socket as {
    _handle?: { bytesRead: number; bytesWritten: number; writeQueueSize: number };
  };
  if (!handle) return { received: 0, sent: 0, unsent: 0 };
  const unsent = handle.writeQueueSize;
  return { received: handle.bytesRead, sent: handle.bytesWritten - unsent, unsent };
}

/** Sets how long a client of a TLS server may take for its handshake. It replaces the server's own value. Milliseconds. */
export function setHandshakeTimeout(server: net.Server, timeout: number): void {
  const fields = server as unknown as Record<symbol, number>;
  const own = Object.getOwnPropertySymbols(fields).find(({ description }) => description === 'handshake-timeout');
  if (own) fields[own] = timeout;
}

export function handleError(syscall: string, status: number): Error {
  return new Error(`${syscall} ${getSystemErrorName(status)}`);
}
