// Manager. Keeps as many workers as there are meant to be: starts the missing ones, drains those that are too many or silent,
// kills those that do not leave, and knows what a death means. policy.ts decides, pool.ts acts.

import { PreforkError } from '../errors.js';
import type { Settings } from '../options.js';
import { Backoff } from './backoff.js';
import { publishWorker } from './channels.js';
import type { HangReports } from './hang-report.js';
import * as policy from './policy.js';
import type { Pool } from './pool.js';
import type { Reload } from './reload.js';
import type { SlowLoops } from './slow-loops.js';
import { WorkerLimits } from './worker-limits.js';

/** What it needs of the pool. */
type Workers = Pick<Pool, 'workers' | 'spawn' | 'quit' | 'kill' | 'grant'>;

export interface UpkeepParts {
  readonly settings: Settings;
  readonly target: policy.Target;
  readonly pool: Workers;
  readonly reload: Pick<Reload, 'failed'>;
  /** With `hangReport`. Resolves when it is told. */
  readonly hangs?: Pick<HangReports, 'report'> | undefined;
  /** With `slowRequest` as well. */
  readonly slow?: Pick<SlowLoops, 'look'> | undefined;
  /** The server cannot go on. */
  failed(error: Error): void;
}

export class Upkeep {
  readonly #parts: UpkeepParts;
  readonly #backoff = new Backoff();
  readonly #limits: WorkerLimits;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
    this.#limits = new WorkerLimits(parts.settings);
  }

  /** When the pass has to come at the latest. */
  deadline(now: number): number {
    const { pool, settings } = this.#parts;
    const deadlines = pool.workers.map((worker) => policy.deadlineOf(worker, settings));
    return Math.min(this.#backoff.until(now), ...deadlines);
  }

  startMissing(now: number): void {
    const { pool, target, settings } = this.#parts;
    for (const worker of pool.workers) this.#limits.lookAtAge(worker, now);
    const ids = policy.vacancies(pool.workers, target, settings);
    const count = this.#backoff.allows(ids.length, now);
    for (const id of ids.slice(0, count)) pool.spawn(id, target.generation);
  }

  /** A heartbeat has come. */
  beaten(worker: policy.WorkerRecord): void {
    this.#limits.lookAtMemory(worker);
  }

  drainSurplus(): void {
    const { pool, target } = this.#parts;
    for (const worker of policy.surplus(pool.workers, target)) {
      const isOld = worker.generation !== target.generation;
      pool.quit(worker, isOld ? 'reloaded' : worker.id < target.workers ? (worker.excess ?? 'resized') : 'resized');
    }
  }

  /** Answers the workers that were told to leave by somebody else. The signals of this turn have been heard, a stop among them. */
  answer(): void {
    const { pool } = this.#parts;
    for (const worker of pool.workers) if (worker.isAsking) pool.grant(worker);
  }

  /** What each worker has to be told by now. */
  judge(now: number): void {
    const { pool, slow } = this.#parts;
    slow?.look(pool.workers);
    for (const worker of pool.workers) this.#judge(worker, now);
  }

  #judge(worker: policy.WorkerRecord, now: number): void {
    const { pool, target, settings } = this.#parts;
    switch (policy.decide(worker, target, settings, now)) {
      case 'quit':
        return pool.quit(worker, 'stopped');
      case 'kill':
        return pool.kill(worker);
      case 'expire':
        return this.#expire(worker);
      case 'keep':
    }
  }

  #expire(worker: policy.WorkerRecord): void {
    const { pool, reload, settings, hangs } = this.#parts;
    if (worker.isExamined) return;
    settings.log.error(`Worker ${worker.pid} has no heartbeat (${settings.heartbeatTimeout / 1000} s), restarting`);
    publishWorker('hang', worker);
    const told = hangs?.report(worker);
    if (worker.state === 'healthy') return pool.quit(worker, 'hung');
    worker.order = 'hung';
    // it has never served: there is nothing to drain
    reload.failed(worker, `worker ${worker.pid} sent no heartbeat`, pool.workers);
    if (!told) return pool.kill(worker);
    worker.isExamined = true;
    void told.then(() => pool.kill(worker));
  }

  /** @param end the signal that has ended it, or its exit status */
  reaped(worker: policy.WorkerRecord, end: string): void {
    const { pool, target, reload, settings } = this.#parts;
    const now = performance.now();
    switch (policy.meaningOf(worker, target, now, end)) {
      case 'boot failed':
        return this.#bootFailed(worker.pid);
      case 'crashed early':
        if (reload.failed(worker, `worker ${worker.pid} stopped too early`, pool.workers)) return;
        return this.#backoff.crashed(now, settings.log);
      case 'crashed':
        return this.#backoff.crashed(now, settings.log);
      case 'asked for':
      case 'left':
    }
  }

  #bootFailed(pid: number): void {
    this.#parts.settings.log.error(`Worker ${pid} stopped too early, shutting down`);
    this.#parts.failed(new PreforkError('ERR_PREFORK_BOOT', `Worker ${pid} stopped before its first heartbeat`));
  }

  /** The system has refused a process. */
  notStarted(error: Error): void {
    const { target, settings, failed } = this.#parts;
    const now = performance.now();
    // several starts in one pass fail together: one line, one delay
    if (this.#backoff.until(now) !== Number.POSITIVE_INFINITY) return;
    settings.log.error(`Can't start a worker: ${error.message}`);
    if (!target.proven) return failed(error);
    this.#backoff.refused(now, settings.log);
  }
}
