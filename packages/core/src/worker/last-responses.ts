// Worker. The last response of a connection: it says `Connection: close`, whatever headers the application sets, and the
// connection ends after it. Later requests are not executed. This file does not decide which response is the last.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { inOwnContext } from './own-context.js';

/** How long the rest of an upload is read and dropped after the answer, as in nginx' lingering close. Milliseconds. */
const LONGEST_CLOSE = 2000;

interface Last {
  readonly response: ServerResponse;
  /** What Node had decided. */
  readonly shouldKeepAlive: boolean;
  /** Its head is written. */
  isSaid: boolean;
}

export class LastResponses {
  readonly #last = new WeakMap<Socket, Last>();
  /** Uploads that the application reads on, although it has answered. */
  readonly reading = new Set<IncomingMessage>();

  /**
   * Makes this response the last of its connection, in place of the one before it. The one before it is still sent.
   *
   * @returns false when the client was told already that no answer follows: this request must not be executed.
   */
  mark(response: ServerResponse): boolean {
    const { socket } = response.req;
    const before = this.#last.get(socket);
    if (before?.isSaid) {
      response.req.resume(); // otherwise it would fill the buffer and delay the end of the connection
      return false;
    }
    if (before) before.response.shouldKeepAlive = before.shouldKeepAlive;
    else socket.destroySoon = () => this.#close(socket);
    const last = { response, shouldKeepAlive: response.shouldKeepAlive, isSaid: false };
    this.#last.set(socket, last);
    response.shouldKeepAlive = false;
    this.#sayClose(last);
    // Node closes by itself, unless the application has sent a header of its own
    response.once('finish', () => {
      if (this.#last.get(socket) === last) this.#close(socket);
    });
    return true;
  }

  /** The connection goes on: it speaks another protocol now. */
  forget(socket: Socket): void {
    const last = this.#last.get(socket);
    if (!last || last.isSaid) return;
    last.response.shouldKeepAlive = last.shouldKeepAlive;
    this.#last.delete(socket);
  }

  /** An explicit `Connection: keep-alive` would make Node keep the connection. */
  #sayClose(last: Last): void {
    const { response } = last;
    const writeHead = response.writeHead;
    response.writeHead = (...args: unknown[]) => {
      const isLast = this.#last.get(response.req.socket) === last && args[0] !== 101 && !response.headersSent;
      if (isLast) {
        if (response.hasHeader('connection')) response.setHeader('Connection', 'close');
        response.removeHeader('keep-alive');
      }
      const given = isLast ? args.map(withoutKeepAlive) : args;
      writeHead.apply(response, given as Parameters<ServerResponse['writeHead']>);
      last.isSaid ||= isLast;
      return response;
    };
  }

  /**
   * Closing a socket with unread data sends a reset, and the client may lose the answer. So the rest is read and dropped for a
   * while.
   */
  #close(socket: Socket): void {
    const last = this.#last.get(socket);
    if (!last || socket.destroyed || this.#isClosing.has(socket)) return;
    this.#isClosing.add(socket);
    socket.end();
    const { req } = last.response;
    if (isRead(req)) {
      this.reading.add(req);
      req.once('close', () => {
        this.reading.delete(req);
        destroyLater(socket);
      });
    } else {
      req.resume();
      destroyLater(socket);
    }
  }

  readonly #isClosing = new WeakSet<Socket>();
}

/** Whether the application takes the rest of an upload. */
function isRead(request: IncomingMessage): boolean {
  return !request.complete && request.listenerCount('data') + request.listenerCount('readable') > 0;
}

/** Runs when the whole answer was sent: a client may read it slowly. */
function destroyLater(socket: Socket): void {
  if (!socket.writableFinished) return void socket.once('finish', () => destroyLater(socket));
  const timer = inOwnContext(() => setTimeout(() => socket.destroy(), LONGEST_CLOSE));
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}

/** The headers that `writeHead` takes: an object, pairs in one list, or a list of pairs. */
function withoutKeepAlive(headers: unknown): unknown {
  if (Array.isArray(headers)) {
    if (Array.isArray(headers[0])) return headers.filter(([name]) => !isOfConnection(name));
    return headers.filter((_, i) => !isOfConnection(headers[i - (i % 2)]));
  }
  if (headers === null || typeof headers !== 'object') return headers;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isOfConnection(name)));
}

function isOfConnection(name: unknown): boolean {
  return /^(connection|keep-alive)$/i.test(String(name));
}
