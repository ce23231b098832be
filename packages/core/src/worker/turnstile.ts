// Worker. The accept path: when this worker polls the listening socket and takes connections. One worker of the pool, the
// holder, has the accept lock and an open gate. It takes a fair share of the queue, hands over to the worker that has least,
// and gives the lock back before user code runs. docs/design.md has the rules and their figures.

import type { Socket } from 'node:net';
import { type Balance, createBalance } from './balance.js';
import type { Entrance, Gate, Queue } from './gate.js';
import { Intake, type IntakeParts } from './intake.js';
import { Lookout, type LookoutParts } from './lookout.js';
import { BITE, Pace } from './pace.js';
import { Room, type RoomOptions, type RoomParts } from './room.js';
import type { Seats } from './seats.js';
import { Turn, type TurnParts } from './turn.js';

export interface TurnstileOptions extends RoomOptions {
  acceptLock: boolean;
  multiAccept: number;
}

/** `warn` is called once for each holder that is stuck, and once for each want of descriptors. */
export interface TurnstileParts extends RoomParts, TurnParts, LookoutParts, IntakeParts {}

export class Turnstile {
  readonly #parts: TurnstileParts;
  readonly #options: TurnstileOptions;
  readonly #room: Room;
  readonly #balance: Balance;
  readonly #pace: Pace;
  readonly #intake: Intake;
  readonly #turn: Turn;
  readonly #lookout: Lookout;

  constructor(parts: TurnstileParts, options: TurnstileOptions) {
    const { acceptInterval } = options;
    this.#parts = parts;
    this.#options = options;
    this.#room = new Room(parts, options, { lost: () => this.#stepAside(), regained: () => this.#regained() });
    this.#pace = new Pace(acceptInterval, parts.now);
    this.#balance = createBalance(parts.board, parts.slot, acceptInterval, parts.now);
    this.#turn = new Turn(parts, this.#balance);
    this.#intake = new Intake(parts, options.multiAccept, this.#room, this.#balance, this.#pace);
    this.#lookout = new Lookout(parts, acceptInterval, this.#balance, {
      isFree: () => !this.#turn.isLocked && !this.#pace.isBusy && this.#room.isFree(),
      look: () => this.look(),
      waiting: () => this.#intake.waiting(),
      passHolder: (waiting) => this.#passHolder(waiting),
    });
  }

  get connections(): number {
    return this.#room.connections;
  }

  /** From here on this worker takes connections: through the gate, and from its seats, which need no lock. */
  start(gate: Gate, seats?: Seats): void {
    Object.assign(this.#intake, { gate, seats });
    this.#room.open();
    if (this.#options.acceptLock) this.look();
    else gate.open();
    seats?.start();
  }

  /** Accepts no more. Where all workers stop, the queue is taken first: no other worker would take it. */
  close(takesRest = false): void {
    if (takesRest) this.#intake.takeRest();
    this.#room.close();
  }

  /** The application has closed the server of these entrances, and others are open. The other workers get what waits there. */
  drop(entrances: readonly Entrance[]): void {
    const { gate, seats } = this.#intake;
    for (const entrance of entrances) {
      gate?.remove?.(entrance);
      seats?.remove(entrance);
    }
  }

  /** A connection came through a seat. */
  seated(entrance: Entrance, socket: Socket, seat: Queue): void {
    this.#intake.seated(entrance, socket, seat);
  }

  /** A connection came through the gate. */
  arrived(entrance: Entrance, socket: Socket): void {
    this.#intake.count(this.#intake.gate);
    const { acceptLock, multiAccept } = this.#options;
    // This worker is in user code. Its gate is still open, and other workers may take the lock.
    if (acceptLock && !this.#turn.isLocked) {
      // A worker with fewer connections looks at the queue next. This one opens its gate again when it looks.
      if (this.#balance.isAhead(this.connections)) this.#intake.gate?.close();
      return this.#intake.serve(entrance, socket);
    }
    const waiting = this.#intake.waiting();
    const canHandOver = waiting === 0 && this.#room.isFree();
    // the next worker opens its gate while this one makes a connection of the socket
    if (acceptLock && canHandOver) this.#settle(0);
    this.#intake.serve(entrance, socket);
    if (!acceptLock) this.#intake.takeShare(waiting, multiAccept - 1);
    else if (this.#turn.isLocked && !canHandOver) this.#settle(waiting, multiAccept - 1);
  }

  /** A connection has ended. */
  left(): void {
    this.#room.left();
  }

  /** Writes this worker's state to the scoreboard again. */
  publish(): void {
    this.#room.publish();
    if (!this.#pace.isBusy) this.#parts.board.setBusySince(this.#parts.slot, 0);
  }

  exhausted(error: Error): void {
    this.#room.exhausted(error);
  }

  #regained(): void {
    if (!this.#options.acceptLock) this.#intake.gate?.open();
    else if (!this.#pace.isBusy) this.look();
    this.#intake.lookAtSeats();
  }

  /** User code is about to run. A holder gives the lock back, and wakes a deputy to look after the queue. */
  enter(): void {
    if (this.#pace.isBusy) return this.#pace.enter();
    if (!this.#options.acceptLock) return;
    const { board, slot, now, afterTurn } = this.#parts;
    const time = now();
    this.#pace.begin(time);
    board.setBusySince(slot, time);
    // also when another worker has handed over to this one, and the wake has not arrived yet
    if (this.#turn.isLocked || board.holder === slot) this.#lookout.callDeputy(time);
    this.#turn.unlock();
    afterTurn(this.#leave);
  }

  readonly #leave = (): void => {
    this.#parts.board.setBusySince(this.#parts.slot, 0);
    this.#pace.end();
    this.look();
  };

  /** Another worker handed over to this one or made it deputy, or the manager saw connections wait too long. */
  woken(): void {
    this.publish();
    this.#intake.lookAtSeats();
    if (!this.#intake.gate || !this.#options.acceptLock) return;
    // the hand-over came to a worker that has just become full
    if (!this.#room.isFree()) return this.#balance.situation() === 'ours' ? this.#stepAside() : undefined;
    if (this.#pace.isBusy) return;
    this.look();
    if (!this.#turn.isLocked) this.#lookout.keepLooking();
  }

  /** Takes this worker's share, if it is its turn. */
  look(): void {
    if (!this.#intake.gate || this.#turn.isLocked || !this.#room.isFree()) return;
    const situation = this.#balance.situation();
    // another worker may have taken over while this one was in user code
    if (situation !== 'ours') this.#intake.gate.close();
    if (this.#intake.hasEnough()) return situation === 'ours' ? this.#stepAside() : this.#lookout.keepLooking();
    switch (situation) {
      case 'ours':
        // The lock is not free: another worker is taking its share at this moment.
        return this.#turn.lock() ? this.#settle() : this.#parts.afterTurn(this.#lookAgain);
      case 'nobody':
      case 'blocked':
        return this.#turn.lock() ? this.#settle() : undefined;
      case 'in user code':
        return this.#takeBeside();
      case 'idle': // its gate is open
    }
  }

  readonly #lookAgain = (): void => (this.#pace.isBusy ? undefined : this.look());

  /** The holder will look when it leaves user code. Until then this worker takes its share. */
  #takeBeside(): void {
    const waiting = this.#intake.waiting();
    if (waiting === 0 || !this.#turn.lock()) return;
    this.#intake.takeShare(waiting);
    this.#turn.unlock();
    // The connections that it took may stay silent. Then nothing else makes this worker look again.
    if (waiting > BITE) this.#parts.afterTurn(this.#lookAgain);
  }

  /** With the lock: takes the share, and keeps the lock unless another worker is the better holder. */
  #settle(waiting = this.#intake.waiting(), atMost?: number): void {
    this.#turn.take();
    this.#intake.takeShare(waiting, atMost);
    if (!this.#turn.isLocked) return; // no room or no budget left
    const left = waiting && this.#intake.waiting();
    if (this.#intake.hasTaken || left > 0) {
      this.#intake.hasTaken = false;
      const next = this.#balance.successor(this.connections, left);
      if (next !== undefined) {
        this.#turn.handOver(next);
        return this.#intake.gate?.close();
      }
      if (left > 0 && (this.#intake.hasEnough() || this.#balance.isAhead(this.connections))) return this.#stepAside();
    }
    this.#intake.gate?.open();
  }

  /** Closes the gate without choosing the next holder. */
  #stepAside(): void {
    this.#intake.gate?.close();
    if (!this.#room.isFree()) this.#intake.seats?.leave();
    if (!this.#options.acceptLock || this.#turn.giveUp()) return;
    if (this.#room.isFree()) this.#lookout.keepLooking();
  }

  /** No worker has accepted for too long. Takes the whole queue, with the lock if it is free. */
  #passHolder(waiting: number): void {
    if (this.#turn.lock()) return this.#settle();
    this.#lookout.complain();
    // the whole queue: the worker that should take it is asleep, and the clients have waited long enough
    this.#intake.take(Math.min(waiting, this.#options.multiAccept));
  }
}
