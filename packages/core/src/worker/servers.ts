// Worker. A listen location -> a server that never listens, and looks and behaves like one that does.

import { channel } from 'node:diagnostics_channel';
import http from 'node:http';
import type { ServerOptions } from 'node:https';
import { type BlockList, type DropArgument, isIP, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { BoundLocation } from '../handover.js';
import type { ServerLocation } from '../location.js';
import type { Listener, ServerListener, Settings } from '../options.js';
import { isImpostor, secureOptions } from '../tls.js';
import type { Entrance } from './gate.js';
import { assignTo, connectionsOf, type SocketOptions, standIn } from './handle.js';
import { inNewContext } from './own-context.js';
import { type Classes, classesOf, keepFromOthers } from './prototypes.js';

/** `maxConnections = 0` means no limit before Node 21. */
const ZERO_IS_A_LIMIT = Number.parseInt(process.versions.node, 10) >= 21;

/** The diagnostics channel on which Node publishes each connection of `net.Server`. */
const admitted = channel('net.server.socket');

/** One for each location. */
export function createServers(
  locations: readonly BoundLocation[],
  listener: Listener,
  settings: Settings,
): http.Server[] {
  // One listener for all: with two, V8 would learn the shapes of each server's requests separately.
  const classes = classesOf(listener);
  return locations.map((location) => createServer(location, listener, settings, classes));
}

function createServer(bound: BoundLocation, listener: Listener, settings: Settings, classes?: Classes): http.Server {
  const { secrets, asked: _, ...location } = bound;
  const secure = location.tls && secrets ? secureOptions(location.tls, secrets) : undefined;
  const own = { ...location, ...(secure ? { secure } : {}) };
  // a framework takes either kind of request, and only methods that the server has are called
  const made = settings.createServer?.(listener as ServerListener, own) as http.Server | undefined;
  const server = made ?? defaultServer(own, listener, settings, classes);
  if (secure?.requestCert && !secure.rejectUnauthorized) turnImpostorsAway(server);
  setTimeouts(server, settings);
  return server;
}

/** Applies the options that say how long a connection may be silent. They replace the server's own values. */
export function setTimeouts(server: http.Server, { keepAliveTimeout, inactivityTimeout }: Settings): void {
  if (keepAliveTimeout !== undefined) server.keepAliveTimeout = keepAliveTimeout;
  if (inactivityTimeout !== undefined) server.setTimeout(inactivityTimeout);
}

function defaultServer(
  { secure }: ServerLocation,
  listener: Listener,
  settings: Settings,
  classes?: Classes,
): http.Server {
  const server = secure
    ? secureServer({ ...classes, ...secure }, listener, settings)
    : http.createServer({ ...classes }, listener);
  if (classes) keepFromOthers(server, listener, classes);
  return server;
}

function secureServer(options: ServerOptions, listener: Listener, { inactivityTimeout }: Settings): http.Server {
  // loaded only when it is needed: loading takes milliseconds
  const https = process.getBuiltinModule('node:https');
  return https.createServer(
    { ...options, ...(inactivityTimeout ? { handshakeTimeout: inactivityTimeout } : {}) },
    listener,
  );
}

/** `verify=0x01`: before the server looks at the connection. */
function turnImpostorsAway(server: http.Server): void {
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    if (isImpostor(socket)) socket.destroy();
  });
}

/**
 * Makes a server that never listens look and behave like one that does.
 *
 * @param closed the application has called `close` on it.
 */
export function open(
  server: http.Server,
  location: BoundLocation | undefined,
  fds: readonly number[],
  closed: () => void,
): Entrance[] {
  standIn(server, location?.address ?? '', closed);
  return entrancesOf(server, location, fds, true);
}

/** The entrance of a server. @param isHttp whether its connections carry requests. */
export function entrancesOf(
  server: Server,
  location: BoundLocation | undefined,
  fds: readonly number[],
  isHttp: boolean,
): Entrance[] {
  return fds.map((fd) => ({
    fd,
    backlog: location?.backlog ?? 511,
    server: server as SocketOptions,
    isHttp,
    isReused: location?.reuse === true,
    isSticky: location?.sticky === true,
    connect: (socket) => inNewContext(admit, server, socket),
  }));
}

/** What `net.Server` does with a new connection, in the same order. */
function admit(server: Server & { blockList?: BlockList }, socket: Socket): void {
  if (connectionsOf(server) >= limitOf(server)) {
    server.emit('drop', addressesOf(socket));
    return void socket.destroy();
  }
  if (server.blockList && isBlocked(server.blockList, socket)) return void socket.destroy();
  const isNews = assignTo(server, socket);
  // documented for http, https and http2 servers: a stream can be injected as a connection
  server.emit('connection', socket);
  if (isNews && admitted.hasSubscribers) admitted.publish({ socket });
}

/** By its type this is always a number, but by default it is not set. */
function limitOf({ maxConnections }: { maxConnections?: number }): number {
  return maxConnections || (maxConnections === 0 && ZERO_IS_A_LIMIT) ? maxConnections : Number.POSITIVE_INFINITY;
}

function isBlocked(list: BlockList, { remoteAddress = '', remoteFamily }: Socket): boolean {
  return isIP(remoteAddress) > 0 && list.check(remoteAddress, remoteFamily === 'IPv6' ? 'ipv6' : 'ipv4');
}

/** The argument of the event `drop`. A UNIX socket has no addresses. */
function addressesOf(socket: Socket): DropArgument | undefined {
  if (socket.remoteAddress === undefined) return undefined;
  const { localAddress, localPort, localFamily, remoteAddress, remotePort, remoteFamily } = socket;
  return { localAddress, localPort, localFamily, remoteAddress, remotePort, remoteFamily } as DropArgument;
}
