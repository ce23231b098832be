// Worker. Estimates from the last loop turn in user code how many connections this worker can serve soon, and how many it takes at
// once. It knows only times and counts; the turnstile asks it.

import { elapsed } from '../clock.js';

/**
 * So many connections are taken at once. A connection that was taken waits for its worker, even while that worker has no
 * processor. One that stays in the queue goes to the first worker that runs. Taking fewer costs throughput: each loop turn costs time.
 * docs/design.md has the figures.
 */
export const BITE = 16;

/** A turn this short is too short to measure a rate: the clock counts milliseconds. */
const PACE_FROM = 2;

/** With so few entries into user code no rate can be measured: the first request takes as long as fifty later ones. */
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

  /** User code is entered again in the same loop turn. */
  enter(): void {
    this.#entries += 1;
  }

  /** The loop turn has ended. Computes how many connections can be served in an accept interval at its rate. */
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

  /** How many more can be served soon. It is the full number if no user code has run since. */
  appetite(): number {
    if (this.#appetite === Number.POSITIVE_INFINITY || this.#isBusy) return this.#appetite;
    if (elapsed(this.#endedAt, this.#now()) >= this.#acceptInterval) this.#appetite = Number.POSITIVE_INFINITY;
    return this.#appetite;
  }
}
