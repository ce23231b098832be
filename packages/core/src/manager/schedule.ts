// Manager. When the next pass comes: after all events of this turn of the loop, and at the deadline that the last pass has returned.
// A pass that throws does not end the manager. This file does not know what a pass does.

import { describeThrown, type Log } from '../log.js';

/** The longest time between two passes, so that a deleted PID file is back soon. Milliseconds. */
export const TICK = 1_000;

/**
 * The pass.
 *
 * @param now milliseconds of a monotonic clock
 * @param mayJudge whether a missing heartbeat is the worker's fault. A manager that was stopped or blocked has missed what its
 * workers said, and hears it first.
 * @returns when it has to run again at the latest; `undefined` when it was the last one.
 */
export type Pass = (now: number, mayJudge: boolean) => number | undefined;

export class Schedule {
  readonly #pass: Pass;
  readonly #log: Log;
  readonly #longest: number;
  #asked: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wakeAt = Number.POSITIVE_INFINITY;
  #judgeFrom = 0;

  /** @param longest another bound of the time between two passes, milliseconds */
  constructor(pass: Pass, log: Log, longest: number) {
    this.#pass = pass;
    this.#log = log;
    this.#longest = Math.min(TICK, longest);
  }

  /** Asks for a pass at the end of this turn: beats that are queued are read before any worker is judged. */
  ask(): void {
    this.#asked ??= setImmediate(() => {
      this.#asked = undefined;
      this.run();
    });
  }

  /** Runs a pass now. */
  run(): void {
    clearTimeout(this.#timer);
    const now = performance.now();
    if (now > this.#wakeAt + TICK / 2) this.#judgeFrom = now + TICK;
    try {
      const until = this.#pass(now, now >= this.#judgeFrom);
      if (until !== undefined) this.#sleep(now, until);
    } catch (error) {
      this.#log.error(`The manager's pass failed, it goes on: ${describeThrown(error)}`);
      this.#timer = setTimeout(() => this.ask(), TICK);
    }
  }

  /** No pass follows. */
  stop(): void {
    clearImmediate(this.#asked);
    clearTimeout(this.#timer);
  }

  #sleep(now: number, until: number): void {
    const deadline = Math.max(until, this.#judgeFrom);
    this.#wakeAt = Math.max(now + 1, Math.min(deadline, now + this.#longest));
    this.#timer = setTimeout(() => this.ask(), Math.ceil(this.#wakeAt - now));
  }
}
