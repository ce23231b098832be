// A worker of a fake pool: a turnstile, and all that it stands on.

import { AcceptBudget } from '../../dist/worker/accept-budget.js';
import { Turnstile } from '../../dist/worker/turnstile.js';

export class FakeWorker {
  isAlive = true;
  /** By SIGSTOP, or in user code that does not end. */
  isStopped = false;
  isOpen = false;
  isWoken = false;
  wakes = 0;
  /** How often it has opened or closed its gate, and tried to lock. */
  toggles = 0;
  locks = 0;
  /** Connections admitted in its life. */
  admitted = 0;
  warnings = [];
  timers = [];
  immediates = [];
  /** What was true when `spent` was called. */
  spent = [];
  /** Called when it is given a connection to serve. */
  admitting = () => {};
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
        this.toggles += 1;
        this.isOpen = true;
      },
      close: () => {
        this.toggles += 1;
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
      pid: this.pid,
      budget,
      accepted() {},
      board: pool.board,
      lock: this.#createLock(),
      now: () => pool.now,
      admit: () => {
        this.admitted += 1;
        this.admitting();
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
        this.locks += 1;
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
