// Worker. How many connections a worker can serve soon, told from its last loop turn in user code. It knows times and
// counts; the turnstile asks it.

import { elapsed } from '../scoreboard.js';

/** A turn this short, by a clock that counts milliseconds, tells no pace. */
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

  constructor(acceptInterval: number, now: () => number) {
    this.#acceptInterval = acceptInterval;
    this.#now = now;
  }

  /** User code is entered for the first time in a loop turn. */
  begin(time: number): void {
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
  appetite(isBusy: boolean): number {
    if (this.#appetite === Number.POSITIVE_INFINITY || isBusy) return this.#appetite;
    if (elapsed(this.#endedAt, this.#now()) >= this.#acceptInterval) this.#appetite = Number.POSITIVE_INFINITY;
    return this.#appetite;
  }
}
