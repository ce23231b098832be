// Worker. How many connections this worker can serve soon, as its last loop turn in user code shows, and how many it takes at
// once. It knows times and counts; the turnstile asks it.

import { elapsed } from '../clock.js';

/**
 * So many connections are taken at once. What a worker has taken waits for that worker, also while it is off its processor;
 * what is left in the queue is served by the first worker that runs. Fewer cost throughput, because each loop turn has a price.
 * docs/design.md has the figures.
 */
export const BITE = 16;

/** A turn this short is too short to measure a rate: the clock counts milliseconds. */
const PACE_FROM = 2;

/** Nor does a worker that has entered user code so few times: its first request takes as long as fifty later ones. */
const WARM_FROM = 100;

export class Pace {
  readonly #acceptInterval: number;
  readonly #now: () => number;
  #entries = 0; // into user code, in this loop turn
  #entriesBefore = 0;
  #beganAt = 0;
  #endedAt = 0;
  #appetite = Number.POSITIVE_INFINITY;
  #isBusy = false;

  constructor(acceptInterval: number, now: () => number) {
    this.#acceptInterval = acceptInterval;
    this.#now = now;
  }

  /** In user code, or later in the same loop turn. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** User code is entered for the first time in a loop turn. */
  begin(time: number): void {
    this.#isBusy = true;
    this.#entriesBefore += this.#entries;
    this.#entries = 1;
    this.#beganAt = time;
  }

  /** And once more. */
  enter(): void {
    this.#entries += 1;
  }

  /** The loop turn has ended: at its pace, so much can be served in an accept interval. */
  end(): void {
    this.#isBusy = false;
    this.#endedAt = this.#now();
    const length = elapsed(this.#beganAt, this.#endedAt);
    this.#appetite =
      length < PACE_FROM || this.#entriesBefore < WARM_FROM
        ? Number.POSITIVE_INFINITY
        : Math.max(1, Math.floor((this.#entries * this.#acceptInterval) / length));
  }

  /** A connection was taken. */
  took(): void {
    this.#appetite -= 1;
  }

  /** How many more can be served soon; all of them, if no user code has run since. */
  appetite(): number {
    if (this.#appetite === Number.POSITIVE_INFINITY || this.#isBusy) return this.#appetite;
    if (elapsed(this.#endedAt, this.#now()) >= this.#acceptInterval) this.#appetite = Number.POSITIVE_INFINITY;
    return this.#appetite;
  }
}
