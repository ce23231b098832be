// Worker. Takes this worker's share of connections from the accept queues. Each one is counted first and served
// afterwards, and no limit is exceeded. It knows no lock: the turnstile decides when it may take connections.

import type { Socket } from 'node:net';
import type { Scoreboard } from '../scoreboard.js';
import type { Balance } from './balance.js';
import type { Entrance, Gate, Queue } from './gate.js';
import { BITE, type Pace } from './pace.js';
import type { Room } from './room.js';
import type { Seats } from './seats.js';

export interface IntakeParts {
  slot: number;
  board: Scoreboard;
  /** Serves a connection that has been counted. */
  admit(entrance: Entrance, socket: Socket): void;
}

export class Intake {
  readonly #parts: IntakeParts;
  readonly #multiAccept: number;
  readonly #room: Room;
  readonly #balance: Balance;
  readonly #pace: Pace;
  gate: Gate | undefined;
  seats: Seats | undefined;
  /** A connection was taken from the shared queue since this was last set to false. */
  hasTaken = false;

  constructor(parts: IntakeParts, multiAccept: number, room: Room, balance: Balance, pace: Pace) {
    this.#parts = parts;
    this.#multiAccept = multiAccept;
    this.#room = room;
    this.#balance = balance;
    this.#pace = pace;
  }

  /** Connections in the shared queue. */
  waiting(): number {
    return this.gate?.waiting() ?? 0;
  }

  /** A worker that has taken as many as it can serve soon leaves the rest of the queue to the others. */
  hasEnough(): boolean {
    return this.#pace.appetite() <= 0;
  }

  /** Takes connections until this worker has as many as each worker would have if they shared the whole queue. */
  takeShare(waiting: number, atMost = this.#multiAccept): void {
    if (waiting === 0) return;
    const { connections } = this.#room;
    const due = this.#balance.level(connections, waiting) - connections;
    this.take(Math.min(waiting, due, atMost, BITE, this.#pace.appetite()));
  }

  /** Takes all waiting connections, and those that come meanwhile, however many the other workers have. */
  takeRest(): void {
    for (const queue of [this.gate, this.seats]) {
      for (;;) {
        const { connections } = this.#room;
        this.take(queue?.waiting() ?? 0, queue);
        if (this.#room.connections === connections) break;
      }
    }
  }

  take(count: number, queue: Queue | undefined = this.gate): void {
    for (let i = 0; i < count && this.#room.isFree(); i++) {
      const next = queue?.take();
      if (!next) return;
      this.count(queue);
      this.serve(next.entrance, next.socket);
    }
  }

  /** A connection came through a seat. Other connections in the same queue are this worker's as well. */
  seated(entrance: Entrance, socket: Socket, seat: Queue): void {
    this.count(seat);
    this.serve(entrance, socket);
    this.take(Math.min(this.seats?.share(seat) ?? 0, this.#multiAccept - 1), seat);
  }

  /** Other seats may belong to this worker now, and another worker may be stuck while connections wait at its seats. */
  lookAtSeats(): void {
    const { seats } = this;
    if (!seats || !this.#room.isFree()) return;
    // This comes first, so that a worker with room for one connection opens no gate that it must close again. A worker that got the
    // turn by a hand-over was woken to take connections.
    const isForSeats = this.#balance.situation() !== 'ours';
    if (isForSeats) this.take(Math.min(seats.shareOfAll(), this.#multiAccept), seats);
    seats.look();
  }

  count(queue: Queue | undefined): void {
    if (queue === this.gate) {
      this.hasTaken = true;
      this.#pace.took();
      this.#parts.board.takeTurn(this.#parts.slot);
    }
    this.#room.count();
  }

  serve(entrance: Entrance, socket: Socket): void {
    this.#parts.admit(entrance, socket);
    this.#room.check();
  }
}
