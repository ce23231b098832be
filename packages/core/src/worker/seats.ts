// Worker. The seats: the sockets of locations with `reuse`, which workers poll without the accept lock. The kernel puts each
// connection into the queue of one of them, even if no worker polls it. So each seat needs a worker while any worker has room.
// The scoreboard tells which worker. A worker that changes the scoreboard wakes the workers that the change concerns.

import { type Scoreboard, State } from '../scoreboard.js';
import type { Entrance, Gate, Queue } from './gate.js';
import { stickySeatsOf } from './sticky.js';

export interface SeatsParts {
  slot: number;
  board: Scoreboard;
  /** Sends the worker with this pid to look at its seats. */
  wake(pid: number): void;
}

/** The workers that serve, in the order of their slots. */
function activeSlots(board: Scoreboard): number[] {
  const active: number[] = [];
  for (let slot = 0; slot < board.used; slot++) {
    const state = board.state(slot);
    if (state === State.ready || state === State.full) active.push(slot);
  }
  return active;
}

/**
 * The seats of the worker in `slot`, of `count`. The workers get them one after the other; with more workers than seats several have
 * the same seat. The next worker with room also gets the seats of a worker that is full.
 */
export function seatsOf(board: Scoreboard, slot: number, count: number): Set<number> {
  const active = activeSlots(board);
  const seats = new Set<number>();
  let rank = active.indexOf(slot);
  for (let left = rank === -1 ? 0 : active.length; left > 0; left--) {
    for (let seat = rank; seat < Math.max(count, active.length); seat += active.length) seats.add(seat % count);
    rank = (rank + active.length - 1) % active.length;
    if (board.state(active[rank] ?? slot) === State.ready) break;
  }
  return seats;
}

export class Seats implements Queue {
  readonly #parts: SeatsParts;
  readonly #locations: readonly (readonly Gate[])[];
  readonly #sticky: ReadonlySet<Queue>;

  /**
   * @param locations a gate for each seat, closed, for each location.
   * @param sticky for each location, whether its seats have one worker each, whatever waits there.
   */
  constructor(parts: SeatsParts, locations: readonly (readonly Gate[])[], sticky: readonly boolean[] = []) {
    this.#parts = parts;
    this.#locations = locations;
    this.#sticky = new Set(locations.filter((_, i) => sticky[i]).flat());
  }

  /** This worker is new: the others have fewer now. */
  start(): void {
    this.look();
    for (const slot of this.#others()) this.#wake(slot);
  }

  /** Polls the seats that belong to this worker now, and no others. */
  look(): void {
    const { board, slot } = this.#parts;
    let isBack = false;
    for (const gates of this.#locations) {
      const mine = this.#isSticky(gates)
        ? stickySeatsOf(board, slot, gates.length)
        : seatsOf(board, slot, gates.length);
      for (const [seat, gate] of gates.entries()) {
        // if one does not open, because no descriptor is free, this worker leaves all seats
        if (mine.has(seat) && board.state(slot) === State.ready) {
          isBack ||= this.#sticky.has(gate) && !gate.isOpen && board.id(slot) === seat;
          gate.open();
        } else gate.close();
      }
    }
    // another worker has taken care of this worker's own seat
    if (isBack) for (const slot of this.#others()) this.#wake(slot);
  }

  /** Stops polling, for the reason that this worker's slot tells, and passes its seats to others. */
  leave(): void {
    const { board, slot } = this.#parts;
    for (const gate of this.#gates()) gate.close();
    const others = this.#others();
    // A full worker keeps its place. When it comes back, the seats of the others do not move.
    if (board.state(slot) === State.full && this.#sticky.size === 0)
      this.#wake(others.find((other) => other > slot) ?? others[0]);
    else if (!board.isStopping) for (const other of others) this.#wake(other);
  }

  /** Accepts no more connections there. */
  remove(entrance: Entrance): void {
    for (const gate of this.#gates()) gate.remove?.(entrance);
  }

  /** An even part of a queue that several workers poll, or the whole queue if only this worker polls it. */
  share(seat: Queue): number {
    if (this.#sticky.has(seat)) return seat.waiting();
    const workers = activeSlots(this.#parts.board).length;
    const count = this.#locations.find((gates) => gates.some((gate) => gate === seat))?.length ?? 1;
    return Math.ceil(seat.waiting() / Math.max(1, Math.ceil(workers / count)));
  }

  /** An even part of all queues except the sticky ones: some queues may belong to a worker that is stuck. */
  shareOfAll(): number {
    return Math.ceil(sum(this.#common()) / (1 + this.#others().length));
  }

  /** Connections in the queues of all seats, whichever worker polls them. */
  waiting(): number {
    return sum(this.#gates());
  }

  /** Takes one connection from any seat, from a sticky one only when nothing waits at the others. */
  take(): ReturnType<Queue['take']> {
    for (const gate of [...this.#common(), ...this.#sticky]) {
      const next = gate.waiting() > 0 ? gate.take() : undefined;
      if (next) return next;
    }
    return undefined;
  }

  #isSticky([first]: readonly Gate[]): boolean {
    return first !== undefined && this.#sticky.has(first);
  }

  #common(): Gate[] {
    return this.#gates().filter((gate) => !this.#sticky.has(gate));
  }

  #gates(): Gate[] {
    return this.#locations.flat();
  }

  /** The other workers that have room. */
  #others(): number[] {
    const { board, slot } = this.#parts;
    return activeSlots(board).filter((other) => other !== slot && board.state(other) === State.ready);
  }

  #wake(slot: number | undefined): void {
    if (slot !== undefined) this.#parts.wake(this.#parts.board.pid(slot));
  }
}

function sum(queues: readonly Queue[]): number {
  return queues.reduce((total, queue) => total + queue.waiting(), 0);
}
