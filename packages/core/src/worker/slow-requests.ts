// Worker. Logs each request that takes longer than `slowRequest` once: while it runs, or when it has ended. It costs nothing
// per request except one comparison.

import type { ServerResponse } from 'node:http';
import type { Log } from '../log.js';
import { printable } from '../printable.js';
import { inOwnContext } from './own-context.js';

/** How often it checks the requests that run: four times in the limit, within these bounds. Milliseconds. */
const SOONEST = 25;
const LATEST = 1_000;

export class SlowRequests {
  readonly #limit: number;
  readonly #log: Log;
  readonly #told = new WeakSet<ServerResponse>();

  /** @param limit milliseconds */
  constructor(limit: number, log: Log) {
    this.#limit = limit;
    this.#log = log;
  }

  /** @param pending the responses that are not finished, and when each has begun */
  watch(pending: () => Iterable<readonly [ServerResponse, number]>): void {
    const look = () => {
      const now = performance.now();
      for (const [response, begunAt] of pending()) this.look(response, now - begunAt, ' so far');
    };
    inOwnContext(() => setInterval(look, Math.min(LATEST, Math.max(SOONEST, this.#limit / 4)))).unref();
  }

  /** @param age milliseconds that it has taken */
  look(response: ServerResponse, age: number, suffix = ''): void {
    if (age < this.#limit || this.#told.has(response)) return;
    this.#told.add(response);
    const { method, url = '' } = response.req;
    const path = printable(url.replace(/\?.*/s, ''));
    this.#log.warn(
      `Slow request, ${Math.round(age)} ms${suffix}: ${method} ${path} (slowRequest is ${this.#limit} ms)`,
    );
  }
}
