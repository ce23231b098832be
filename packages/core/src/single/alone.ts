// The one process of `single`. What a worker finds in a pool, for a process that shares nothing with another.

import { monotonic } from '../clock.js';
import type { Stats } from '../stats.js';
import { STATES } from '../stats-layout.js';
import type { AcceptLock } from '../worker/accept-lock.js';
import type { Post } from '../worker/post.js';

/** A {@link Post} and the files that belong to it. */
export interface SinglePost extends Post {
  readonly stats: Stats;
  ensurePidFile(): void;
  /** Removes what was made. */
  release(): void;
}

const lock: AcceptLock = { tryLock: () => true, unlock() {}, wake() {}, renew() {} };

export const ALONE = { slot: 0, lock } as const;

/** The one worker of the pool that this process is. */
export function beginRecord(stats: Stats): void {
  const now = monotonic();
  const state = STATES.indexOf('healthy');
  stats.claim(ALONE.slot, { pid: process.pid, id: 0, generation: 0, state, spawnedAt: now, heartbeatAt: now });
}
