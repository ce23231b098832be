// Manager. Whether connections wait that no worker takes, and which worker to send for them. A holder that is dead, stopped or
// blocked leaves connections in the queue. One look costs 1 us, and no worker is woken while the queue is empty. It only decides,
// and signals no process.

import { type Scoreboard, State } from '../scoreboard.js';

/** A listen location as the watch sees it. */
export interface WatchedLocation {
  /** Whether each worker has a socket of its own there. */
  readonly reuse: boolean;
  /** Connections in its accept queues. */
  waiting(): number;
}

/** The orders that follow from a look. */
export interface Wakes {
  /** Send one worker to the shared queue. */
  waiter: boolean;
  /** Send every worker that has room to its seats. */
  all: boolean;
  /** Send every worker, whatever the scoreboard says of it: connections have waited for too long. */
  everyone: boolean;
}

/** When connections have waited for so long, the watch no longer trusts the scoreboard. Milliseconds. */
const TRUST = 500;

export class QueueWatch {
  readonly #board: Scoreboard;
  readonly #shared: readonly WatchedLocation[];
  readonly #reused: readonly WatchedLocation[];
  readonly #acceptLock: boolean;
  #hasLost = false;
  #waitsSince: number | undefined;

  constructor(board: Scoreboard, locations: readonly WatchedLocation[], acceptLock: boolean) {
    this.#board = board;
    this.#shared = locations.filter(({ reuse }) => !reuse);
    this.#reused = locations.filter(({ reuse }) => reuse);
    this.#acceptLock = acceptLock;
  }

  /** A worker has died. Connections may still wait at its seat. */
  lost(): void {
    this.#hasLost = true;
  }

  /** Whether connections wait, and none of these workers accepts. A worker may have left a moment ago and not told yet. */
  isDeserted(workers: readonly { readonly slot: number; readonly state: string }[]): boolean {
    const accepts = ({ slot, state }: { slot: number; state: string }) =>
      state === 'healthy' && this.#board.state(slot) !== State.draining;
    return !workers.some(accepts) && isWaiting([...this.#shared, ...this.#reused]);
  }

  /** Connections in all accept queues. */
  waiting(): number {
    return [...this.#shared, ...this.#reused].reduce((sum, location) => sum + location.waiting(), 0);
  }

  /** @param now milliseconds of a monotonic clock */
  look(now: number): Wakes {
    const hasLost = this.#hasLost;
    this.#hasLost = false;
    const isShared = this.#acceptLock && isWaiting(this.#shared);
    const isReused = isWaiting(this.#reused);
    return {
      waiter: this.#acceptLock && this.#shared.length > 0 && (this.#board.holder === undefined || isShared),
      all: this.#reused.length > 0 && (hasLost || isReused),
      everyone: this.#isDistrusted(isShared || isReused, now),
    };
  }

  #isDistrusted(isWaiting: boolean, now: number): boolean {
    if (!isWaiting) this.#waitsSince = undefined;
    else this.#waitsSince ??= now;
    if (this.#waitsSince === undefined || now - this.#waitsSince < TRUST) return false;
    this.#waitsSince = now;
    return true;
  }
}

function isWaiting(locations: readonly WatchedLocation[]): boolean {
  return locations.some((location) => location.waiting() > 0);
}

/** The worker to send: one that has room and is not in user code; the holder only if there is no other. */
export function waiterOf<W extends { readonly slot: number }>(board: Scoreboard, workers: readonly W[]): W | undefined {
  const able = workers.filter(({ slot }) => board.state(slot) === State.ready && board.busySince(slot) === 0);
  return able.find(({ slot }) => slot !== board.holder) ?? able[0];
}

/** Clears what a dead worker has left on the scoreboard. It may still be registered as the holder. */
export function forget(board: Scoreboard, slot: number): void {
  if (board.holder === slot) board.holder = undefined;
  board.clear(slot);
}
