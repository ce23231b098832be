// Manager. Rolling reload: a new generation comes up before the old one drains, or the old one stays.

import { messageOf, PreforkError } from '../errors.js';
import type { Log } from '../log.js';
import type { Target, WorkerRecord } from './policy.js';

export class Reload {
  /** Why the last reload failed. */
  reloadError: string | undefined;
  /** The facts about reloads on the bulletin. */
  readonly news = { reloads: 0, reloaded: 0, reloadFailed: 0, reloadCulprit: 0 };
  readonly #target: Target;
  readonly #events: { reload(error?: PreforkError): void };
  readonly #log: Log;
  readonly #prepare: () => void;
  #isRunning = false;
  #isWanted = false;

  /** `prepare` gets what new workers need. If it throws, they cannot be started. */
  constructor(target: Target, events: { reload(error?: PreforkError): void }, log: Log, prepare: () => void) {
    this.#prepare = prepare;
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
    this.#isWanted = false;
    this.reloadError = undefined;
    this.news.reloads += 1;
    this.#log.info('Reloading the workers');
    try {
      this.#prepare();
    } catch (error) {
      return this.#giveUp(messageOf(error), 0, error);
    }
    this.#isRunning = true;
    this.#target.generation += 1;
  }

  /** Called in each pass: has the last old worker gone into its drain? */
  step(isReloading: boolean, workers: readonly WorkerRecord[]): void {
    const isServed = workers.some(
      ({ state, generation }) => state === 'healthy' && generation === this.#target.generation,
    );
    if (!this.#isRunning || isReloading || (!isServed && this.#target.workers > 0)) return;
    this.#isRunning = false;
    this.news.reloaded = this.news.reloads;
    this.#log.info('Reload finished');
    this.#events.reload();
    if (this.#isWanted) this.#begin();
  }

  /**
   * A worker of the new generation did not come up. From now on every running worker counts as current, so that every old one stays
   * and each worker that still boots is one too many.
   *
   * @returns whether it was one of a running reload.
   */
  failed(worker: WorkerRecord, reason: string, workers: readonly WorkerRecord[]): boolean {
    if (!this.#isRunning || worker.generation !== this.#target.generation) return false;
    this.#isRunning = false;
    this.#isWanted = false;
    for (const other of workers) other.generation = this.#target.generation;
    this.#giveUp(reason, worker.pid);
    return true;
  }

  /** `culprit` is the pid of a worker, 0 for what the manager did itself. */
  #giveUp(reason: string, culprit: number, cause?: unknown): void {
    this.reloadError = reason;
    this.news.reloadFailed = this.news.reloads;
    this.news.reloadCulprit = culprit;
    this.#log.error(`Reload failed, ${reason}; the old workers stay`);
    this.#events.reload(new PreforkError('ERR_PREFORK_RELOAD', `Reload failed: ${reason}`, cause));
  }
}
