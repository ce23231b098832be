// Manager of the command. The channel of each worker: reads what it asks for, one request after the other, and sends the answer with a
// descriptor. A worker may run as another user: nothing that it sends is trusted. What is bound is decided in on-demand.ts.

import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { answer, type Refusal, readLines, type Wanted } from '../channel.js';
import { messageOf } from '../errors.js';
import { socketPair } from '../posix/messages.js';
import type { BoundSocket } from './listeners.js';
import type { WorkerRecord } from './policy.js';

/** A worker's channel as the manager holds it. */
export interface Channel {
  /** The worker's end, which the new process inherits. */
  readonly fd: number;
  /** The worker was started: closes its end in this process. */
  given(worker: WorkerRecord | undefined): void;
}

/** Gives a worker the socket that it asks for; nothing where it expects no answer. What it throws is sent as a refusal. */
export type Ask = (worker: WorkerRecord, wanted: Wanted) => Promise<BoundSocket | undefined>;

export class WorkerChannels {
  readonly #ask: Ask;
  readonly #sockets = new Map<WorkerRecord, Socket>();
  /** Requests run one after the other, so that two workers that want the same socket get the same one. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** For a worker that is about to be started. */
  open(): Channel {
    const [own, fd] = socketPair();
    const socket = new Socket({ fd: own, readable: true, writable: true });
    socket.on('error', () => {}); // the worker's exit follows
    return {
      fd,
      given: (worker) => {
        closeSync(fd);
        if (!worker) return void socket.destroy();
        this.#sockets.set(worker, socket);
        const read = readLines((text) => {
          this.#last = this.#last.then(() => this.#answer(worker, own, text));
        });
        socket.setEncoding('latin1');
        socket.on('data', (piece: string) => {
          try {
            read(piece);
          } catch {
            socket.destroy();
          }
        });
      },
    };
  }

  has(worker: WorkerRecord): boolean {
    return this.#sockets.has(worker);
  }

  /** The worker's exit was seen. */
  close(worker: WorkerRecord): void {
    this.#sockets.get(worker)?.destroy();
    this.#sockets.delete(worker);
  }

  async #answer(worker: WorkerRecord, channel: number, text: string): Promise<void> {
    let reply: object;
    let descriptor: number | undefined;
    try {
      const socket = await this.#ask(worker, JSON.parse(text) as Wanted);
      if (!socket) return;
      reply = { location: socket.location };
      descriptor = socket.fds[0];
    } catch (error) {
      const { code, errno } = error as NodeJS.ErrnoException;
      reply = { refusal: { message: messageOf(error), code, errno } satisfies Partial<Record<keyof Refusal, unknown>> };
    }
    if (!this.has(worker)) return;
    try {
      answer(channel, reply, descriptor);
    } catch {
      // The worker has exited or does not read. If it waits for an answer, its own alarm ends it.
    }
  }
}
