// Manager. The page of statistics. The manager makes it, or takes it over from the old manager, and writes its own part.

import { monotonic } from '../clock.js';
import { anonymousFile, mapSharedDoubles, sealSize } from '../posix/memory.js';
import { STATS_NAME, Stats } from '../stats.js';
import { type Exit, STATES, STATS_BYTES } from '../stats-layout.js';
import type { WorkerRecord } from './policy.js';

export interface StatsPage {
  readonly fd: number;
  /** Number of this manager in the series of upgrades. */
  readonly manager: number;
  readonly page: Stats;
}

export function openStats(inherited: { manager: number; fd: number } | undefined): StatsPage {
  const { manager, fd } = inherited ?? { manager: 0, fd: createPage() };
  const page = new Stats(mapSharedDoubles(fd, STATS_BYTES), manager);
  page.open(monotonic());
  return { fd, manager, page };
}

function createPage(): number {
  const fd = anonymousFile(STATS_NAME, STATS_BYTES);
  sealSize(fd);
  return fd;
}

/** Writes the manager's facts about its workers. */
export function recordWorkers(page: Stats, workers: readonly WorkerRecord[]): void {
  // the records of the manager have times of its own clock
  const offset = monotonic() - performance.now();
  for (const { slot, state, heartbeatAt } of workers) {
    page.set(slot, 'state', STATES.indexOf(state));
    page.set(slot, 'heartbeatAt', heartbeatAt + offset);
  }
}

/** A worker was started. */
export function recordStart(page: Stats, { slot, pid, id, generation }: WorkerRecord): void {
  const now = monotonic();
  page.claim(slot, { pid, id, generation, state: 0, spawnedAt: now, heartbeatAt: now });
}

/**
 * Why a worker has ended, for the statistics.
 *
 * @param end its exit status or signal, as the log shows it
 */
export function exitOf({ state, order, healthyAt }: WorkerRecord, end: string): Exit {
  if (order === 'hung') return 'hung';
  if (healthyAt === undefined && order === undefined) return 'boot failed';
  if (state === 'killed' && order !== undefined) return order === 'stopped' ? 'stopped' : 'killed';
  if (order !== undefined) return order;
  // V8 aborts when the heap is exhausted
  if (end === 'SIGABRT') return 'out of memory';
  return state === 'draining' ? 'recycled' : 'crashed';
}
