// Manager. Worker records + targets + clock -> what to do. Pure: no process, no clock of its own, no event.

import type { Settings } from '../options.js';

/** States only move down this list, and then the record is gone. */
export type WorkerState = 'starting' | 'healthy' | 'draining' | 'killed';

/** A worker as the manager sees it: its state, and the times that matter, in milliseconds of a monotonic clock. */
export interface WorkerRecord {
  readonly pid: number;
  readonly slot: number;
  /** Which reload it was started by. */
  generation: number;
  state: WorkerState;
  readonly spawnedAt: number;
  healthyAt?: number;
  heartbeatAt: number;
  drainingSince?: number;
  /** It was told to leave, not by us, and waits for our answer. */
  isAsking?: boolean;
}

/** What the pool is meant to be. */
export interface Target {
  goal: 'run' | 'stop gracefully' | 'stop immediately';
  workers: number;
  generation: number;
  /** Whether any worker ever was healthy: the first one shows that the application boots. */
  proven: boolean;
}

/** `quit` drains it, `expire` does so because its heartbeat is overdue, `kill` ends it. */
export type Order = 'keep' | 'quit' | 'expire' | 'kill';

export type Limits = Pick<Settings, 'gracefulTimeout' | 'heartbeatInterval' | 'heartbeatTimeout' | 'spare'>;

/** When {@link decide} has to be asked about this worker again. */
export function deadlineOf(worker: WorkerRecord, limits: Limits): number {
  if (worker.state === 'killed') return Number.POSITIVE_INFINITY;
  if (worker.state === 'draining') return (worker.drainingSince ?? 0) + limits.gracefulTimeout;
  return worker.heartbeatAt + limits.heartbeatInterval + limits.heartbeatTimeout;
}

/** What a worker has to be told. */
export function decide(worker: WorkerRecord, target: Target, limits: Limits, now: number): Order {
  const { state } = worker;
  if (state === 'killed') return 'keep';
  if (target.goal === 'stop immediately') return 'kill';
  const isDue = deadlineOf(worker, limits) <= now;
  if (state === 'draining') return isDue ? 'kill' : 'keep';
  if (target.goal === 'stop gracefully') return 'quit';
  return isDue ? 'expire' : 'keep';
}

const isActive = ({ state }: WorkerRecord) => state === 'starting' || state === 'healthy';

/** Whether workers of an older generation still serve. */
export function isReloading(workers: readonly WorkerRecord[], { generation }: Target): boolean {
  return workers.some((worker) => isActive(worker) && worker.generation !== generation);
}

/** How many workers to start now. */
export function shortage(workers: readonly WorkerRecord[], target: Target, limits: Limits): number {
  if (target.goal !== 'run') return 0;
  const wanted = target.proven ? target.workers : Math.min(target.workers, 1);
  const active = workers.filter(isActive);
  const current = active.filter(({ generation }) => generation === target.generation);
  if (!isReloading(workers, target)) {
    return Math.max(0, Math.min(wanted - active.length, target.workers + limits.spare - workers.length));
  }
  // The first of a generation shows that it boots; after it, as many at once as may be spare
  const isShown = current.some(({ state }) => state === 'healthy');
  const atOnce = isShown ? Math.max(1, limits.spare) : 1;
  const booting = current.filter(({ state }) => state === 'starting').length;
  const room = 2 * target.workers + atOnce - workers.length;
  return Math.max(0, Math.min(wanted - current.length, atOnce - booting, room));
}

/** Who is one too many: what boots before what serves, the old generation before the new, the oldest first. */
export function surplus<W extends WorkerRecord>(workers: readonly W[], target: Target): W[] {
  if (target.goal !== 'run') return [];
  const active = workers.filter(isActive);
  const fresh = active.filter(({ generation, state }) => generation === target.generation && state === 'healthy');
  const old = active.filter(({ generation }) => generation !== target.generation);
  const booting = active.filter(({ generation, state }) => generation === target.generation && state === 'starting');
  // an old worker may go once a new one stands in for it
  const keepOld = Math.max(0, target.workers - fresh.length);
  const goingOld = byAge(old).slice(0, Math.max(0, old.length - keepOld));
  const tooMany = fresh.length + booting.length - target.workers;
  return [...goingOld, ...[...booting, ...byAge(fresh)].slice(0, Math.max(0, tooMany))];
}

function byAge<W extends WorkerRecord>(workers: readonly W[]): W[] {
  return [...workers].sort((a, b) => a.spawnedAt - b.spawnedAt);
}

/** A worker that dies this soon after its first heartbeat has crashed. Milliseconds. */
const CRASH_AGE = 2_000;
/** A worker that lives this long ends a series of crashes. Milliseconds. */
export const HEALTHY_PERIOD = 5_000;
/** So many crashes are replaced at once: a killed worker must not be missed for long. */
export const FREE_CRASHES = 10;
const FIRST_DELAY = 250;
const LONGEST_DELAY = 10_000;

/** Whether an unexpected death was a crash, which counts towards {@link respawnDelay}. */
export function isCrash({ healthyAt }: WorkerRecord, now: number): boolean {
  return healthyAt === undefined || now - healthyAt < CRASH_AGE;
}

/** What somebody sends who means the whole server. */
const STOP_SIGNALS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'];

/**
 * What the death of a worker means: it was asked for; the first worker has not come up; a worker has died before its first
 * heartbeat, or soon after it; or it has left by itself after a while, for which there may be many reasons.
 */
export type Meaning = 'asked for' | 'boot failed' | 'crashed early' | 'crashed' | 'left';

/** @param end the signal that has ended it, or its exit status. */
export function meaningOf(worker: WorkerRecord, target: Target, now: number, end = ''): Meaning {
  const { state, healthyAt } = worker;
  const wasAsked = state === 'draining' || (state === 'killed' && healthyAt !== undefined);
  if (wasAsked || target.goal !== 'run') return 'asked for';
  // a signal to all processes of the server has ended a worker that boots before the manager has heard it
  if (healthyAt === undefined && STOP_SIGNALS.includes(end)) return 'crashed';
  if (!target.proven) return 'boot failed';
  if (healthyAt === undefined) return 'crashed early';
  return isCrash(worker, now) ? 'crashed' : 'left';
}

/** How long to wait before the next start, after so many crashes in a series: doubling, capped, with up to a quarter of jitter. */
export function respawnDelay(crashes: number, random: () => number = Math.random): number {
  if (crashes <= FREE_CRASHES) return 0;
  const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (crashes - FREE_CRASHES - 1));
  return Math.round(delay * (1 + random() / 4));
}
