// Worker. Room for connections: `maxClients`, the accept budget, descriptors, and whether this worker accepts at all. It
// counts, and keeps the worker's state on the scoreboard; it takes no connection and opens no gate.

import { type Scoreboard, State } from '../scoreboard.js';
import type { AcceptBudget } from './accept-budget.js';

export interface RoomOptions {
  acceptInterval: number;
  maxClients: number;
}

export interface RoomParts {
  slot: number;
  pid: number;
  board: Scoreboard;
  budget: AcceptBudget;
  /** So many connections were accepted in all. */
  accepted(total: number): void;
  /** The accept budget is used up. The gate is closed already. */
  spent(): void;
  warn(message: string): void;
  /** Runs after the poll phase of this loop turn: `setImmediate`. */
  afterTurn(callback: () => void): void;
  after(milliseconds: number, callback: () => void): void;
}

export interface RoomEvents {
  /** There is no room, for now or for good. The gate must close at once. */
  lost(): void;
  /** There is room again. */
  regained(): void;
}

export class Room {
  readonly #parts: RoomParts;
  readonly #options: RoomOptions;
  readonly #events: RoomEvents;
  #state: State = State.none;
  #connections = 0;
  #accepts = 0;
  #isClosed = false;
  #wantsDescriptors = false;
  #hasWarned = false; // of that, since the last accept

  constructor(parts: RoomParts, options: RoomOptions, events: RoomEvents) {
    this.#parts = parts;
    this.#options = options;
    this.#events = events;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#connections;
  }

  /** Whether this worker may take one more connection. */
  isFree(): boolean {
    if (this.#isClosed || this.#wantsDescriptors) return false;
    return this.#connections < this.#options.maxClients && this.#parts.budget.left > 0;
  }

  /** This worker accepts from here on. */
  open(): void {
    this.#setState(State.ready);
  }

  /** Not one connection is accepted after this. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#lose(State.draining);
  }

  /** A connection was taken. */
  count(): void {
    const { board, slot, budget } = this.#parts;
    this.#connections += 1;
    this.#accepts += 1;
    this.#hasWarned = false;
    board.setConnections(slot, this.#connections);
    board.setAccepts(slot, this.#accepts);
    this.#parts.accepted(this.#accepts);
    budget.spend();
  }

  /** The connection that was counted has been registered. Before that, the end of the budget would cut it. */
  check(): void {
    if (this.#isClosed) return;
    if (this.#parts.budget.left <= 0) {
      this.close();
      this.#parts.spent();
    } else if (this.#connections >= this.#options.maxClients) {
      this.#lose(State.full);
    }
  }

  /** A connection has ended. */
  left(): void {
    const { board, slot, afterTurn } = this.#parts;
    this.#connections -= 1;
    board.setConnections(slot, this.#connections);
    // later: every counter of connections must see this one end before the next one begins
    if (this.#state === State.full) afterTurn(this.#regain);
  }

  /** The process is out of descriptors or memory: the queue keeps what waits, and this worker tries again a moment later. */
  exhausted(error: Error): void {
    if (this.#wantsDescriptors || this.#isClosed) return;
    const { warn, after } = this.#parts;
    if (!this.#hasWarned) warn(`Can't accept: ${error.message}; leaving connections in the accept queue`);
    this.#hasWarned = true;
    this.#wantsDescriptors = true;
    this.#lose(State.full);
    after(this.#options.acceptInterval, () => {
      this.#wantsDescriptors = false;
      this.#regain();
    });
  }

  readonly #regain = (): void => {
    if (this.#state !== State.full || !this.isFree()) return;
    this.#setState(State.ready);
    this.#events.regained();
  };

  #lose(state: State): void {
    this.#setState(state);
    this.#events.lost();
  }

  /** Writes this worker's state to the scoreboard again: a broken or hostile worker may have overwritten it. */
  publish(): void {
    const { board, slot, pid } = this.#parts;
    board.publish(slot, pid, this.#state, this.#connections, this.#accepts);
  }

  #setState(state: State): void {
    this.#state = state;
    this.#parts.board.setState(this.#parts.slot, state);
  }
}
