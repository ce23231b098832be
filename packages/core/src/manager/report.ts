// Manager. Publishes the state of the manager: on the shared pages for workers and the `prefork` command, as `status()` for the
// application, as a summary for systemd. It decides nothing.

import { Phase } from '../bulletin.js';
import { monotonic } from '../clock.js';
import { readStatus, type Status } from '../pool-status.js';
import type { Summary } from './events.js';
import type { PoolLike, UpgradeLike } from './parts.js';
import * as policy from './policy.js';
import type { Premises } from './premises.js';
import type { Queues } from './queues.js';
import type { Reload } from './reload.js';
import { recordWorkers } from './statistics.js';
import type { Stop } from './stop.js';

export interface Subject {
  readonly target: policy.Target;
  readonly reload: Pick<Reload, 'news' | 'reloadError'>;
  readonly upgrade: Pick<UpgradeLike, 'news' | 'hasSucceeded'>;
  readonly stop: Pick<Stop, 'hasBegun' | 'takes'>;
}

export interface RunningSubject {
  readonly premises: Pick<Premises, 'board' | 'pidFile' | 'stats'>;
  readonly pool: Pick<PoolLike, 'workers' | 'slots'>;
  readonly queues: Pick<Queues, 'locations'>;
}

/** Writes the shared pages. Any worker may have overwritten them: all of it is written again. */
export function publish(subject: Subject, { premises: { board, pidFile, stats }, pool }: RunningSubject): void {
  const { target, reload, upgrade, stop } = subject;
  recordWorkers(stats.page, pool.workers);
  board.pidFile = pidFile.inode;
  board.used = pool.slots;
  board.isStopping = target.goal !== 'run' && !upgrade.hasSucceeded;
  board.bulletin.write({
    phase: phaseOf(subject),
    workers: target.workers,
    stopTakes: stop.takes,
    ...reload.news,
    ...upgrade.news,
  });
}

function phaseOf({ target, upgrade, stop }: Subject): Phase {
  if (upgrade.hasSucceeded) return Phase.handedOver;
  if (stop.hasBegun) return Phase.stopping;
  return target.proven ? Phase.serving : Phase.starting;
}

export function statusOf({ target, reload }: Subject, { premises, pool, queues }: RunningSubject): Status {
  const { board, stats } = premises;
  const { reloadError } = reload;
  const { locations } = queues;
  return {
    ...readStatus({ pid: process.pid, board, stats: stats.page, locations, now: monotonic() }),
    reloading: policy.isReloading(pool.workers, target),
    ...(reloadError === undefined ? {} : { reloadError }),
  };
}

export function summaryOf({ target, reload }: Subject, workers: readonly policy.WorkerRecord[]): Summary {
  const now = performance.now();
  return {
    workers: target.workers,
    reloading: policy.isReloading(workers, target),
    reloadError: reload.reloadError,
    pool: workers.map(({ state, heartbeatAt }) => ({ state, heartbeatAge: now - heartbeatAt })),
  };
}
