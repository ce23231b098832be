// Both processes, and the command. What `status()` returns, read from shared memory: the same in the manager, in each worker and
// beside the server. It asks no process.

import { Phase } from './bulletin.js';
import { BUCKETS, endOf, PARTS, percentiles } from './durations.js';
import { type Scoreboard, State } from './scoreboard.js';
import type { Stats } from './stats.js';
import { type Exit, type PoolEvent, type SlotRecord, STATES } from './stats-layout.js';

/** Request durations, milliseconds: how many, their sum, and what a share of them did not exceed. */
export interface Durations {
  count: number;
  sum: number;
  p50?: number;
  p90?: number;
  p99?: number;
}

/** What the pool has done since its first manager started; no number of it ever goes down. */
export interface Totals {
  /** Connections that were accepted. */
  connections: number;
  /** Requests that have begun. */
  requests: number;
  /** Responses that have ended, by the first digit of their status. */
  responses: Record<'1xx' | '2xx' | '3xx' | '4xx' | '5xx', number>;
  /** Requests of workers that died before they had counted a response. */
  unanswered: number;
  /** Workers that have ended, by the reason. */
  exits: Record<Exit, number>;
  reloads: { succeeded: number; failed: number };
  upgrades: { succeeded: number; failed: number };
}

/** A worker in `status()`. Times are milliseconds, sizes bytes. */
export interface WorkerStatus {
  pid: number;
  /** Its number in the pool, 0 to `workers` - 1; its replacement takes it over. */
  id: number;
  state: (typeof STATES)[number];
  /** Whether it has as many connections as it may have (`maxClients`), or no descriptor for another one. */
  full: boolean;
  /** Which reload it was started by. */
  generation: number;
  /** Since it was started. */
  age: number;
  /** Since its last heartbeat. */
  heartbeatAge: number;
  /** Connections that are open. */
  connections: number;
  /** Requests in flight. */
  requests: number;
  /** Connections that it has accepted. */
  accepts: number;
  /** How many it may still accept; absent without a limit. */
  acceptsLeft?: number;
  /** Requests that it has served. */
  served: number;
  /** The share of its time that its event loop was busy, between its last two heartbeats: 0 to 1. */
  utilization: number;
  /** What 99 of 100 turns of its event loop that ran the application did not exceed, between its last two heartbeats. */
  delay: number;
  /** Resident memory, and the part of the heap that is in use. */
  resident: number;
  heap: number;
  durations: Durations;
}

/** What `status()` returns. */
export interface Status {
  /** The manager's. */
  pid: number;
  phase: string;
  /** Milliseconds since the first manager of this server started. */
  uptime: number;
  /** How many workers there are meant to be. */
  workers: number;
  /** The generation that new workers belong to: one more with each reload. */
  generation: number;
  reloading: boolean;
  /** Why the last reload failed, if it did; known to the manager only. */
  reloadError?: string;
  listen: string[];
  /** Where the server listens, and how many connections wait there for a worker; 1 stands for "some" at a UNIX socket. */
  locations: { url: string; waiting: number }[];
  totals: Totals;
  durations: Durations & {
    /**
     * Requests that took no longer than `upTo` milliseconds, and longer than that of the entry before it. What took longer than
     * all of these is the rest of `count`.
     */
    histogram: { upTo: number; count: number }[];
  };
  pool: WorkerStatus[];
}

export interface StatusParts {
  /** The manager's. */
  pid: number;
  board: Scoreboard;
  stats: Stats;
  locations: readonly { url: string; waiting: number }[];
  /** Milliseconds of the monotonic clock. */
  now: number;
}

/** Names by what the bulletin has. */
const PHASES = Object.keys(Phase);

export function readStatus({ pid, board, stats, locations, now }: StatusParts): Status {
  const news = board.bulletin.read();
  const { startedAt, duration, buckets, events, ...totals } = stats.totals();
  const records = stats.records();
  const answered = Object.values(totals.responses).reduce((sum, count) => sum + count, 0);
  return {
    pid,
    phase: PHASES[news.phase] ?? 'unknown',
    uptime: Math.max(0, Math.round(now - startedAt)),
    workers: news.workers,
    generation: Math.max(0, ...records.map(({ generation }) => generation)),
    reloading: news.reloads > Math.max(news.reloaded, news.reloadFailed),
    listen: locations.map(({ url }) => url),
    locations: [...locations],
    totals: { ...totals, ...eventsOf(events) },
    durations: { ...durationsOf(answered, duration, buckets), histogram: histogramOf(buckets) },
    pool: records.map((record) => workerOf(record, board, stats, now)),
  };
}

function eventsOf(events: Record<PoolEvent, number>): Pick<Totals, 'reloads' | 'upgrades'> {
  const { reloads, reloadsFailed, upgrades, upgradesFailed } = events;
  return {
    reloads: { succeeded: reloads, failed: reloadsFailed },
    upgrades: { succeeded: upgrades, failed: upgradesFailed },
  };
}

function workerOf(record: SlotRecord, board: Scoreboard, stats: Stats, now: number): WorkerStatus {
  const { pid, id, state, generation, spawnedAt, heartbeatAt, acceptsLeft, duration, slot } = record;
  const { utilization, delay, resident, heap, code1, code2, code3, code4, code5 } = record;
  const { connections, requests, accepts, served } = board.counters(slot);
  const answered = code1 + code2 + code3 + code4 + code5;
  // field by field, and no spread: a process may be asked often
  const status: WorkerStatus = {
    pid,
    id,
    state: STATES[state] ?? 'starting',
    full: board.state(slot) === State.full,
    generation,
    age: Math.max(0, Math.round(now - spawnedAt)),
    heartbeatAge: Math.max(0, Math.round(now - heartbeatAt)),
    connections,
    requests,
    accepts,
    served,
    utilization,
    delay,
    resident,
    heap,
    durations: durationsOf(answered, duration, stats.buckets(slot)),
  };
  if (acceptsLeft > 0) status.acceptsLeft = acceptsLeft;
  return status;
}

const SHARES = [0.5, 0.9, 0.99];

function durationsOf(count: number, sum: number, buckets: Float64Array): Durations {
  const [p50, p90, p99] = percentiles(buckets, SHARES);
  if (p50 === undefined || p90 === undefined || p99 === undefined) return { count, sum };
  return { count, sum, p50, p90, p99 };
}

/** At powers of two, where every eighth bucket ends. */
function histogramOf(buckets: Float64Array): { upTo: number; count: number }[] {
  const entries: { upTo: number; count: number }[] = [];
  let count = 0;
  for (let i = 0; i < BUCKETS - 1; i++) {
    count += buckets[i] ?? 0;
    if (i % PARTS !== 0) continue;
    entries.push({ upTo: endOf(i) * 1000, count });
    count = 0;
  }
  return entries;
}
