// Manager. Whether all workers are full while connections wait: a state in which clients get no answer, and no worker is at
// fault. It trusts what workers write on the scoreboard, because only a line of the log depends on it. It acts on nothing.

import { type Scoreboard, State } from '../scoreboard.js';

/** The line is logged again only after the state was over for so long. Milliseconds. */
export const QUIET = 60_000;

export class Saturation {
  readonly #board: Scoreboard;
  readonly #maxClients: number;
  #seenAt = Number.NEGATIVE_INFINITY;

  constructor(board: Scoreboard, maxClients: number) {
    this.#board = board;
    this.#maxClients = maxClients;
  }

  /**
   * @param slots of the workers that serve.
   * @param waiting counts the connections in the queues; called only when all workers are full.
   * @returns the line for the log, when it is due.
   */
  look(slots: readonly number[], waiting: () => number, now: number): string | undefined {
    if (slots.length === 0 || !slots.every((slot) => this.#isFull(slot))) return undefined;
    const count = waiting();
    if (count === 0) return undefined;
    const isNews = now - this.#seenAt >= QUIET;
    this.#seenAt = now;
    if (!isNews) return undefined;
    return `All workers are full, with ${this.#maxClients} connections each (maxClients); waiting in the accept queue: ${count}`;
  }

  /** A worker that only lacks descriptors does not count: it has logged that itself. */
  #isFull(slot: number): boolean {
    return this.#board.state(slot) === State.full && this.#board.connections(slot) >= this.#maxClients;
  }
}
