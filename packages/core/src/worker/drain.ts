// Worker. Finish what is open: after the gate has closed, every connection ends in its own way. Nothing here waits for
// the deadline: the manager kills what is left at `gracefulTimeout`.

import type { Server as HttpServer } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Connections } from './connections.js';

/** The server goes away, and: it restarts. RFC 6455 7.4.1 and the IANA registry it founds. */
const GOING_AWAY = 1001;
const SERVICE_RESTART = 1012;

/** WebSockets are closed over this time, so that their clients do not come back as a herd. Milliseconds. */
const WINDOW = 1000;
const STEPS = 20;

const DEFAULT_LINGER = 5000; // Node's own keepAliveTimeout, for servers that have none

/** Refuses keep-alive from now on, lets idle connections linger, and closes WebSockets and http2 sessions. */
export function drain(connections: Connections, servers: readonly HttpServer[], isStopping: boolean): void {
  connections.refuseKeepAlive = true;
  for (const response of connections.unfinished()) {
    if (!response.headersSent) response.shouldKeepAlive = false;
  }
  // GOAWAY with the last stream that has arrived: the client may send the others again. Node has no gentler one, and its
  // sessions do not bear a frame of ours: over TLS it ends the process
  for (const session of connections.sessions) session.close();
  closeWebSockets(connections, isStopping ? GOING_AWAY : SERVICE_RESTART);
  if (servers.length === 0) return;
  const linger = Math.max(...servers.map((server) => server.keepAliveTimeout || DEFAULT_LINGER));
  setInterval(closeIdle, linger, connections, servers).unref();
}

/**
 * A request that was on its way when the drain began has had its time: what is still idle ends. Node does it by itself,
 * and to the moment, where there is a `keepAliveTimeout`.
 */
function closeIdle(connections: Connections, servers: readonly HttpServer[]): void {
  for (const session of connections.sessions) session.close(); // opened since, on a connection that was there before
  for (const server of servers) if (!server.keepAliveTimeout) server.closeIdleConnections?.();
  for (const socket of connections.unused) {
    const { bytesRead, encrypted } = socket as { bytesRead?: number; encrypted?: boolean };
    if (bytesRead === 0 || encrypted) socket.destroy();
  }
}

function closeWebSockets(connections: Connections, code: number): void {
  connections.onWebSocket = (socket) => sendClose(socket, code);
  const waiting = [...connections.upgraded].filter(([, { isWebSocket, isOpen }]) => isWebSocket && isOpen);
  const step = Math.ceil(waiting.length / STEPS);
  const next = () => {
    for (const [socket] of waiting.splice(0, step)) sendClose(socket, code);
    if (waiting.length > 0) setTimeout(next, WINDOW / STEPS);
  };
  next();
}

/**
 * An unmasked close frame, RFC 6455 5.5.1. A control frame may stand between any two frames, and libraries write whole
 * frames; the client answers with its own, on which the library ends the connection.
 */
function sendClose(socket: Duplex, code: number): void {
  if (socket.writable) socket.write(Uint8Array.of(0x88, 2, code >> 8, code & 0xff));
}
