// Manager. Worker records + targets + clock -> what to do. Pure: no process, no clock of its own, no event.

import type { Settings } from '../options.js';

/** States only move down this list, and then the record is gone. */
export type WorkerState = 'starting' | 'healthy' | 'draining' | 'killed';

/** A worker as the manager sees it: its state, and the times that matter, in milliseconds of a monotonic clock. */
export interface WorkerRecord {
  readonly pid: number;
  readonly slot: number;
  /** Its number in the pool, which its successor takes over: below {@link Target.workers}, unless that has shrunk since. */
  readonly id: number;
  /** Which reload it was started by. */
  generation: number;
  state: WorkerState;
  readonly spawnedAt: number;
  healthyAt?: number;
  heartbeatAt: number;
  drainingSince?: number;
  /** It was told to leave, but not by the manager, and waits for the manager's answer. */
  isAsking?: boolean;
  /** Why it was told to go, if it was. */
  order?: 'resized' | 'reloaded' | 'stopped' | 'hung' | Excess;
  /** It has exceeded a limit, and leaves when its replacement serves. */
  excess?: Excess;
  /** It hangs during its boot, and V8 is asked for the stack. */
  isExamined?: boolean;
  /** It has said that it accepts no more. */
  hasLeft?: boolean;
}

/** The limit that a worker has exceeded: `maxMemory` or `maxAge`. */
type Excess = 'memory' | 'age';

/** The state that the pool should reach. */
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

/** Whether a worker accepts no more: it has said so, it was killed, or it has never served. */
export function hasLeft({ hasLeft, state, healthyAt }: WorkerRecord): boolean {
  return hasLeft === true || state === 'killed' || healthyAt === undefined;
}

/** The ids of the workers to start now, as many as may start at once. */
export function vacancies(workers: readonly WorkerRecord[], target: Target, limits: Limits): number[] {
  if (target.goal !== 'run') return [];
  const active = workers.filter(isActive);
  const without = (list: readonly WorkerRecord[]) => {
    const taken = new Set(list.map(({ id }) => id));
    return (id: number) => !taken.has(id);
  };
  const all = Array.from({ length: target.proven ? target.workers : Math.min(target.workers, 1) }, (_, id) => id);
  if (!isReloading(workers, target)) {
    const room = target.workers + limits.spare - workers.length;
    const empty = all.filter(without(active)).slice(0, Math.max(0, room));
    return empty.length > 0 ? empty : outgrown(active, target, limits, workers.length);
  }
  // The first of a generation shows that it boots; after it, as many at once as may be spare
  const current = active.filter(({ generation }) => generation === target.generation);
  const isShown = current.some(({ state }) => state === 'healthy');
  const atOnce = isShown ? Math.max(1, limits.spare) : 1;
  const booting = current.filter(({ state }) => state === 'starting').length;
  const room = 2 * target.workers + atOnce - workers.length;
  const empty = all.filter(without(active));
  const old = all.filter(without(current)).filter((id) => !empty.includes(id));
  return [...empty, ...old].slice(0, Math.max(0, Math.min(atOnce - booting, room)));
}

/** The number of one worker that has exceeded a limit and has no replacement yet. One at a time, so that most workers stay warm. */
function outgrown(active: readonly WorkerRecord[], target: Target, limits: Limits, count: number): number[] {
  const fresh = active.filter(({ excess }) => excess === undefined);
  const isBooting = fresh.some(({ state }) => state === 'starting');
  const hasRoom = count < target.workers + Math.max(1, limits.spare);
  const alone = active.find(({ id, excess }) => excess !== undefined && !fresh.some((other) => other.id === id));
  return alone && hasRoom && !isBooting && alone.id < target.workers ? [alone.id] : [];
}

/**
 * The workers that the pool needs no longer: an old one whose id a healthy successor has, the oldest first, and those whose ids a
 * smaller pool does not have. Workers that boot leave before workers that serve, and only as many as the others can replace.
 */
export function surplus<W extends WorkerRecord>(workers: readonly W[], target: Target): W[] {
  if (target.goal !== 'run') return [];
  const active = workers.filter(isActive);
  const isServing = ({ state }: WorkerRecord) => state === 'healthy';
  const inside = active.filter(({ id }) => id < target.workers);
  const outside = active.filter(({ id }) => id >= target.workers).sort((a, b) => b.id - a.id);
  const serving = new Set(inside.filter(isServing).map(({ id }) => id)).size;
  const leaving = outside.filter(isServing);
  const allowed = Math.max(0, leaving.length + serving - target.workers);
  const replaced = byAge(inside.filter((worker) => !isKept(worker, inside, target)));
  const booting = [...replaced, ...outside].filter((worker) => !isServing(worker));
  return [...booting, ...replaced.filter(isServing), ...leaving.slice(0, allowed)];
}

/**
 * The workers to keep among those with one id: the youngest that is healthy and current and has exceeded no limit. As long as there is
 * none, the youngest of each kind.
 */
function isKept(worker: WorkerRecord, active: readonly WorkerRecord[], { generation }: Target): boolean {
  const same = active.filter(({ id }) => id === worker.id);
  const isPeer = (other: WorkerRecord) =>
    other.generation === worker.generation && (other.excess === undefined) === (worker.excess === undefined);
  const served = same.filter(
    (other) => other.state === 'healthy' && other.generation === generation && other.excess === undefined,
  );
  const rivals = served.length > 0 ? served : same.filter(isPeer);
  return byAge(rivals).at(-1) === worker;
}

function byAge<W extends WorkerRecord>(workers: readonly W[]): W[] {
  return [...workers].sort((a, b) => a.spawnedAt - b.spawnedAt);
}

/** A worker that dies this soon after its first heartbeat has crashed. Milliseconds. */
const CRASH_AGE = 2_000;
/** A series of crashes ends when a worker lives this long. Milliseconds. */
export const HEALTHY_PERIOD = 5_000;
/** So many crashes in a series are replaced at once: a killed worker should be replaced quickly. */
export const FREE_CRASHES = 10;
const FIRST_DELAY = 250;
const LONGEST_DELAY = 10_000;

/** Whether an unexpected death was a crash, which counts towards {@link respawnDelay}. */
export function isCrash({ healthyAt }: WorkerRecord, now: number): boolean {
  return healthyAt === undefined || now - healthyAt < CRASH_AGE;
}

/** The signals that are meant for the whole server. */
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
