// Worker. Connections that speak another protocol now. It closes WebSockets at the end, and leaves other protocols to the
// application.

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { after, afterTurn } from './own-context.js';

/** WebSockets are closed spread over this time, so that their clients do not all reconnect at once. Milliseconds. */
const WINDOW = 1000;
const STEPS = 20;

export class Upgrades {
  /** By socket: whether it is a WebSocket whose handshake was answered, so that frames may follow. */
  readonly #open = new Map<Socket, boolean>();
  /** Set when they are to be closed. */
  #code: number | undefined;

  get sockets(): Iterable<Socket> {
    return this.#open.keys();
  }

  add(request: IncomingMessage, socket: Socket): void {
    this.#open.set(socket, false);
    if (request.headers.upgrade?.toLowerCase() === 'websocket') this.#awaitHandshake(socket);
  }

  delete(socket: Socket): void {
    this.#open.delete(socket);
  }

  /** Closes WebSockets with this code, also those that are opened later. */
  close(code: number): void {
    this.#code = code;
    const waiting = [...this.#open].filter(([, takesFrames]) => takesFrames);
    const step = Math.ceil(waiting.length / STEPS);
    const next = () => {
      for (const [socket] of waiting.splice(0, step)) sendClose(socket, code);
      if (waiting.length > 0) after(WINDOW / STEPS, next);
    };
    next();
  }

  /** The first thing written is the answer to the handshake: 101, or a refusal. */
  #awaitHandshake(socket: Socket): void {
    const write = socket.write;
    socket.write = (...args: unknown[]) => {
      socket.write = write;
      if (String(args[0]).startsWith('HTTP/1.1 101')) afterTurn(() => this.#opened(socket));
      return write.apply(socket, args as Parameters<Socket['write']>);
    };
  }

  /** A WebSocket whose handshake was answered in the loop turn in which all are closed gets one frame, not two. */
  #opened(socket: Socket): void {
    if (!this.#open.has(socket)) return;
    this.#open.set(socket, true);
    if (this.#code !== undefined) sendClose(socket, this.#code);
  }
}

/**
 * An unmasked close frame, RFC 6455 5.5.1. A control frame may stand between any two frames, and libraries write whole
 * frames; the client answers with its own, on which the library ends the connection.
 */
function sendClose(socket: Socket, code: number): void {
  if (socket.writable) socket.write(Uint8Array.of(0x88, 2, code >> 8, code & 0xff));
}
