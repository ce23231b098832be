// The one process of `single`. An accept lock for a process that shares it with no other.

import { monotonic } from '../clock.js';
import type { Stats } from '../stats.js';
import { STATES } from '../stats-layout.js';
import type { AcceptLock } from '../worker/accept-lock.js';

const lock: AcceptLock = { tryLock: () => true, unlock() {}, wake() {}, renew() {} };

export const ALONE = { slot: 0, lock } as const;

/** The one worker of the pool that this process is. */
export function beginRecord(stats: Stats): void {
  const now = monotonic();
  const state = STATES.indexOf('healthy');
  stats.claim(ALONE.slot, { pid: process.pid, id: 0, generation: 0, state, spawnedAt: now, heartbeatAt: now });
}
