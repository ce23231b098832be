// Worker. What is open, and what each connection is doing: facts that the drain asks for. It also sees every entry into
// user code first, and says so, because the accept lock is never held there.

import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Http2Session } from 'node:http2';
import type { Server } from 'node:net';
import { type Duplex, Readable } from 'node:stream';
import { afterTurn } from './own-context.js';
import { Requests } from './requests.js';

export interface ConnectionsEvents {
  /** User code is about to run. */
  entering(): void;
  /** Requests in flight and in total: once when a loop turn's first begins, once after it, and as longer ones end. */
  requests(inFlight: number, served: number): void;
}

/** A connection that speaks another protocol now. */
export interface Upgraded {
  readonly isWebSocket: boolean;
  /** Whether the handshake was answered, so that frames may follow. */
  isOpen: boolean;
}

export class Connections {
  /** Connections that have not sent a request; with TLS also what the request would come through. */
  readonly unused = new Set<Duplex>();
  /** Connections of servers that know no requests: nobody but the application can tell when one has done its work. */
  readonly #held = new Set<Duplex>();
  readonly upgraded = new Map<Duplex, Upgraded>();
  readonly sessions = new Set<Http2Session>();
  /** Set by the drain: every response ends its connection. */
  refuseKeepAlive = false;
  /** Set by the drain: a WebSocket handshake was answered. */
  onWebSocket: ((socket: Duplex) => void) | undefined;
  readonly #events: ConnectionsEvents;
  readonly #requests: Requests;
  readonly #maxRequests: number;
  readonly #requestsOf = new WeakMap<Duplex, number>();
  /** Data that arrives is user code about to run: the body of an upload, a WebSocket message. */
  readonly #push: Readable['push'];
  readonly #tlsClosed: (this: Duplex) => void;

  /** `maxRequests` on one connection; 0 means no limit. */
  constructor(maxRequests: number, events: ConnectionsEvents) {
    this.#maxRequests = maxRequests;
    this.#events = events;
    this.#requests = new Requests(events.requests);
    // one function for all sockets, which are its `this`
    const connections = this;
    this.#push = function (this: Readable, ...args) {
      events.entering();
      return Readable.prototype.push.apply(this, args);
    };
    this.#tlsClosed = function () {
      connections.delete(this);
    };
  }

  /**
   * Sees each event of a server before the application does. A listener of our own would change what the server does:
   * Node treats an upgrade as a plain request unless somebody listens for it.
   */
  watch(server: HttpServer): void {
    const emit = server.emit as (event: string, ...args: unknown[]) => boolean;
    server.emit = (event: string, ...args: unknown[]) => {
      if (event === 'request') this.#request(args[0] as IncomingMessage, args[1] as ServerResponse);
      else this.#see(event, args[0], args[1]);
      return emit.call(server, event, ...args);
    };
  }

  /** A connection of a plain net or tls server was accepted. */
  hold(socket: Duplex): void {
    this.#held.add(socket);
    this.#requests.hold();
    this.#events.entering();
    socket.push = this.#push;
  }

  /** Sees what TLS makes of the connections of a plain server. */
  watchPlain(server: Server): void {
    server.prependListener('secureConnection', (socket: Duplex) => {
      this.#events.entering();
      socket.push = this.#push;
    });
  }

  /** A connection of an http server was accepted. */
  add(socket: Duplex): void {
    this.unused.add(socket);
  }

  /** It has ended. */
  delete(socket: Duplex): void {
    this.unused.delete(socket);
    this.upgraded.delete(socket);
    if (this.#held.delete(socket)) this.#requests.release();
  }

  /** Responses that are not ended. */
  unfinished(): ServerResponse[] {
    return this.#requests.unfinished();
  }

  /** Ends what is open, whatever it is doing. */
  abort(servers: readonly HttpServer[]): void {
    for (const server of servers) server.closeAllConnections?.();
    for (const session of this.sessions) session.destroy();
    for (const socket of [...this.unused, ...this.upgraded.keys(), ...this.#held]) socket.destroy();
  }

  #see(event: string, first: unknown, second: unknown): void {
    switch (event) {
      case 'checkContinue':
      case 'checkExpectation':
        this.#requests.expectAgain(second as ServerResponse);
        return this.#begin(first as IncomingMessage, second as ServerResponse);
      case 'upgrade':
      case 'connect':
        return this.#upgrade(first as IncomingMessage, second as Duplex);
      case 'secureConnection':
        return this.#secureConnection(first as Duplex);
      case 'session':
        return this.#session(first as Http2Session);
      case 'stream':
        return this.#events.entering();
    }
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    if (this.#requests.isContinued(response)) this.#events.entering();
    else this.#begin(request, response);
  }

  #begin(request: IncomingMessage, response: ServerResponse): void {
    if (request.httpVersionMajor > 1) this.#requests.beginStream(response);
    else this.#requests.begin(response);
    this.#events.entering();
    if (this.unused.size > 0) this.unused.delete(request.socket);
    if (this.refuseKeepAlive || this.#isLastRequest(request.socket)) response.shouldKeepAlive = false;
    if (request.method !== 'GET' && request.method !== 'HEAD') request.push = this.#push;
  }

  /** Node's own `maxRequestsPerSocket` announces the end of a connection, and leaves it open. */
  #isLastRequest(socket: Duplex): boolean {
    if (this.#maxRequests === 0) return false;
    const count = (this.#requestsOf.get(socket) ?? 0) + 1;
    this.#requestsOf.set(socket, count);
    return count >= this.#maxRequests;
  }

  #upgrade(request: IncomingMessage, socket: Duplex): void {
    this.#events.entering();
    this.unused.delete(socket);
    const isWebSocket = request.headers.upgrade?.toLowerCase() === 'websocket';
    this.upgraded.set(socket, { isWebSocket, isOpen: false });
    socket.push = this.#push;
    if (isWebSocket) this.#awaitHandshake(socket);
  }

  /** The first thing written is the answer to the handshake: 101, or a refusal. */
  #awaitHandshake(socket: Duplex): void {
    const write = socket.write;
    socket.write = (...args: unknown[]) => {
      socket.write = write;
      const upgraded = this.upgraded.get(socket);
      if (upgraded && String(args[0]).startsWith('HTTP/1.1 101')) {
        upgraded.isOpen = true;
        afterTurn(() => this.onWebSocket?.(socket));
      }
      return write.apply(socket, args as Parameters<Duplex['write']>);
    };
  }

  /** The application sees this socket in place of the one that was accepted. */
  #secureConnection(socket: Duplex & { alpnProtocol?: string }): void {
    if (socket.alpnProtocol === 'h2') return; // a session, which drains by itself
    this.add(socket);
    socket.on('close', this.#tlsClosed);
  }

  #session(session: Http2Session): void {
    this.#events.entering();
    this.sessions.add(session);
    session.once('close', () => this.sessions.delete(session));
  }
}
