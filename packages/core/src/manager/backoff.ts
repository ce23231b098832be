// Manager. Slows down the replacement of workers that crash again and again.

import type { Log } from '../log.js';
import { FREE_CRASHES, HEALTHY_PERIOD, respawnDelay } from './policy.js';

/** A series of crashes. Times are milliseconds of a monotonic clock. */
export class Backoff {
  #crashes = 0;
  #delay = 0;
  #lastCrash = Number.NEGATIVE_INFINITY;
  #holdUntil = 0;

  /** When it allows the next start, if it holds one back. */
  until(now: number): number {
    return this.#holdUntil > now ? this.#holdUntil : Number.POSITIVE_INFINITY;
  }

  /** The system refused to start a process. The next try waits. */
  refused(now: number, log: Log): void {
    this.#forget(now);
    this.#crashes = Math.max(this.#crashes, FREE_CRASHES);
    this.#count(now, log, 'No worker can be started');
  }

  /** A worker died unexpectedly and young. */
  crashed(now: number, log: Log): void {
    this.#forget(now);
    this.#count(now, log, 'Workers keep stopping early');
  }

  #count(now: number, log: Log, what: string): void {
    this.#crashes += 1;
    this.#lastCrash = now;
    this.#delay = respawnDelay(this.#crashes);
    this.#holdUntil = now + this.#delay;
    if (this.#delay === 0) return;
    log.warn(`${what}, the next one starts in ${(this.#delay / 1000).toFixed(1)} s`);
  }

  /** How many of the missing workers may start now: in a series of crashes one at a time. */
  allows(missing: number, now: number): number {
    this.#forget(now);
    if (this.#delay === 0 || missing === 0) return missing;
    if (now < this.#holdUntil) return 0;
    this.#holdUntil = now + this.#delay;
    return 1;
  }

  /** The workers that were started after the last crash have lived long enough: the series is over. */
  #forget(now: number): void {
    if (now - this.#lastCrash <= this.#delay + HEALTHY_PERIOD) return;
    this.#crashes = 0;
    this.#delay = 0;
    this.#holdUntil = 0;
  }
}
