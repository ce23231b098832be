// The one process of `single`. The accept lock of whoever has nobody to share with.

import type { AcceptLock } from '../worker/accept-lock.js';

const lock: AcceptLock = { tryLock: () => true, unlock() {}, wake() {}, renew() {} };

export const ALONE = { slot: 0, lock } as const;
