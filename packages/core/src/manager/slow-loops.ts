// Manager. With `slowRequest` and `hangReport`: finds workers whose user code blocks the event loop for longer than a request should
// take, so that they are asked where they are. The scoreboard only says when to look: a worker that writes wrong times into it causes
// needless looks at itself, a few in a minute.

import { elapsed, now } from '../clock.js';
import type { Scoreboard } from '../scoreboard.js';
import type { WorkerRecord } from './policy.js';

/** A worker is asked again after so long at the earliest. Milliseconds. */
const REST = 10_000;

export class SlowLoops {
  readonly #board: Pick<Scoreboard, 'busySince'>;
  readonly #limit: number;
  readonly #ask: (worker: WorkerRecord) => void;
  readonly #now: () => number;
  /** The blockage that a worker was asked about last, by its begin, and when. */
  readonly #asked = new WeakMap<WorkerRecord, { since: number; at: number }>();

  /** @param limit milliseconds */
  constructor(board: Pick<Scoreboard, 'busySince'>, limit: number, ask: (worker: WorkerRecord) => void, clock = now) {
    this.#board = board;
    this.#limit = limit;
    this.#ask = ask;
    this.#now = clock;
  }

  /** In each pass. */
  look(workers: readonly WorkerRecord[]): void {
    const at = this.#now();
    for (const worker of workers) {
      const since = this.#board.busySince(worker.slot);
      if (worker.state !== 'healthy' || since === 0 || elapsed(since, at) < this.#limit) continue;
      const before = this.#asked.get(worker);
      if (before && (before.since === since || elapsed(before.at, at) < REST)) continue;
      this.#asked.set(worker, { since, at });
      this.#ask(worker);
    }
  }
}
