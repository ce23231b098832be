// Worker. Who of the pool stands where: reads the scoreboard, changes nothing.

import { elapsed } from '../clock.js';
import { type Scoreboard, State } from '../scoreboard.js';

/** For so many intervals a worker in user code keeps its share of the queue; a cold worker's first request takes long. */
const SHARE_PATIENCE = 2;

/** So many connections more than a worker that is in user code, and that worker shall have the queue. */
const CLEAR_DIFFERENCE = 2;

/**
 * The holder, as one worker sees it: it is that worker itself, there is none, it has been in user code for too long, it is in
 * user code, or it waits for connections.
 */
type Situation = 'ours' | 'nobody' | 'blocked' | 'in user code' | 'idle';

/** This worker among the others; `connections` is always its own, which only it knows to the last. */
export interface Balance {
  /** The connections each would have, had all together taken the whole queue. */
  level(connections: number, waiting: number): number;
  /** The waiter outside user code that has least; among equals the one whose last turn is longest ago. */
  leastLoadedWaiter(): number | undefined;
  /** The waiter to hand over to, if there is a better holder than we are. */
  successor(connections: number, waiting: number): number | undefined;
  /** Whether a worker in user code, which will look when it leaves it, has clearly less than we have. */
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
      // with the queue empty a hand-over costs nobody anything, and spreads what comes one after the other
      return difference === 0 && waiting === 0 && board.acceptedBefore(best, slot) ? best : undefined;
    },
    isAhead(connections) {
      for (const other of sharers()) if (connections - board.connections(other) >= CLEAR_DIFFERENCE) return true;
      return false;
    },
  };
}
