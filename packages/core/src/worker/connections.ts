// Worker. It knows the open connections and what each one is doing, for the drain. It also sees every entry into
// user code before the application, and reports it, because the accept lock is never held in user code.

import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Http2Session, ServerHttp2Stream } from 'node:http2';
import type { Server, Socket } from 'node:net';
import { type Duplex, Readable } from 'node:stream';
import { Deferred } from './deferred.js';
import { transportOf } from './handle.js';
import { LastResponses } from './last-responses.js';
import { afterTurn } from './own-context.js';
import { RequestLimit } from './request-limit.js';
import { Requests } from './requests.js';
import type { SlowRequests } from './slow-requests.js';
import type { Statistics } from './statistics.js';
import { Upgrades } from './upgrades.js';

export interface ConnectionsEvents {
  /** User code is about to run. */
  entering(): void;
  /** Requests in flight and in total: once when a loop turn's first begins, once after it, and as longer ones end. */
  requests(inFlight: number, served: number): void;
}

type Turn = 'now' | 'later' | 'never'; // when the application gets a request

export class Connections {
  /** Connections of servers without requests. Only the application knows when such a connection is finished. */
  readonly #held = new Set<Duplex>();
  /** Connections of http servers, until they are closed. */
  readonly open = new Set<Socket>();
  /** With TLS: the encrypted socket that carries the requests, by the accepted socket. */
  readonly secured = new WeakMap<Socket, Socket>();
  readonly upgrades = new Upgrades();
  /** By the accepted socket, or with TLS by the encrypted socket. */
  readonly sessions = new Map<Http2Session, Socket>();
  readonly requests: Requests;
  readonly last = new LastResponses();
  /** Set by the drain: the newest response of each connection is its last. */
  isDraining = false;
  /** Set by the drain: an http2 session has begun on a connection that was there before. */
  onSession: ((session: Http2Session) => void) | undefined;
  readonly #deferred = new Deferred();
  readonly #events: ConnectionsEvents;
  readonly #limit: RequestLimit;
  /** The socket of the event that runs: a session begins in it. */
  #arriving: Socket | undefined;
  /** Data that arrives is user code about to run: the body of an upload, a WebSocket message. */
  readonly #push: Readable['push'];

  /** `maxRequests` on one connection; 0 means no limit. */
  constructor(maxRequests: number, events: ConnectionsEvents, statistics: Statistics, slow?: SlowRequests) {
    this.#limit = new RequestLimit(maxRequests);
    this.#events = events;
    this.requests = new Requests(events.requests, statistics, slow);
    // one function for all sockets: its `this` is the socket
    this.#push = function (this: Readable, ...args) {
      events.entering();
      return Readable.prototype.push.apply(this, args);
    };
  }

  /**
   * Sees each event of a server before the application does. A listener of our own would change what the server does:
   * Node treats an upgrade as a plain request unless somebody listens for it.
   */
  watch(server: HttpServer): void {
    const emit = server.emit as (event: string, ...args: unknown[]) => boolean;
    server.emit = (event: string, ...args: unknown[]) => {
      const turn =
        event === 'request'
          ? this.#request(args[0] as IncomingMessage, args[1] as ServerResponse)
          : this.#see(event, args[0], args[1]);
      if (turn === 'now') return emit.call(server, event, ...args);
      if (turn === 'later') this.#defer(args[1] as ServerResponse, () => emit.call(server, event, ...args));
      return true;
    };
  }

  /** A connection of a plain net or tls server was accepted. */
  hold(socket: Duplex): void {
    this.#held.add(socket);
    this.requests.hold();
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
  add(socket: Socket): void {
    this.open.add(socket);
  }

  /** It has ended. */
  delete(socket: Socket): void {
    const secured = this.secured.get(socket) ?? socket;
    this.open.delete(socket);
    this.upgrades.delete(secured);
    if (this.#held.delete(socket)) this.requests.release();
    if (this.#arriving === secured) this.#arriving = undefined;
  }

  /** Ends every open connection, whatever it is doing. */
  abort(): void {
    for (const session of this.sessions.keys()) session.destroy();
    for (const socket of this.open) this.end(socket);
    for (const socket of this.#held) socket.destroy();
  }

  /** Ends an accepted connection, whatever it is doing. */
  end(socket: Socket): void {
    this.secured.get(socket)?.destroy();
    socket.destroy();
  }

  #see(event: string, first: unknown, second: unknown): Turn {
    switch (event) {
      case 'checkContinue':
      case 'checkExpectation':
        this.requests.expectAgain(second as ServerResponse);
        return this.#begin(first as IncomingMessage, second as ServerResponse);
      case 'upgrade':
      case 'connect':
        this.#upgrade(first as IncomingMessage, second as Socket);
        break;
      case 'connection':
        this.#arriving = first as Socket;
        break;
      case 'secureConnection':
        this.#arriving = first as Socket;
        this.secured.set(transportOf(this.#arriving), this.#arriving);
        break;
      case 'clientError':
        // before Node answers the error: the requests before it are complete
        this.#deferred.flush(second as Socket);
        break;
      case 'session':
        this.#session(first as Http2Session);
        break;
      case 'stream':
        this.#stream(first as ServerHttp2Stream);
        break;
    }
    return 'now';
  }

  #request(request: IncomingMessage, response: ServerResponse): Turn {
    if (request.httpVersionMajor > 1 || this.requests.isContinued(response)) {
      this.#events.entering();
      return 'now';
    }
    return this.#begin(request, response);
  }

  #begin(request: IncomingMessage, response: ServerResponse): Turn {
    const isLast = this.isDraining || this.#limit.isLast(request.socket);
    if (isLast && !this.last.mark(response)) return 'never';
    this.requests.begin(response);
    this.#events.entering();
    if (request.method !== 'GET' && request.method !== 'HEAD') request.push = this.#push;
    return isLast ? 'later' : 'now';
  }

  /** Waits until all data that has arrived is read, so that only the newest request is the last one. */
  #defer(response: ServerResponse, pass: () => void): void {
    const { socket } = response.req;
    this.#deferred.add(socket, () => {
      if (socket.destroyed) return this.requests.drop(response);
      this.#events.entering();
      pass();
    });
  }

  #upgrade(request: IncomingMessage, socket: Socket): void {
    this.#events.entering();
    this.last.forget(socket);
    this.upgrades.add(request, socket);
    socket.push = this.#push;
  }

  #session(session: Http2Session): void {
    this.#events.entering();
    if (this.#arriving) this.sessions.set(session, this.#arriving);
    session.once('close', () => this.sessions.delete(session));
    this.onSession?.(session);
  }

  #stream(stream: ServerHttp2Stream): void {
    const { session } = stream;
    this.requests.beginStream(stream);
    this.#events.entering();
    // later: streams that were read together with this one are served
    if (session && this.#limit.isLast(session)) afterTurn(() => session.close());
  }
}
