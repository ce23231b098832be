// Worker. A listen location -> a server that never listens, and looks and behaves like one that does.

import http from 'node:http';
import type { ServerOptions } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { BoundLocation } from '../handover.js';
import type { ServerLocation } from '../locations.js';
import type { Listener, ServerListener, Settings } from '../options.js';
import { isImpostor, secureOptions } from '../tls.js';
import type { Entrance } from './gate.js';
import { type Classes, classesOf, keepFromOthers } from './prototypes.js';

/** One for each location. */
export function createServers(
  locations: readonly BoundLocation[],
  listener: Listener,
  settings: Settings,
): http.Server[] {
  // the same for all: V8 would learn the shapes of two servers' requests apart
  const classes = classesOf(listener);
  return locations.map((location) => createServer(location, listener, settings, classes));
}

function createServer(bound: BoundLocation, listener: Listener, settings: Settings, classes?: Classes): http.Server {
  const { secrets, asked: _, ...location } = bound;
  const secure = location.tls && secrets ? secureOptions(location.tls, secrets) : undefined;
  const own = { ...location, ...(secure ? { secure } : {}) };
  // a framework is called with either kind of request, and a server is asked only for what it has
  const made = settings.createServer?.(listener as ServerListener, own) as http.Server | undefined;
  const server = made ?? defaultServer(own, listener, settings, classes);
  if (secure?.requestCert && !secure.rejectUnauthorized) turnImpostorsAway(server);
  if (settings.keepAliveTimeout !== undefined) server.keepAliveTimeout = settings.keepAliveTimeout;
  if (settings.inactivityTimeout !== undefined) server.setTimeout(settings.inactivityTimeout);
  return server;
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
  // loaded by those who need it: it takes milliseconds
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

/** Makes a server that never listens look and behave like one that does. */
export function open(
  server: http.Server,
  location: BoundLocation | undefined,
  fds: readonly number[],
  countConnections: (callback: (error: null, count: number) => void) => void,
): Entrance[] {
  Object.defineProperties(server, {
    listening: { value: true, writable: true, configurable: true },
    address: { value: () => location?.address ?? null, writable: true, configurable: true },
    getConnections: { value: countConnections, writable: true, configurable: true },
  });
  const { noDelay = true, keepAlive = false, keepAliveInitialDelay = 0 } = server as Partial<Entrance['socketOptions']>;
  return fds.map((fd) => ({
    fd,
    backlog: location?.backlog ?? 511,
    socketOptions: { noDelay, keepAlive, keepAliveInitialDelay },
    // documented for http, https and http2 servers: a stream can be injected as a connection
    connect: (socket) => void server.emit('connection', socket),
  }));
}
