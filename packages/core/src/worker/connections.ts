// Worker. What is open, and what each connection is doing: facts that the drain asks for. It also sees every entry into
// user code first, and says so, because the accept lock is never held there.

import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Http2Session } from 'node:http2';
import { type Duplex, Readable } from 'node:stream';
import { afterTurn } from './own-context.js';

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
  readonly upgraded = new Map<Duplex, Upgraded>();
  readonly sessions = new Set<Http2Session>();
  /** Set by the drain: every response ends its connection. */
  refuseKeepAlive = false;
  /** Set by the drain: a WebSocket handshake was answered. */
  onWebSocket: ((socket: Duplex) => void) | undefined;
  readonly #events: ConnectionsEvents;
  /**
   * The last response of this loop turn. Most are ended before the next one begins: these cost no listener, and are not
   * kept, which each garbage collection would pay for.
   */
  #latest: ServerResponse | undefined;
  /** Responses that took longer, and are not finished. */
  readonly #pending = new Set<ServerResponse>();
  /** Responses that `checkContinue` gave to the application, which will pass them on as requests. */
  readonly #continued = new Set<ServerResponse>();
  readonly #maxRequests: number;
  readonly #requestsOf = new WeakMap<Duplex, number>();
  readonly #responseClosed: (this: ServerResponse) => void;
  /** Data that arrives is user code about to run: the body of an upload, a WebSocket message. */
  readonly #push: Readable['push'];
  readonly #tlsClosed: (this: Duplex) => void;
  #served = 0;

  /** `maxRequests` on one connection; 0 means no limit. */
  constructor(maxRequests: number, events: ConnectionsEvents) {
    this.#maxRequests = maxRequests;
    this.#events = events;
    // one function for all, which are its `this`: nothing is made per request
    const connections = this;
    this.#responseClosed = function () {
      connections.#pending.delete(this);
      connections.#end(this);
      connections.#tell();
    };
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

  /** A connection was accepted. */
  add(socket: Duplex): void {
    this.unused.add(socket);
  }

  /** It has ended. */
  delete(socket: Duplex): void {
    this.unused.delete(socket);
    this.upgraded.delete(socket);
  }

  /** Responses that are not ended. */
  unfinished(): ServerResponse[] {
    return [...this.#pending, ...(this.#latest ? [this.#latest] : [])];
  }

  /** Ends what is open, whatever it is doing. */
  abort(servers: readonly HttpServer[]): void {
    for (const server of servers) server.closeAllConnections?.();
    for (const session of this.sessions) session.destroy();
    for (const socket of [...this.unused, ...this.upgraded.keys()]) socket.destroy();
  }

  #see(event: string, first: unknown, second: unknown): void {
    switch (event) {
      case 'checkContinue':
      case 'checkExpectation':
        this.#continued.add(second as ServerResponse);
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
    if (this.#continued.size > 0 && this.#continued.delete(response)) this.#events.entering();
    else this.#begin(request, response);
  }

  #begin(request: IncomingMessage, response: ServerResponse): void {
    if (request.httpVersionMajor > 1) {
      // one of many on its connection, which does not end in the turn
      this.#await(response);
      this.#tell();
    } else {
      const before = this.#latest;
      this.#latest = response;
      if (before) this.#sift(before);
      else this.#turnBegan();
    }
    this.#events.entering();
    if (this.unused.size > 0) this.unused.delete(request.socket);
    if (this.refuseKeepAlive || this.#isLastRequest(request.socket)) response.shouldKeepAlive = false;
    if (request.method !== 'GET' && request.method !== 'HEAD') request.push = this.#push;
  }

  #turnBegan(): void {
    afterTurn(this.#turnEnded);
    this.#tell();
  }

  readonly #turnEnded = (): void => {
    const response = this.#latest;
    this.#latest = undefined;
    if (response) this.#sift(response);
    this.#tell();
  };

  /** What is ended is counted, only the rest is watched. */
  #sift(response: ServerResponse): void {
    if (response.writableEnded || response.destroyed) this.#end(response);
    else this.#await(response);
  }

  #tell(): void {
    this.#events.requests(this.#pending.size + (this.#latest ? 1 : 0), this.#served);
  }

  #await(response: ServerResponse): void {
    this.#pending.add(response);
    response.on('close', this.#responseClosed);
  }

  #end(response: ServerResponse): void {
    this.#served += 1;
    if (this.#continued.size > 0) this.#continued.delete(response);
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
