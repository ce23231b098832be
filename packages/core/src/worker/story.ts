// Worker, and the one process of `single`. The trace of each connection (`DEBUG=prefork:connection`): one id in all its lines,
// from its arrival through the hand-over to its close. It changes nothing, and without DEBUG it is not created.

import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { trace } from '../log.js';
import { printable } from '../printable.js';
import { transportOf } from './handle.js';

class Story {
  /** The id of each connection, by its accepted socket, and of each http2 session. */
  readonly #ids = new WeakMap<object, string>();
  readonly #watched = new WeakSet<object>();
  #count = 0;
  #last = '';
  /** The id of the connection whose event runs: an http2 session begins in it. */
  #arriving: string | undefined;

  /** A connection was taken from the accept queue for this server. */
  arrived(server: object, socket: Socket): void {
    // It wraps `emit` last, so it sees an event first.
    if (server instanceof EventEmitter && !this.#watched.has(server)) this.#watch(server);
    this.#count += 1;
    const id = `${process.pid}-${this.#count}`;
    const since = performance.now();
    this.#ids.set(socket, id);
    this.#last = id;
    const { remoteAddress, remotePort } = socket;
    tell(id, 'arrives', remoteAddress === undefined ? 'from a local client' : `from ${remoteAddress} ${remotePort}`);
    socket.once('close', (hadError) => {
      const time = Math.round(performance.now() - since);
      tell(id, 'closed', `after ${time} ms, ${socket.bytesRead} bytes in, ${socket.bytesWritten} bytes out`);
      if (hadError) tell(id, 'failed', socket.errored?.message ?? 'with an error');
    });
  }

  /** After its last connection this worker lets another one accept. */
  handedOver(pid: number): void {
    tell(this.#last, 'hand-over', `of the accept lock to worker ${pid}`);
  }

  #watch(server: EventEmitter): void {
    this.#watched.add(server);
    const { emit } = server;
    server.emit = (event: string | symbol, ...args: unknown[]) => {
      this.#see(event, args[0], args[1]);
      return emit.call(server, event, ...args);
    };
  }

  #see(event: string | symbol, first: unknown, second: unknown): void {
    switch (event) {
      case 'connection': {
        const id = this.#ids.get(first as Socket);
        this.#arriving = id;
        if (id) tell(id, 'served', `by worker ${process.pid}`);
        break;
      }
      case 'secureConnection': {
        const socket = first as TLSSocket;
        const id = this.#ids.get(transportOf(socket));
        this.#arriving = id;
        if (id) tell(id, 'secured', `${socket.getProtocol()} ${socket.alpnProtocol || ''}`.trimEnd());
        break;
      }
      case 'session':
        if (this.#arriving) this.#ids.set(first as object, this.#arriving);
        break;
      case 'request':
      case 'checkContinue':
        this.#request(first as IncomingMessage, second as ServerResponse);
        break;
      case 'upgrade':
      case 'connect':
        this.#requested(event, first as IncomingMessage);
        break;
    }
  }

  #request(request: IncomingMessage | Http2ServerRequest, response: ServerResponse): void {
    const id = this.#requested('request', request);
    if (id === undefined) return;
    response.once('close', () =>
      tell(id, 'response', `${response.statusCode}${response.writableFinished ? '' : ', not all of it was sent'}`),
    );
  }

  #requested(what: string, request: IncomingMessage | Http2ServerRequest): string | undefined {
    const carrier =
      'stream' in request && request.httpVersionMajor > 1 ? request.stream.session : transportOf(request.socket);
    const id = carrier && this.#ids.get(carrier);
    // the query may contain a secret
    if (id) tell(id, what, `${request.method} ${request.url?.split('?', 1)[0]}`);
    return id;
  }
}

/** The text contains what a client has sent. */
function tell(id: string, what: string, how: string): void {
  trace.connection('%s %s %s', id, what, printable(how));
}

/** `undefined` unless the trace is on. Without it nothing is done for a connection. */
export const story = trace.connection.enabled ? new Story() : undefined;
