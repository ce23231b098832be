// Manager. Rolling reload: a new generation comes up before the old one drains, or the old one stays.

import { PreforkError } from '../errors.js';
import type { Log } from '../log.js';
import type { Target, WorkerRecord } from './policy.js';

export class Reload {
  /** Why the last reload failed. */
  reloadError: string | undefined;
  readonly #target: Target;
  readonly #events: { reload(error?: PreforkError): void };
  readonly #log: Log;
  #isRunning = false;
  #isWanted = false;

  constructor(target: Target, events: { reload(error?: PreforkError): void }, log: Log) {
    this.#target = target;
    this.#events = events;
    this.#log = log;
  }

  /** Any number of requests during a reload make one more after it. */
  request(isReloading: boolean): void {
    if (isReloading || this.#isRunning) this.#isWanted = true;
    else this.#begin();
  }

  #begin(): void {
    this.#isRunning = true;
    this.#isWanted = false;
    this.reloadError = undefined;
    this.#target.generation += 1;
    this.#log.info('Reloading the workers');
  }

  /** Called in each pass: has the last old worker gone into its drain? */
  step(isReloading: boolean, workers: readonly WorkerRecord[]): void {
    const isServed = workers.some(
      ({ state, generation }) => state === 'healthy' && generation === this.#target.generation,
    );
    if (!this.#isRunning || isReloading || (!isServed && this.#target.workers > 0)) return;
    this.#isRunning = false;
    this.#log.info('Reload finished');
    this.#events.reload();
    if (this.#isWanted) this.#begin();
  }

  /**
   * A worker of the new generation did not come up: everyone who is there counts as current, so that every old one stays
   * and what boots still is one too many.
   *
   * @returns whether it was one of a running reload.
   */
  failed(worker: WorkerRecord, reason: string, workers: readonly WorkerRecord[]): boolean {
    if (!this.#isRunning || worker.generation !== this.#target.generation) return false;
    this.#isRunning = false;
    this.#isWanted = false;
    for (const other of workers) other.generation = this.#target.generation;
    this.reloadError = reason;
    this.#log.error(`Reload failed, ${reason}; the old workers stay`);
    this.#events.reload(new PreforkError('ERR_PREFORK_RELOAD', `Reload failed: ${reason}`));
    return true;
  }
}
