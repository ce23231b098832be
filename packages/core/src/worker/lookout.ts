// Worker. A waiter that looks after the queue while the holder is in user code: the deputy. It finds out that a holder is
// stuck, and keeps the deputy's word of the scoreboard; the turnstile takes connections.

import { elapsed } from '../clock.js';
import type { Scoreboard } from '../scoreboard.js';
import type { AcceptLock } from './accept-lock.js';
import type { Balance } from './balance.js';

/** After so many looks without an accept, while connections wait, the holder counts as stuck and not just slow. */
const STILL_LOOKS = 2;

export interface LookoutParts {
  board: Scoreboard;
  lock: AcceptLock;
  now(): number;
  warn(message: string): void;
  after(milliseconds: number, callback: () => void): void;
}

/** What the lookout needs of the worker. */
export interface Waiter {
  /** It has room, does not have the lock, and is not in user code. */
  isFree(): boolean;
  look(): void;
  /** Connections in the queue. */
  waiting(): number;
  /** Takes them although another worker holds the lock, because nothing was accepted for several looks. */
  passHolder(waiting: number): void;
}

export class Lookout {
  readonly #parts: LookoutParts;
  readonly #acceptInterval: number;
  readonly #balance: Balance;
  readonly #waiter: Waiter;
  #isOut = false;
  #lastMove = -1;
  #stillLooks = 0; // looks in a row at which connections waited and no worker accepted

  constructor(parts: LookoutParts, acceptInterval: number, balance: Balance, waiter: Waiter) {
    this.#parts = parts;
    this.#acceptInterval = acceptInterval;
    this.#balance = balance;
    this.#waiter = waiter;
  }

  /** A holder enters user code. It sends one waiter to look, unless one was sent a moment ago. */
  callDeputy(time: number): void {
    const { board, lock } = this.#parts;
    const at = board.deputyAt;
    // a time in the future was written by a broken worker
    if (at !== 0 && elapsed(time, at) <= this.#acceptInterval && elapsed(at, time) < 2 * this.#acceptInterval) return;
    const deputy = this.#balance.leastLoadedWaiter();
    if (deputy === undefined) return;
    board.deputyAt = time;
    lock.wake(board.pid(deputy));
  }

  /** Schedules one more look, an accept interval from now. */
  keepLooking(): void {
    if (this.#isOut) return;
    this.#isOut = true;
    const { board, now, after } = this.#parts;
    board.deputyAt = now();
    after(this.#acceptInterval, this.#lookAgain);
  }

  /** The holder is stuck with the lock. The first worker that finds it says so. */
  complain(): void {
    const { board, warn } = this.#parts;
    const { holder } = board;
    if (holder === undefined || !board.complain(holder)) return;
    warn(`Worker ${board.pid(holder)} is stuck with the accept lock, accepting without it`);
  }

  readonly #lookAgain = (): void => {
    const { board } = this.#parts;
    const waiter = this.#waiter;
    this.#isOut = false;
    board.deputyAt = 0;
    if (waiter.isFree()) waiter.look();
    if (!waiter.isFree()) return;
    const waiting = waiter.waiting();
    const move = this.#move();
    const moved = move !== this.#lastMove;
    this.#lastMove = move;
    this.#stillLooks = waiting > 0 && !moved ? this.#stillLooks + 1 : 0;
    if (this.#stillLooks >= STILL_LOOKS) waiter.passHolder(waiting);
    const holder = board.holder;
    const isBusy = holder !== undefined && board.busySince(holder) !== 0;
    if (waiter.isFree() && (moved || waiting > 0 || isBusy)) this.keepLooking();
  };

  /** A number that changes whenever a worker accepts, or the holder serves. */
  #move(): number {
    const { board } = this.#parts;
    const holder = board.holder;
    return board.turn + (holder === undefined ? 0 : board.served(holder));
  }
}
