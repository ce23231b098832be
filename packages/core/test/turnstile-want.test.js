// A worker that is out of descriptors, and a pool without the accept lock.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BITE } from '../dist/worker/pace.js';
import { startPool } from './helpers/turnstiles.js';

const EMFILE = new Error('accept EMFILE: too many open files');

describe('a want of descriptors', () => {
  it('closes the gate for a moment, and then tries again', () => {
    const { pool, workers } = startPool(1);
    workers[0].error = EMFILE;
    pool.queue = 2;
    workers[0].poll();
    assert.deepEqual([workers[0].isOpen, pool.owner, pool.queue], [false, undefined, 2]);
    assert.match(workers[0].warnings[0], /EMFILE/);
    workers[0].error = undefined;
    pool.pass(pool.options.acceptInterval);
    pool.settle();
    assert.deepEqual([workers[0].connections, pool.queue], [2, 0]);
    assert.deepEqual(pool.open, [workers[0]]);
  });

  it('hands the turn to a worker that may have some', () => {
    const { pool, workers } = startPool(2);
    workers[0].error = EMFILE;
    pool.queue = 4;
    pool.settle();
    assert.deepEqual([workers[0].connections, workers[1].connections, pool.queue], [0, 4, 0]);
  });

  it('in the middle of a batch leaves the rest in the queue', () => {
    const { pool, workers } = startPool(1);
    const take = workers[0].gate.take;
    workers[0].gate.take = () => {
      if (workers[0].connections === 3) workers[0].error = EMFILE;
      return take();
    };
    pool.queue = 10;
    workers[0].poll();
    assert.deepEqual([workers[0].connections, pool.queue, pool.owner], [3, 7, undefined]);
  });

  it('is said once while it lasts, and again when it comes back', () => {
    const { pool, workers } = startPool(1);
    const want = () => {
      workers[0].error = EMFILE;
      pool.queue = 1;
      for (let i = 0; i < 100; i++) {
        pool.settle();
        pool.pass(pool.options.acceptInterval);
      }
    };
    want();
    assert.equal(workers[0].warnings.length, 1);
    workers[0].error = undefined;
    pool.run(2 * pool.options.acceptInterval);
    assert.equal(pool.queue, 0);
    want();
    assert.equal(workers[0].warnings.length, 2);
  });
});

describe('without the accept lock', () => {
  it('every gate is open, and nobody locks or wakes', () => {
    const { pool, workers } = startPool(3, { acceptLock: false });
    pool.queue = 1;
    workers[1].poll();
    workers[1].turnstile.enter();
    pool.settle();
    assert.equal(pool.open.length, 3);
    assert.equal(pool.owner, undefined);
    assert.equal(
      workers.every(({ wakes }) => wakes === 0),
      true,
    );
  });

  it('a batch is a fair share, too', () => {
    const { pool, workers } = startPool(4, { acceptLock: false });
    pool.queue = 100;
    workers[0].poll();
    assert.equal(workers[0].connections, 1 + BITE);
    workers[0].poll();
    assert.equal(workers[0].connections, 25, 'and never more than that');
  });

  it('a full worker closes its gate until there is room', () => {
    const { pool, workers } = startPool(1, { acceptLock: false, maxClients: 2 });
    pool.queue = 3;
    pool.settle();
    assert.deepEqual([workers[0].isOpen, pool.queue], [false, 1]);
    workers[0].turnstile.left();
    pool.settle();
    assert.deepEqual([workers[0].connections, pool.queue], [2, 0]);
    workers[0].turnstile.left();
    pool.settle();
    assert.equal(workers[0].isOpen, true);
  });

  it('the budget is kept, and a want of descriptors survived', () => {
    const { pool, workers } = startPool(1, { acceptLock: false, accepts: 4 });
    workers[0].error = EMFILE;
    pool.queue = 9;
    workers[0].poll();
    assert.equal(workers[0].isOpen, false);
    workers[0].error = undefined;
    pool.pass(pool.options.acceptInterval);
    pool.settle();
    assert.deepEqual([workers[0].admitted, workers[0].spent.length, pool.queue], [4, 1, 5]);
    assert.equal(workers[0].isOpen, false);
  });
});
