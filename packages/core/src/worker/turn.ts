// Worker. This worker's turn to accept: the accept lock, and the scoreboard's field that names the holder. They differ in
// user code: the holder stays the holder, but has given the lock back. This file takes no connection and opens no gate.

import { trace } from '../log.js';
import type { Scoreboard } from '../scoreboard.js';
import type { AcceptLock } from './accept-lock.js';
import type { Balance } from './balance.js';
import { story } from './story.js';

export interface TurnParts {
  slot: number;
  board: Scoreboard;
  lock: AcceptLock;
}

export class Turn {
  readonly #parts: TurnParts;
  readonly #balance: Balance;
  #isLocked = false;

  constructor(parts: TurnParts, balance: Balance) {
    this.#parts = parts;
    this.#balance = balance;
  }

  /** Whether this worker has the accept lock. */
  get isLocked(): boolean {
    return this.#isLocked;
  }

  /** @returns whether this worker has the accept lock now. */
  lock(): boolean {
    this.#isLocked = this.#isLocked || this.#parts.lock.tryLock();
    return this.#isLocked;
  }

  unlock(): void {
    if (!this.#isLocked) return;
    this.#isLocked = false;
    this.#parts.lock.unlock();
  }

  /** With the lock: this worker is the holder. */
  take(): void {
    const { board, slot } = this.#parts;
    if (board.holder !== slot) trace.accept('takes over from %s', board.holder ?? 'nobody');
    board.holder = slot;
  }

  handOver(next: number): void {
    const { board, lock } = this.#parts;
    board.holder = next;
    this.unlock();
    lock.wake(board.pid(next));
    trace.accept('handed over to worker %d', board.pid(next));
    story?.handedOver(board.pid(next));
  }

  /**
   * This worker is no longer the holder. If it was, it wakes the waiter with the fewest connections.
   *
   * @returns whether there was one.
   */
  giveUp(): boolean {
    const { board, slot, lock } = this.#parts;
    const wasHolder = board.holder === slot;
    if (wasHolder) board.holder = undefined;
    this.unlock();
    const next = wasHolder ? this.#balance.leastLoadedWaiter() : undefined;
    if (next !== undefined) lock.wake(board.pid(next));
    return next !== undefined;
  }
}
