// Turnstiles without processes: one accept queue, one lock, one scoreboard and one clock for all of them. The clock stands
// still until it is told. What a process of its own would do by itself, a test does: poll, end a loop turn, hear a wake.

import { forget, QueueWatch, waiterOf } from '../../dist/manager/queue-watch.js';
import { SCOREBOARD_BYTES, Scoreboard, State } from '../../dist/scoreboard.js';
import { FakeWorker } from './worker.js';

export { State };

const TURN = 4; // the word of the scoreboard's header that counts accepts

export const OPTIONS = { acceptInterval: 25, acceptLock: true, maxClients: 1_000, multiAccept: 50 };

/** Workers of one pool, all started. `accepts` is the exact budget of each; 0 means no limit. */
export function startPool(count, options = {}) {
  const pool = new FakePool(options);
  return { pool, workers: Array.from({ length: count }, () => pool.spawn()) };
}

export class FakePool {
  now = 1_000;
  /** Connections in the accept queue. */
  queue = 0;
  /** Who has the lock. */
  owner;
  /** Whether the next wakes get lost. */
  losesWakes = false;
  workers = [];
  /** Called before each step of a turnstile that others can see: the place where another process may come in between. */
  between = () => {};

  /** `turn`: how often the pool has accepted before. */
  constructor({ accepts = 0, turn = 0, ...options } = {}) {
    this.accepts = accepts;
    const words = new Uint32Array(SCOREBOARD_BYTES / 4);
    words[TURN] = turn;
    this.board = new Scoreboard(words);
    this.options = { ...OPTIONS, ...options };
  }

  spawn(slot = this.workers.length) {
    this.board.claim(slot);
    const worker = new FakeWorker(this, slot);
    this.workers[slot] = worker;
    worker.turnstile.start(worker.gate);
    return worker;
  }

  /** Lets time pass, timers included, and nothing else happens. */
  pass(milliseconds) {
    const end = this.now + milliseconds;
    for (;;) {
      const timers = this.workers.flatMap((worker) => (worker.isStopped ? [] : worker.timers));
      const due = timers.sort((a, b) => a.at - b.at)[0];
      if (!due || due.at > end) break;
      this.now = Math.max(this.now, due.at);
      due.worker.timers.splice(due.worker.timers.indexOf(due), 1);
      due.callback();
    }
    this.now = end;
  }

  /** Lets time pass, and whoever is not stopped takes its turns. */
  run(milliseconds) {
    for (const end = this.now + milliseconds; this.now < end; this.pass(1)) this.settle();
  }

  /** Every worker takes its turn until nobody has anything to do; time stands still. */
  settle() {
    for (let round = 0; round < 1_000; round++) if (!this.workers.map((worker) => worker.turn()).some(Boolean)) return;
    throw new Error('they never come to rest');
  }

  /** Kill -9, and what the manager does when it reaps. */
  kill(worker) {
    worker.die();
    forget(this.board, worker.slot);
  }

  /** What the manager does in its pass. */
  look() {
    const watch = new QueueWatch(this.board, [{ reuse: false, waiting: () => this.queue }], this.options.acceptLock);
    if (watch.look(this.now).waiter) waiterOf(this.board, this.workers)?.wake();
  }

  get open() {
    return this.workers.filter(({ isOpen, isAlive }) => isOpen && isAlive);
  }
}
