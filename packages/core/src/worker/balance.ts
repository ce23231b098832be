// Worker. Compares this worker with the others. It reads the scoreboard and changes nothing.

import { elapsed } from '../clock.js';
import { type Scoreboard, State } from '../scoreboard.js';

/** A worker in user code keeps its share of the queue for so many intervals: the first request of a new worker takes long. */
const SHARE_PATIENCE = 2;

/** With so many connections more than a worker in user code, this worker leaves the queue to that one. */
const CLEAR_DIFFERENCE = 2;

/**
 * The holder, as one worker sees it: it is this worker, there is no holder, it has been in user code for too long, it is in
 * user code for a short time, or it waits for connections.
 */
type Situation = 'ours' | 'nobody' | 'blocked' | 'in user code' | 'idle';

/** This worker among the others. `connections` is its own count: only this worker knows it exactly. */
export interface Balance {
  /** How many connections each worker would have if they shared the whole queue. */
  level(connections: number, waiting: number): number;
  /** The waiter outside user code with the fewest connections. Among equals it is the one whose last turn is longest ago. */
  leastLoadedWaiter(): number | undefined;
  /** The waiter to hand over to, if it is a better holder than this worker. */
  successor(connections: number, waiting: number): number | undefined;
  /** Whether a worker in user code has clearly fewer connections. It looks at the queue when it leaves user code. */
  isAhead(connections: number): boolean;
  /** Who has the turn to accept, and what it is doing. */
  situation(): Situation;
  /** Whether a worker has been in user code for so many accept intervals. */
  isBlocked(slot: number, intervals?: number): boolean;
}

export function createBalance(board: Scoreboard, slot: number, acceptInterval: number, now: () => number): Balance {
  const isBlocked = (other: number, intervals = 1) => {
    const since = board.busySince(other);
    return since !== 0 && elapsed(since, now()) >= intervals * acceptInterval;
  };

  function* sharers(): Generator<number> {
    for (let other = 0; other < board.used; other++) {
      if (other !== slot && board.state(other) === State.ready && !isBlocked(other, SHARE_PATIENCE)) yield other;
    }
  }

  function leastLoadedWaiter(): number | undefined {
    let best: number | undefined;
    for (let other = 0; other < board.used; other++) {
      if (other === slot || board.state(other) !== State.ready || board.busySince(other) !== 0) continue;
      const more = best === undefined ? -1 : board.connections(other) - board.connections(best);
      if (best === undefined || more < 0 || (more === 0 && board.acceptedBefore(other, best))) best = other;
    }
    return best;
  }

  return {
    isBlocked,
    leastLoadedWaiter,
    situation() {
      const { holder } = board;
      if (holder === undefined) return 'nobody';
      if (holder === slot) return 'ours';
      if (isBlocked(holder)) return 'blocked';
      return board.busySince(holder) === 0 ? 'idle' : 'in user code';
    },
    level(connections, waiting) {
      let total = connections + waiting;
      let workers = 1;
      for (const other of sharers()) {
        total += board.connections(other);
        workers += 1;
      }
      return Math.ceil(total / workers);
    },
    successor(connections, waiting) {
      const best = leastLoadedWaiter();
      if (best === undefined) return undefined;
      const difference = connections - board.connections(best);
      if (difference > 0) return best;
      // While the queue is empty a hand-over costs nothing. It spreads connections that come one after the other.
      return difference === 0 && waiting === 0 && board.acceptedBefore(best, slot) ? best : undefined;
    },
    isAhead(connections) {
      for (const other of sharers()) if (connections - board.connections(other) >= CLEAR_DIFFERENCE) return true;
      return false;
    },
  };
}
