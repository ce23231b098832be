// Worker. Counts what this worker does, in its record of the shared page: requests and how long they took, and at each heartbeat
// how busy and how large the process is. It allocates nothing per request.

import { performance } from 'node:perf_hooks';
import { BUCKETS, bucketOf, percentiles } from '../durations.js';
import type { Recorder } from '../stats.js';

export class Statistics {
  readonly #recorder: Recorder;
  #begun = 0;
  /** Durations of the loop turns that ran the application, since the last heartbeat. */
  readonly #turns = new Uint32Array(BUCKETS);
  #turnAt = 0;
  #busy = performance.eventLoopUtilization();

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  /** A request has begun. Returns when. */
  begin(): number {
    this.#begun += 1;
    return performance.now();
  }

  /** The application is about to run in this loop turn. */
  turnBegan(at: number): void {
    this.#turnAt = at;
  }

  /** It has run. */
  turnEnded(at: number): void {
    const bucket = bucketOf(at - this.#turnAt);
    this.#turns[bucket] = (this.#turns[bucket] ?? 0) + 1;
    this.tell();
  }

  /** A response has ended, or its client has gone. @returns how long it has taken, milliseconds */
  end(status: number, begunAt: number, at: number): number {
    const duration = at - begunAt;
    this.#recorder.ended(status, bucketOf(duration), duration);
    return duration;
  }

  /** How many requests have begun; also correct before the loop turn ends. */
  tell(): void {
    this.#recorder.begun(this.#begun);
  }

  accepted(total: number): void {
    this.#recorder.accepted(total);
  }

  /** At each heartbeat. @param acceptsLeft infinite without a limit */
  measure(acceptsLeft: number): void {
    const busy = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(busy, this.#busy);
    this.#busy = busy;
    const { rss, heapUsed } = process.memoryUsage();
    this.#recorder.measured({
      acceptsLeft: acceptsLeft === Number.POSITIVE_INFINITY ? 0 : acceptsLeft,
      utilization: Number.isFinite(utilization) ? utilization : 0,
      delay: percentiles(this.#turns, [0.99])[0] ?? 0,
      resident: rss,
      heap: heapUsed,
    });
    this.#turns.fill(0);
  }
}
