// Manager. In a container the manager may be process 1, which inherits every orphan of its workers. It must reap them, or
// they stay as zombies until the container ends.

import { peekZombie, reapProcess } from '../posix/process.js';

/** @returns what to call in each pass of the manager. */
export function createInit(): () => void {
  if (process.pid !== 1) return () => {};
  let seen: number | undefined;
  return () => {
    // Node reaps its own children at once. A zombie that is still there in the next pass is not a child that Node knows.
    let zombie = peekZombie();
    while (zombie !== undefined && zombie === seen) {
      reapProcess(zombie);
      zombie = peekZombie();
      seen = zombie;
    }
    seen = zombie;
  };
}
