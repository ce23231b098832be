// Manager. Slows down the replacement of workers that crash again and again.

import type { Log } from '../log.js';
import { HEALTHY_PERIOD, respawnDelay } from './policy.js';

/** A series of crashes. Times are milliseconds of a monotonic clock. */
export class Backoff {
  #crashes = 0;
  #delay = 0;
  #holdUntil = 0;
  #lastSpawn = 0;

  /** When it allows the next start, if it holds one back. */
  until(now: number): number {
    return this.#holdUntil > now ? this.#holdUntil : Number.POSITIVE_INFINITY;
  }

  /** A worker died unexpectedly and young. */
  crashed(now: number, log: Log): void {
    this.#crashes += 1;
    this.#delay = respawnDelay(this.#crashes);
    this.#holdUntil = now + this.#delay;
    if (this.#delay > 0)
      log.warn(`Workers keep stopping early, the next one starts in ${(this.#delay / 1000).toFixed(1)} s`);
  }

  /** How many of the missing workers may start now: in a series of crashes one at a time. */
  allows(missing: number, now: number): number {
    if (missing === 0) return 0;
    if (now - this.#lastSpawn > Math.max(HEALTHY_PERIOD, 0) && now - this.#holdUntil > HEALTHY_PERIOD)
      this.#crashes = 0;
    if (this.#crashes === 0 || this.#delay === 0) return this.#started(missing, now);
    if (now < this.#holdUntil) return 0;
    this.#holdUntil = now + this.#delay;
    return this.#started(1, now);
  }

  #started(count: number, now: number): number {
    this.#lastSpawn = now;
    return count;
  }
}
