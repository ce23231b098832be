// Turnstiles without processes: one accept queue, one lock, one scoreboard and one clock for all of them. The clock stands
// still until it is told. What a process of its own would do by itself, a test does: poll, end a loop turn, hear a wake.

import { SCOREBOARD_BYTES, Scoreboard, State } from '../../dist/scoreboard.js';
import { AcceptBudget } from '../../dist/worker/accept-budget.js';
import { Turnstile } from '../../dist/worker/turnstile.js';

export { State };

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
  board = new Scoreboard(new Uint32Array(SCOREBOARD_BYTES / 4));
  workers = [];
  /** Called before each step of a turnstile that others can see: the place where another process may come in between. */
  between = () => {};

  constructor({ accepts = 0, ...options } = {}) {
    this.accepts = accepts;
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
    if (this.board.holder === worker.slot) this.board.holder = undefined;
    this.board.clear(worker.slot);
  }

  /** What the manager does in its pass. */
  look() {
    const { board } = this;
    if (board.holder !== undefined && this.queue === 0) return;
    const able = this.workers.filter(({ slot }) => board.state(slot) === State.ready && board.busySince(slot) === 0);
    const waiter = able.find(({ slot }) => slot !== board.holder) ?? able[0];
    waiter?.wake();
  }

  get open() {
    return this.workers.filter(({ isOpen, isAlive }) => isOpen && isAlive);
  }
}

class FakeWorker {
  isAlive = true;
  /** By SIGSTOP, or in user code that does not end. */
  isStopped = false;
  isOpen = false;
  isWoken = false;
  wakes = 0;
  /** Connections admitted in its life. */
  admitted = 0;
  warnings = [];
  timers = [];
  immediates = [];
  /** What was true when `spent` was called. */
  spent = [];
  /** An error that the system gives in place of the next connections. */
  error;

  constructor(pool, slot) {
    this.pool = pool;
    this.slot = slot;
    this.pid = 100 + slot;
    this.budget = new AcceptBudget(pool.accepts, () => 0);
    this.gate = this.#createGate();
    this.turnstile = new Turnstile(this.#createParts(), pool.options);
    pool.board.enter(slot, this.pid);
  }

  get connections() {
    return this.turnstile.connections;
  }

  get isLocked() {
    return this.pool.owner === this;
  }

  /** One loop turn: a signal, a connection, the check phase. Returns whether there was anything. */
  turn() {
    const hasWork = this.isWoken || this.immediates.length > 0 || (this.isOpen && this.pool.queue > 0);
    if (!this.isAlive || this.isStopped || !hasWork) return false;
    this.hear();
    this.poll();
    this.endTurn();
    return true;
  }

  /** Takes one connection through the open gate, as libuv does. */
  poll() {
    if (!this.isOpen || this.pool.queue === 0) return;
    if (this.error) return this.turnstile.exhausted(this.error);
    this.pool.queue -= 1;
    this.turnstile.arrived({}, {});
  }

  endTurn() {
    for (const callback of this.immediates.splice(0)) callback();
  }

  /** Gets the signal that a wake has sent. */
  hear() {
    if (!this.isWoken) return;
    this.isWoken = false;
    this.turnstile.woken();
  }

  wake() {
    this.wakes += 1;
    this.isWoken = !this.pool.losesWakes;
  }

  die() {
    Object.assign(this, { isAlive: false, isOpen: false, isWoken: false, immediates: [], timers: [] });
    if (this.isLocked) this.pool.owner = undefined;
  }

  #createGate() {
    const { pool } = this;
    return {
      open: () => {
        this.isOpen = true;
      },
      close: () => {
        this.isOpen = false;
      },
      waiting: () => {
        pool.between(this);
        return pool.queue;
      },
      take: () => {
        if (pool.queue === 0) return undefined;
        if (this.error) return this.turnstile.exhausted(this.error);
        pool.queue -= 1;
        return { entrance: {}, socket: {} };
      },
    };
  }

  #createParts() {
    const { pool, slot, budget } = this;
    return {
      slot,
      budget,
      board: pool.board,
      lock: this.#createLock(),
      now: () => pool.now,
      admit: () => {
        this.admitted += 1;
      },
      spent: () => this.spent.push({ isOpen: this.isOpen, isLocked: this.isLocked, admitted: this.admitted }),
      warn: (message) => this.warnings.push(message),
      afterTurn: (callback) => this.immediates.push(callback),
      after: (milliseconds, callback) => this.timers.push({ at: pool.now + milliseconds, callback, worker: this }),
    };
  }

  #createLock() {
    const { pool } = this;
    return {
      tryLock: () => {
        pool.between(this);
        if (pool.owner && pool.owner !== this) return false;
        pool.owner = this;
        return true;
      },
      unlock: () => {
        if (!this.isLocked) throw new Error(`worker ${this.slot} unlocks what it has not`);
        pool.owner = undefined;
        pool.between(this);
      },
      wake: (pid) => pool.workers.find((worker) => worker.pid === pid && worker.isAlive)?.wake(),
    };
  }
}
