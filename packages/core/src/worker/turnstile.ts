// Worker. The accept path: who polls the listening socket, how much it takes, and whom it hands over to.
//
// One worker of the pool, the holder, has the accept lock and an open gate. It takes a fair share of what waits, hands
// over to whoever has least, and gives the lock back before user code runs. A worker that is in user code anyway looks
// once per loop turn and takes its own share; a worker that is not sleeps until it is woken. docs/design.md has the
// figures behind each rule.

import type { Socket } from 'node:net';
import { trace } from '../log.js';
import { type Scoreboard, State } from '../scoreboard.js';
import type { AcceptBudget } from './accept-budget.js';
import type { AcceptLock } from './accept-lock.js';
import { type Balance, createBalance } from './balance.js';
import type { Entrance, Gate, Queue } from './gate.js';
import { Lookout } from './lookout.js';
import { Pace } from './pace.js';
import type { Seats } from './seats.js';

export interface TurnstileOptions {
  acceptInterval: number;
  acceptLock: boolean;
  maxClients: number;
  multiAccept: number;
}

export interface TurnstileParts {
  slot: number;
  board: Scoreboard;
  lock: AcceptLock;
  budget: AcceptBudget;
  now(): number;
  /** Serves a connection that has been counted. */
  admit(entrance: Entrance, socket: Socket): void;
  /** The accept budget is used up: the gate is closed already. */
  spent(): void;
  /** Once for each holder that is stuck, and at each want of descriptors. */
  warn(message: string): void;
  /** Runs after the poll phase of this loop turn: `setImmediate`. */
  afterTurn(callback: () => void): void;
  after(milliseconds: number, callback: () => void): void;
}

export class Turnstile {
  readonly #parts: TurnstileParts;
  readonly #options: TurnstileOptions;
  readonly #balance: Balance;
  readonly #pace: Pace;
  readonly #lookout: Lookout;
  #gate: Gate | undefined;
  #seats: Seats | undefined;
  #connections = 0;
  #accepts = 0;
  #locked = false;
  #busy = false;
  #closed = false;
  #exhausted = false;
  #accepted = false; // since the lock was last settled
  #hasComplained = false; // of want, since the last accept

  constructor(parts: TurnstileParts, options: TurnstileOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#pace = new Pace(options.acceptInterval, parts.now);
    this.#balance = createBalance(parts.board, parts.slot, options.acceptInterval, parts.now);
    this.#lookout = new Lookout(parts, options.acceptInterval, this.#balance, {
      isFree: () => !this.#locked && !this.#busy && !this.#closed && this.#hasRoom(),
      look: () => this.look(),
      waiting: () => this.#waiting(),
      passHolder: (waiting) => this.#passHolder(waiting),
    });
  }

  get connections(): number {
    return this.#connections;
  }

  /** From here on this worker takes connections: through the gate, and from its seats, which need no lock. */
  start(gate: Gate, seats?: Seats): void {
    this.#gate = gate;
    this.#seats = seats;
    this.#parts.board.setState(this.#parts.slot, State.ready);
    if (this.#options.acceptLock) this.look();
    else gate.open();
    seats?.start();
  }

  /**
   * Not one connection is accepted after this. What waits in the queue is left to the others, or, where all stop, taken
   * first: nobody else would.
   */
  close(takesRest = false): void {
    if (this.#closed) return;
    if (takesRest) for (const queue of [this.#gate, this.#seats]) this.#take(queue?.waiting() ?? 0, queue);
    this.#closed = true;
    this.#stepAside(State.draining);
  }

  /** A connection that came through a seat; behind it wait others that are ours. */
  seated(entrance: Entrance, socket: Socket, seat: Queue): void {
    this.#count(seat);
    this.#serve(entrance, socket);
    this.#take(Math.min(this.#seats?.share(seat) ?? 0, this.#options.multiAccept - 1), seat);
  }

  /** A connection that came through the gate. */
  arrived(entrance: Entrance, socket: Socket): void {
    this.#count(this.#gate);
    const { acceptLock, multiAccept } = this.#options;
    if (acceptLock && !this.#locked) return this.#serve(entrance, socket);
    const waiting = this.#waiting();
    const atMost = multiAccept - 1;
    // the next worker opens its gate while this one makes a connection of the socket
    const isLast = this.#locked && waiting === 0 && this.#parts.budget.left > 0 && this.#hasRoom();
    if (isLast) this.#settle(0);
    this.#serve(entrance, socket);
    if (!acceptLock) this.#takeShare(waiting, atMost);
    else if (this.#locked && !isLast) this.#settle(waiting, atMost);
  }

  /** A connection has ended. */
  left(): void {
    this.#connections -= 1;
    const { board, slot } = this.#parts;
    board.setConnections(slot, this.#connections);
    // later, so that whoever counts connections has seen this one end before the next one begins
    if (board.state(slot) === State.full) this.#parts.afterTurn(this.#reopen);
  }

  readonly #reopen = (): void => {
    const { board, slot } = this.#parts;
    if (board.state(slot) !== State.full || this.#closed || !this.#hasRoom()) return;
    board.setState(slot, State.ready);
    if (!this.#options.acceptLock) this.#gate?.open();
    else if (!this.#busy) this.look();
    this.#lookAtSeats();
  };

  /** User code is about to run. A holder gives the lock back, and sees to it that somebody looks after the queue. */
  enter(): void {
    if (this.#busy) return this.#pace.enter();
    if (!this.#options.acceptLock) return;
    this.#busy = true;
    const { board, slot, now, afterTurn } = this.#parts;
    const time = now();
    this.#pace.begin(time);
    board.setBusySince(slot, time);
    // also when it was handed over to us and we have not heard yet
    if (this.#locked || board.holder === slot) this.#lookout.callDeputy(time);
    if (this.#locked) this.#unlock();
    afterTurn(this.#leave);
  }

  readonly #leave = (): void => {
    this.#busy = false;
    this.#parts.board.setBusySince(this.#parts.slot, 0);
    this.#pace.end();
    this.look();
  };

  /** Who took its fill leaves the rest to whoever is free first. */
  #isSated(): boolean {
    return this.#pace.appetite(this.#busy) <= 0;
  }

  /** Somebody handed over to us, made us deputy, or the manager saw connections wait too long. */
  woken(): void {
    const { board, slot } = this.#parts;
    this.#lookAtSeats();
    if (!this.#gate || !this.#options.acceptLock) return;
    if (this.#closed || !this.#hasRoom()) {
      // handed over to a worker that has just lost its room
      if (board.holder === slot) this.#stepAside(this.#closed ? State.draining : State.full);
      return;
    }
    if (this.#busy) return;
    this.look();
    if (!this.#locked) this.#lookout.keepLooking();
  }

  /** Other seats may be ours now, and some worker may be stuck with what waits at its own. */
  #lookAtSeats(): void {
    const { board, slot } = this.#parts;
    const seats = this.#seats;
    if (!seats || this.#closed || !this.#hasRoom()) return;
    // First, so that who has room for one opens nothing that it has to close again. Who was handed over to was woken for
    // that.
    if (board.holder !== slot) this.#take(Math.min(seats.shareOfAll(), this.#options.multiAccept), seats);
    seats.look();
  }

  /** Takes what is due to this worker, if it is its turn. */
  look(): void {
    const { board, slot } = this.#parts;
    const gate = this.#gate;
    if (!gate || this.#closed || this.#locked || !this.#hasRoom()) return;
    const holder = board.holder;
    if (this.#isSated()) return holder === slot ? this.#stepAside(State.ready) : this.#lookout.keepLooking();
    if (holder === slot) {
      if (this.#lock()) this.#settle();
      // another worker is taking its share this very moment
      else this.#parts.afterTurn(() => this.#busy || this.look());
      return;
    }
    // somebody took over while we were in user code
    gate.close();
    const blocked = holder !== undefined && this.#balance.isBlocked(holder);
    if (holder !== undefined && !blocked && board.busySince(holder) === 0) return;
    const waiting = gate.waiting();
    if (waiting === 0 && holder !== undefined && !blocked) return;
    if (!this.#lock()) return;
    if (holder === undefined || blocked) {
      trace.accept('%s, taking over', holder === undefined ? 'no holder' : 'the holder is blocked');
      this.#settle();
    } else {
      this.#takeShare(waiting);
      if (this.#locked) this.#unlock();
    }
  }

  /** With the lock: takes the share, and keeps the lock unless somebody is better. */
  #settle(waiting = this.#waiting(), atMost?: number): void {
    const { board, slot } = this.#parts;
    board.holder = slot;
    this.#takeShare(waiting, atMost);
    if (!this.#locked) return; // no room or no budget left
    if (this.#accepted) {
      this.#accepted = false;
      const left = waiting && this.#waiting();
      const next = this.#balance.successor(this.#connections, left);
      if (next !== undefined) return this.#handOver(next);
      const isFull = this.#isSated() || this.#balance.isAhead(this.#connections);
      if (left > 0 && isFull) return this.#stepAside(State.ready);
    }
    this.#gate?.open();
  }

  #waiting(): number {
    return this.#gate?.waiting() ?? 0;
  }

  /** Takes this worker up to the level at which all would stand had they taken the whole queue. */
  #takeShare(waiting: number, atMost = this.#options.multiAccept): void {
    if (waiting === 0) return;
    const due = this.#balance.level(this.#connections, waiting) - this.#connections;
    this.#take(Math.min(waiting, due, atMost, this.#pace.appetite(this.#busy)));
  }

  #take(count: number, queue: Queue | undefined = this.#gate): void {
    for (let i = 0; i < count && !this.#closed && this.#hasRoom(); i++) {
      const next = queue?.take();
      if (!next) return;
      this.#count(queue);
      this.#serve(next.entrance, next.socket);
    }
  }

  #count(queue: Queue | undefined): void {
    const { board, budget, slot } = this.#parts;
    this.#connections += 1;
    this.#accepts += 1;
    this.#hasComplained = false;
    board.setConnections(slot, this.#connections);
    board.setAccepts(slot, this.#accepts);
    if (queue === this.#gate) {
      this.#accepted = true;
      this.#pace.took();
      board.takeTurn(slot);
    }
    budget.spend();
  }

  #serve(entrance: Entrance, socket: Socket): void {
    const { budget, admit, spent } = this.#parts;
    // registered before the budget can end the worker, else the last connection would be cut
    admit(entrance, socket);
    if (budget.left <= 0 && !this.#closed) {
      this.close();
      spent();
    } else if (this.#connections >= this.#options.maxClients && !this.#closed) {
      this.#stepAside(State.full);
    }
  }

  #hasRoom(): boolean {
    return this.#connections < this.#options.maxClients && !this.#exhausted;
  }

  #handOver(next: number): void {
    const { board, lock } = this.#parts;
    board.holder = next;
    this.#unlock();
    lock.wake(board.pid(next));
    this.#gate?.close();
    trace.accept('handed over to worker %d', board.pid(next));
  }

  /** Closes the gate without a successor of our choice. */
  #stepAside(state: State): void {
    const { board, slot, lock } = this.#parts;
    board.setState(slot, state);
    this.#gate?.close();
    if (state !== State.ready) this.#seats?.leave();
    if (!this.#options.acceptLock) return;
    const wasHolder = board.holder === slot;
    if (wasHolder) board.holder = undefined;
    if (this.#locked) this.#unlock();
    const next = wasHolder ? this.#balance.leastLoadedWaiter() : undefined;
    if (next !== undefined) lock.wake(board.pid(next));
    else if (state === State.ready) this.#lookout.keepLooking();
  }

  /** The holder is stuck: takes what waits, with the lock if it is free. */
  #passHolder(waiting: number): void {
    if (this.#lock()) return this.#settle();
    const { board, warn } = this.#parts;
    const holder = board.holder;
    // all of it: who is due otherwise sleeps, and has waited for long enough
    this.#take(Math.min(waiting, this.#options.multiAccept));
    if (holder === undefined || !board.complain(holder)) return;
    warn(`Worker ${board.pid(holder)} is stuck with the accept lock, accepting without it`);
  }

  /** Out of descriptors: the queue keeps what waits, and we try again a moment later. */
  exhausted(error: Error): void {
    if (this.#exhausted || this.#closed) return;
    this.#exhausted = true;
    if (!this.#hasComplained)
      this.#parts.warn(`Can't accept: ${error.message}; leaving connections in the accept queue`);
    this.#hasComplained = true;
    this.#stepAside(State.full);
    this.#parts.after(this.#options.acceptInterval, () => {
      this.#exhausted = false;
      this.#reopen();
    });
  }

  #lock(): boolean {
    this.#locked = this.#locked || this.#parts.lock.tryLock();
    return this.#locked;
  }

  #unlock(): void {
    this.#locked = false;
    this.#parts.lock.unlock();
  }
}
