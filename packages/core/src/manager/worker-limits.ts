// Manager. Which workers have outgrown `maxMemory` or `maxAge`. It reads their memory itself, and believes nothing that a worker
// says of itself. It marks a worker's record; the pass replaces the worker.

import { readFileSync } from 'node:fs';
import type { Settings } from '../options.js';
import type { WorkerRecord } from './policy.js';

/** So many heartbeats in a row a worker has to be above `maxMemory`. */
const BEATS = 2;

interface Look {
  /** Heartbeats in a row at which the worker was above the limit. */
  above: number;
  /** Whether it was above it from its first heartbeat on: a replacement would be as large. */
  isAboveAlways: boolean;
}

export class WorkerLimits {
  readonly #settings: Pick<Settings, 'log' | 'maxAge' | 'maxMemory'>;
  readonly #looks = new WeakMap<WorkerRecord, Look>();
  readonly #ends = new WeakMap<WorkerRecord, number>();
  readonly #memoryOf: (pid: number) => number | undefined;
  readonly #random: () => number;
  #isWarned = false;

  /** @param memoryOf resident bytes of a process; `random` gives numbers from 0 to 1 */
  constructor(
    settings: Pick<Settings, 'log' | 'maxAge' | 'maxMemory'>,
    memoryOf = residentMemory,
    random: () => number = Math.random,
  ) {
    this.#settings = settings;
    this.#memoryOf = memoryOf;
    this.#random = random;
  }

  /** At each heartbeat of a worker. */
  lookAtMemory(worker: WorkerRecord): void {
    const { maxMemory, log } = this.#settings;
    if (maxMemory === 0 || worker.state !== 'healthy' || worker.excess !== undefined) return;
    const bytes = this.#memoryOf(worker.pid);
    if (bytes === undefined) return;
    const before = this.#looks.get(worker);
    const isAbove = bytes > maxMemory;
    const look = {
      above: isAbove ? (before?.above ?? 0) + 1 : 0,
      isAboveAlways: isAbove && (before?.isAboveAlways ?? true),
    };
    this.#looks.set(worker, look);
    if (look.isAboveAlways) return this.#warn(bytes);
    if (look.above < BEATS) return;
    worker.excess = 'memory';
    log.info(`Worker ${worker.pid} takes ${megabytes(bytes)} (maxMemory is ${megabytes(maxMemory)}), replacing it`);
  }

  /** In each pass. */
  lookAtAge(worker: WorkerRecord, now: number): void {
    const { maxAge, log } = this.#settings;
    if (maxAge === 0 || worker.state !== 'healthy' || worker.excess !== undefined) return;
    const end = this.#ends.get(worker) ?? (worker.healthyAt ?? now) + maxAge * (1 - this.#random() / 10);
    this.#ends.set(worker, end);
    if (now < end) return;
    worker.excess = 'age';
    log.info(
      `Worker ${worker.pid} has served for ${Math.round((now - (worker.healthyAt ?? now)) / 1000)} s (maxAge), replacing it`,
    );
  }

  /** One that is replaced by a worker as large would be replaced for ever. */
  #warn(bytes: number): void {
    if (this.#isWarned) return;
    this.#isWarned = true;
    const { maxMemory, log } = this.#settings;
    log.warn(
      `A fresh worker takes ${megabytes(bytes)}, more than maxMemory (${megabytes(maxMemory)}): it is not replaced until it was below; raise maxMemory`,
    );
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MB`;
}

/** proc(5); nothing for a process that has gone. */
function residentMemory(pid: number): number | undefined {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}
