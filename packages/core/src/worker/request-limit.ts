// Worker. `maxRequests`: how many requests a connection of HTTP/1, or a session of http2, has carried. Node's own
// `maxRequestsPerSocket` announces the end of a connection, but leaves it open.

export class RequestLimit {
  readonly #limit: number;
  readonly #counts = new WeakMap<object, number>();

  /** 0 means no limit. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Counts one more. @returns whether it is the last one, or beyond it */
  isLast(connection: object): boolean {
    if (this.#limit === 0) return false;
    const count = (this.#counts.get(connection) ?? 0) + 1;
    this.#counts.set(connection, count);
    return count >= this.#limit;
  }
}
