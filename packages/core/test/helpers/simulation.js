// A pool of turnstiles under a random schedule: arrivals, requests, blocks, stops, deaths, drains and lost descriptors, with
// other workers coming in between any two steps. What must hold at every moment is checked at every moment.

import assert from 'node:assert/strict';
import { FakePool, State } from './turnstiles.js';

const STEPS = 3_000;
export const LOCK_TIMEOUT = 1_000;
/** Time in which nobody gets to anything. Milliseconds. */
export const LONGEST_TURN = 40;

/** mulberry32: numbers from 0 to 1, the same for the same seed. */
function dice(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Simulation {
  /** How long somebody waits while somebody could take it. */
  longestWait = 0;
  #waited = 0;
  #depth = 0;
  #lookAt = 0;

  constructor(seed, options, { canStop = true, canWant = true } = {}) {
    this.random = dice(seed);
    this.canStop = canStop;
    this.canWant = canWant;
    this.pool = new FakePool(options);
    this.pool.between = (worker) => this.#comeBetween(worker);
    this.count = 2 + Math.floor(this.random() * 5);
    for (let i = 0; i < this.count; i++) this.pool.spawn();
  }

  chance(probability) {
    return this.random() < probability;
  }

  step() {
    const { pool } = this;
    if (this.chance(0.2)) pool.queue += 1 + Math.floor(this.random() ** 4 * 60);
    for (const worker of this.#shuffled()) this.#live(worker);
    this.#manage();
    this.check();
    const time = this.chance(0.1) ? LONGEST_TURN : 1;
    pool.pass(time);
    this.#measure(time);
  }

  /** Nothing happens any more, except what must. */
  calm() {
    const { pool } = this;
    for (const worker of pool.workers) Object.assign(worker, { error: undefined, isStopped: false });
    for (let time = 0; time < 5 * LOCK_TIMEOUT; time += 5) {
      for (const worker of pool.workers) worker.turn();
      this.#manage();
      this.check();
      pool.pass(5);
      this.#measure(5);
    }
  }

  check() {
    const { pool } = this;
    for (const { connections, admitted, spent } of pool.workers) {
      assert.ok(connections <= pool.options.maxClients, `${connections} connections`);
      assert.ok(pool.accepts === 0 || admitted <= pool.accepts, `${admitted} accepts`);
      assert.equal(spent.length, pool.accepts > 0 && admitted === pool.accepts ? 1 : 0);
      for (const moment of spent) assert.deepEqual(moment, { isOpen: false, isLocked: false, admitted: pool.accepts });
    }
    if (!pool.options.acceptLock) return;
    // a gate stays open through user code, to whose end a look belongs, and through a stop; nobody polls it then
    const isPolled = ({ slot, isStopped, immediates }) =>
      !isStopped && pool.board.busySince(slot) === 0 && immediates.length === 0;
    const open = pool.open.filter(isPolled);
    assert.ok(open.length <= 1, `the gates of workers ${open.map(({ slot }) => slot)} are open`);
    for (const worker of pool.workers) {
      assert.ok(!worker.isLocked || pool.board.busySince(worker.slot) === 0, 'user code runs with the lock');
    }
  }

  /** Whether anybody is there to take a connection. */
  get isServed() {
    return this.pool.workers.some((worker) => this.#canTake(worker));
  }

  #canTake({ isAlive, isStopped, error, slot }) {
    const { board } = this.pool;
    return isAlive && !isStopped && !error && board.state(slot) === State.ready && board.busySince(slot) === 0;
  }

  #live(worker) {
    if (!worker.isAlive) return;
    const { pool } = this;
    if (worker.isStopped) {
      if (this.chance(0.02)) worker.isStopped = false;
      return;
    }
    if (this.canWant && this.chance(0.002)) worker.error = new Error('accept EMFILE');
    else if (this.chance(0.05)) worker.error = undefined;
    worker.hear();
    if (worker.connections > 0 && this.chance(0.3)) this.#serve(worker);
    // user code that takes long keeps the worker from the rest of its turn
    if (pool.board.busySince(worker.slot) !== 0 && this.chance(0.1)) worker.isStopped = this.canStop;
    if (worker.isStopped) return;
    worker.poll();
    worker.endTurn();
    if (this.canStop && this.chance(0.0005)) worker.isStopped = true;
    if (this.chance(0.002)) worker.turnstile.close();
    if (this.chance(0.002)) this.#kill(worker);
  }

  #kill(worker) {
    this.pool.kill(worker);
    this.#lookAt = 0;
  }

  #serve(worker) {
    worker.turnstile.enter();
    worker.served = (worker.served ?? 0) + 1;
    this.pool.board.setRequests(worker.slot, 0, worker.served);
    for (let i = worker.connections; i > 0; i--) if (this.chance(0.2)) worker.turnstile.left();
  }

  /** Reaps, spawns, and looks at the queue. */
  #manage() {
    const { pool } = this;
    for (const worker of pool.workers) {
      const isDrained = pool.board.state(worker.slot) === State.draining && worker.connections === 0;
      if (isDrained && !worker.isStopped) this.#kill(worker);
      if (!worker.isAlive && this.chance(0.2)) pool.spawn(worker.slot);
    }
    if (pool.now < this.#lookAt) return;
    this.#lookAt = pool.now + LOCK_TIMEOUT;
    if (pool.options.acceptLock) pool.look();
  }

  /** Another worker takes a turn while this one is in the middle of its own. */
  #comeBetween(worker) {
    if (this.#depth >= 2 || !this.chance(0.1)) return;
    this.#depth += 1;
    const others = this.#shuffled().filter((other) => other !== worker && !other.isInTurn && !other.isStopped);
    worker.isInTurn = true;
    others[0]?.turn();
    worker.isInTurn = false;
    this.#depth -= 1;
  }

  #measure(time) {
    const { pool } = this;
    // whoever is accepted shortens the queue; the first of it has waited since then
    const admitted = pool.workers.reduce((sum, worker) => sum + worker.admitted, 0);
    if (pool.queue === 0 || !this.isServed || admitted !== this.lastAdmitted) this.#waited = 0;
    else this.#waited += time;
    this.lastAdmitted = admitted;
    this.longestWait = Math.max(this.longestWait, this.#waited);
  }

  #shuffled() {
    const { workers } = this.pool;
    return workers
      .map((worker) => [this.random(), worker])
      .sort(([a], [b]) => a - b)
      .map(([, worker]) => worker);
  }
}

/** Runs it to its end; returns how long somebody waited while somebody could take it. */
export function simulate(seed, options, troubles) {
  const simulation = new Simulation(seed, options, troubles);
  for (let i = 0; i < STEPS; i++) simulation.step();
  simulation.calm();
  assert.ok(simulation.pool.queue === 0 || !simulation.isServed, `${simulation.pool.queue} wait for ever`);
  return simulation.longestWait;
}
