// What a look costs: it opens, closes and locks no more than it must, and takes no more than is due.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BITE } from '../dist/worker/pace.js';
import { State, startPool } from './helpers/turnstiles.js';

describe('a holder', () => {
  it('that looks once more does nothing: its gate is open', () => {
    const { pool, workers } = startPool(1);
    const { toggles, locks } = workers[0];
    pool.queue = 3;
    workers[0].turnstile.look();
    assert.deepEqual([workers[0].connections, workers[0].toggles, workers[0].locks], [0, toggles, locks]);
  });

  it('closes nothing when it comes out of user code: it is still the holder', () => {
    const { workers } = startPool(2);
    const { toggles } = workers[0];
    workers[0].turnstile.enter();
    workers[0].endTurn();
    assert.equal(workers[0].toggles, toggles + 1, 'one `open`, which changes nothing');
  });

  it('keeps the gate when it has taken nothing, however many connections it has', () => {
    const { pool, workers } = startPool(2);
    for (let i = 0; i < 2; i++) {
      pool.queue = 1;
      pool.settle();
    }
    workers[1].turnstile.left();
    assert.deepEqual([workers[0].connections, workers[1].connections, pool.board.holder], [1, 0, 0]);
    workers[0].turnstile.enter();
    workers[0].endTurn();
    assert.deepEqual(pool.open, [workers[0]]);
  });

  it('keeps the gate when it has taken all that waited, although a worker in user code has less', () => {
    const { pool, workers } = startPool(2);
    workers[1].turnstile.enter();
    for (let i = 0; i < 20; i++) {
      pool.queue = 1;
      workers[0].poll();
    }
    assert.deepEqual([workers[0].connections, workers[1].connections], [20, 0]);
    assert.deepEqual(pool.open, [workers[0]]);
  });

  it('that is woken sets no timer', () => {
    const { workers } = startPool(2);
    workers[0].turnstile.woken();
    assert.equal(workers[0].timers.length, 0);
  });

  it('that becomes full and has nobody to wake sets no timer', () => {
    const { pool, workers } = startPool(1, { maxClients: 1 });
    pool.queue = 2;
    pool.settle();
    assert.deepEqual([workers[0].connections, workers[0].isOpen, workers[0].timers.length], [1, false, 0]);
    assert.equal(pool.board.holder, undefined);
  });
});

describe('beside a holder in user code', () => {
  /** Worker 0 is the holder, and in user code. */
  function busy(count = 2) {
    const { pool, workers } = startPool(count);
    workers[0].turnstile.enter();
    return { pool, other: workers[1] };
  }

  it('a worker does not lock for an empty queue', () => {
    const { other } = busy();
    const { locks } = other;
    other.turnstile.look();
    assert.equal(other.locks, locks);
  });

  it('a worker gives the lock back, and looks again only after more than a bite', () => {
    for (const [waiting, again] of [
      [BITE, 0],
      [BITE + 1, 1],
    ]) {
      const { pool, other } = busy();
      pool.queue = waiting;
      other.turnstile.look();
      assert.ok(other.connections > 0);
      assert.equal(pool.owner, undefined);
      assert.equal(other.immediates.length, again, `${waiting} wait`);
    }
  });

  it('a worker that has taken as many as it can serve does not lock, and looks later', () => {
    const { pool, other } = busy();
    for (let i = 0; i < 200; i++) other.turnstile.enter();
    other.endTurn();
    pool.queue = 40;
    for (let i = 0; i < 10; i++) other.turnstile.enter();
    pool.now += 100;
    other.endTurn();
    assert.ok(other.connections > 0 && pool.queue > 0);
    const { locks } = other;
    other.turnstile.look();
    assert.deepEqual([other.locks, other.immediates.length, other.timers.length], [locks, 0, 1]);
  });

  it('a worker that passes a stuck holder takes no more than `multiAccept`', () => {
    const { pool, workers } = startPool(2, { multiAccept: 2 });
    workers[0].isStopped = true;
    pool.queue = 5;
    workers[1].turnstile.woken();
    const taken = [];
    for (let i = 0; i < 4; i++) {
      pool.pass(pool.options.acceptInterval);
      taken.push(workers[1].connections);
    }
    assert.ok(taken.includes(2), `${taken}`);
    assert.ok(
      taken.every((count, i) => count - (taken[i - 1] ?? 0) <= 2),
      `${taken}`,
    );
  });

  it('a worker that finds the lock taken takes nothing', () => {
    const { pool, other } = busy(3);
    pool.owner = pool.workers[2];
    pool.queue = 3;
    other.turnstile.look();
    assert.deepEqual([other.connections, pool.owner], [0, pool.workers[2]]);
  });
});

describe('without the accept lock', () => {
  it('a worker takes `multiAccept` for each connection that arrives, and locks nothing', () => {
    const { pool, workers } = startPool(1, { acceptLock: false, multiAccept: 3 });
    pool.queue = 10;
    workers[0].poll();
    assert.deepEqual([workers[0].connections, pool.queue, workers[0].locks], [3, 7, 0]);
  });

  it('a worker that is woken looks at nothing: its gate is open', () => {
    const { pool, workers } = startPool(1, { acceptLock: false });
    pool.queue = 2;
    workers[0].turnstile.woken();
    assert.deepEqual([workers[0].connections, workers[0].locks, workers[0].timers.length], [0, 0, 0]);
    assert.equal(pool.board.holder, undefined);
  });
});

describe('the scoreboard', () => {
  it('is written again when the worker is woken, user code included', () => {
    const { pool, workers } = startPool(2);
    const { board } = pool;
    board.setBusySince(1, 77);
    board.setState(1, State.none);
    workers[1].turnstile.woken();
    assert.deepEqual([board.busySince(1), board.state(1)], [0, State.ready]);
    workers[1].turnstile.enter();
    pool.pass(5);
    workers[1].turnstile.woken();
    assert.equal(board.busySince(1), pool.now - 5, 'it is still in user code');
  });
});

describe('a close', () => {
  it('leaves the queue to the others, and takes it where nobody else would', () => {
    for (const [takesRest, taken] of [
      [undefined, 0],
      [false, 0],
      [true, 3],
    ]) {
      const { pool, workers } = startPool(1);
      pool.queue = 3;
      workers[0].turnstile.close(takesRest);
      assert.deepEqual([workers[0].connections, pool.queue], [taken, 3 - taken]);
      assert.deepEqual(pool.open, []);
    }
  });
});

describe('a worker that has room again', () => {
  it('looks at once, unless it is in user code: it looks after it', () => {
    for (const isBusy of [false, true]) {
      const { pool, workers } = startPool(1, { maxClients: 1 });
      const [worker] = workers;
      pool.queue = 1;
      pool.settle();
      if (isBusy) worker.turnstile.enter();
      const leaves = worker.immediates.splice(0);
      worker.turnstile.left();
      worker.endTurn();
      assert.equal(pool.owner === worker, !isBusy);
      for (const leave of leaves) leave();
      assert.equal(pool.owner, worker);
    }
  });
});
