// Worker. How many requests are in flight and were served, and which responses are not finished. It decides nothing. It makes
// no listener and no closure for a request that is answered in the loop turn in which it came.

import type { ServerResponse } from 'node:http';
import { afterTurn } from './own-context.js';

/** Requests in flight and in total: once when a loop turn's first begins, once after it, and as longer ones end. */
type Tell = (inFlight: number, served: number) => void;

export class Requests {
  /**
   * The last response of this loop turn. Most are ended before the next one begins: these cost no listener, and are not
   * kept, which each garbage collection would pay for.
   */
  #latest: ServerResponse | undefined;
  /** Responses that took longer, and are not finished. */
  readonly #pending = new Set<ServerResponse>();
  /** Responses that `checkContinue` gave to the application, which will pass them on as requests. */
  readonly #continued = new Set<ServerResponse>();
  readonly #responseClosed: (this: ServerResponse) => void;
  readonly #told: Tell;
  #held = 0;
  #served = 0;

  constructor(told: Tell) {
    this.#told = told;
    const requests = this;
    // one function for all responses, which are its `this`: nothing is made per request
    this.#responseClosed = function () {
      requests.#pending.delete(this);
      requests.#end(this);
      requests.#tell();
    };
  }

  /** A request of HTTP/1. */
  begin(response: ServerResponse): void {
    const before = this.#latest;
    this.#latest = response;
    if (before) this.#sift(before);
    else this.#turnBegan();
  }

  /** A request of http2: one of many on its connection, which is not answered in the loop turn. */
  beginStream(response: ServerResponse): void {
    this.#await(response);
    this.#tell();
  }

  /** It has begun, and the application will pass it on as a request. */
  expectAgain(response: ServerResponse): void {
    this.#continued.add(response);
  }

  /** Whether this is one that {@link expectAgain} was told of, and has begun already. */
  isContinued(response: ServerResponse): boolean {
    return this.#continued.size > 0 && this.#continued.delete(response);
  }

  /** Responses that are not ended, in the order in which they began. */
  unfinished(): ServerResponse[] {
    return [...this.#pending, ...(this.#latest ? [this.#latest] : [])];
  }

  /** A connection of a server that knows no requests: it is one until it ends. */
  hold(): void {
    this.#held += 1;
    this.#tell();
  }

  /** A connection that was held has ended. */
  release(): void {
    this.#held -= 1;
    this.#served += 1;
    this.#tell();
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
    this.#told(this.#held + this.#pending.size + (this.#latest ? 1 : 0), this.#served);
  }

  #await(response: ServerResponse): void {
    this.#pending.add(response);
    response.on('close', this.#responseClosed);
  }

  #end(response: ServerResponse): void {
    this.#served += 1;
    if (this.#continued.size > 0) this.#continued.delete(response);
  }
}
