// Worker. Requests that the application gets a moment later, when all data that has arrived on the connection is read. Each runs
// in its own async context.

import { AsyncResource } from 'node:async_hooks';
import type { Socket } from 'node:net';
import { afterTurn } from './own-context.js';

export class Deferred {
  readonly #waiting = new Map<Socket, (() => void)[]>();

  add(socket: Socket, pass: () => void): void {
    const bound = AsyncResource.bind(pass);
    const waiting = this.#waiting.get(socket);
    if (waiting) return void waiting.push(bound);
    this.#waiting.set(socket, [bound]);
    const flush = () => {
      socket.off('end', flush);
      this.flush(socket);
    };
    afterTurn(flush);
    // before Node's own listener, which ends the connection of a client that has ended its side
    socket.prependListener('end', flush);
  }

  /** Gives the application the requests that wait on this connection. */
  flush(socket: Socket): void {
    const waiting = this.#waiting.get(socket) ?? [];
    this.#waiting.delete(socket);
    handOut(waiting);
  }
}

/** If one throws, those after it still run. */
function handOut([pass, ...rest]: readonly (() => void)[]): void {
  try {
    pass?.();
  } finally {
    if (rest.length > 0) handOut(rest);
  }
}
