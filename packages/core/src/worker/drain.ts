// Worker. Finishes what is open: after the gate has closed, each kind of connection ends in its own way. A connection that no
// client and no application ends is aborted a moment before `gracefulTimeout`: the manager kills only a worker that hangs.

import type { Server as HttpServer, ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Connections } from './connections.js';
import { trafficOf, transportOf } from './handle.js';
import { after, inOwnContext } from './own-context.js';
import { Sweep, Turn } from './sweep.js';

/** 1001: the server goes away. 1012: it restarts. RFC 6455 7.4.1 and the IANA registry of close codes. */
const GOING_AWAY = 1001;
const SERVICE_RESTART = 1012;

const DEFAULT_LINGER = 5000; // Node's own keepAliveTimeout, for servers that have none

/**
 * Makes each connection's newest response its last, lets idle connections linger, and closes WebSockets and http2 sessions.
 *
 * @returns a function that cancels the timers of this drain.
 */
export function drain(
  connections: Connections,
  servers: readonly HttpServer[],
  gracefulTimeout: number,
  isStopping: boolean,
): () => void {
  connections.isDraining = true;
  for (const response of connections.requests.newest()) {
    if (!response.headersSent) connections.last.mark(response);
  }
  const timeouts = servers.map((server) => server.keepAliveTimeout || DEFAULT_LINGER);
  const linger = Math.min(timeouts.length > 0 ? Math.max(...timeouts) : DEFAULT_LINGER, gracefulTimeout / 2);
  // GOAWAY names the last stream that has arrived, so the client may send the others again. Node has no gentler way, and its
  // sessions cannot take a frame that we write: over TLS that crashes the process
  for (const session of connections.sessions.keys()) session.close();
  connections.onSession = (session) => after(linger, () => session.close());
  connections.upgrades.close(isStopping ? GOING_AWAY : SERVICE_RESTART);
  return sweep(connections, linger, servers);
}

/** Ends connections that are idle, or whose clients stall. */
function sweep(connections: Connections, linger: number, servers: readonly HttpServer[]): () => void {
  const timeouts = servers.map(({ requestTimeout }) => requestTimeout || Number.POSITIVE_INFINITY);
  const sweep = new Sweep<Socket>({ linger, requestTimeout: Math.max(...timeouts) });
  const look = () => {
    const now = performance.now();
    const turns = turnsOf(connections);
    for (const socket of connections.open) {
      const { bytesRead, bytesWritten } = connections.secured.get(socket) ?? socket;
      const { received, sent } = trafficOf(socket);
      const sight = { hasReceived: bytesRead > 0, hasSent: bytesWritten > 0, received, sent };
      if (sweep.isOver(socket, { turn: turns.get(socket) ?? Turn.idle, ...sight }, now)) connections.end(socket);
    }
  };
  look();
  const timer = inOwnContext(() => setInterval(look, sweep.interval));
  timer.unref();
  return () => clearInterval(timer);
}

/** For each connection that is not idle: whether the client or the application has to act next. */
function turnsOf({ requests, last, sessions, upgrades }: Connections): Map<Socket, Turn> {
  const turns = new Map<Socket, Turn>();
  const add = (socket: Socket, turn: Turn) => {
    const transport = transportOf(socket);
    turns.set(transport, Math.max(turn, turns.get(transport) ?? Turn.idle) as Turn);
  };
  for (const response of requests.unfinished()) add(response.req.socket, turnOf(response));
  for (const { socket } of last.reading) add(socket, Turn.client);
  for (const socket of upgrades.sockets) add(socket, Turn.application);
  for (const stream of requests.streams) {
    const socket = stream.session && sessions.get(stream.session);
    if (socket) add(socket, turnOfStream(stream));
  }
  return turns;
}

function turnOf({ req, writableFinished, writableLength }: ServerResponse): Turn {
  const { socket } = req;
  // also when the application has ended the connection, because then no answer can follow
  if (writableFinished || socket.writableEnded) return Turn.idle;
  const isUnread = writableLength > 0 || socket.writableLength > 0 || trafficOf(transportOf(socket)).unsent > 0;
  return isUnread || (!req.complete && hasRoom(req)) ? Turn.client : Turn.application;
}

/** On a stream whose answer has begun, both sides may be talking. It is not known which side has to act next. */
function turnOfStream(stream: ServerHttp2Stream): Turn {
  const isWhole = stream.headersSent || stream.state.remoteClose === 1;
  return stream.writableLength > 0 || (!isWhole && hasRoom(stream)) ? Turn.client : Turn.application;
}

/** Whether the application reads what the client sends. If it does not, the application is the slow side. */
function hasRoom({ readableLength, readableHighWaterMark }: Pick<Duplex, 'readableLength' | 'readableHighWaterMark'>) {
  return readableLength < readableHighWaterMark;
}
