// The waiter that stands in for a holder in user code.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startPool } from './helpers/turnstiles.js';

describe('the deputy', () => {
  it('is one waiter, woken when the holder enters user code', () => {
    const { workers } = startPool(4);
    workers[0].turnstile.enter();
    assert.equal(
      workers.reduce((sum, { wakes }) => sum + wakes, 0),
      1,
    );
  });

  it('is not called again while one looks', () => {
    const { pool, workers } = startPool(4);
    const wakes = () => workers.reduce((sum, worker) => sum + worker.wakes, 0);
    for (let turn = 0; turn < 200; turn++) {
      workers[0].turnstile.enter();
      for (const worker of workers) worker.turn();
      pool.board.setRequests(0, 0, turn + 1);
      pool.pass(1);
    }
    assert.equal(wakes(), 1);
    assert.equal(
      workers.every(({ timers }) => timers.length <= 1),
      true,
    );
  });

  it('takes over from a holder that is blocked for `acceptInterval`, and not sooner', () => {
    const { pool, workers } = startPool(2);
    workers[0].turnstile.enter();
    workers[1].hear();
    pool.queue = 2;
    pool.pass(pool.options.acceptInterval - 1);
    assert.equal(pool.owner, undefined);
    pool.pass(1);
    assert.deepEqual([pool.owner, pool.board.holder, workers[1].isOpen], [workers[1], 1, true]);
    assert.ok(workers[1].connections > 0);
  });

  it('takes what waits while the holder is busy, and leaves it the turn', () => {
    const { pool, workers } = startPool(2);
    pool.pass(10);
    workers[0].turnstile.enter();
    pool.queue = 3;
    workers[1].hear();
    assert.equal(workers[1].connections, 2);
    assert.equal(pool.board.holder, 0);
    assert.equal(pool.owner, undefined);
    workers[0].endTurn();
    assert.equal(pool.owner, workers[0]);
  });

  it('stops looking when nothing moves', () => {
    const { pool, workers } = startPool(3);
    workers[0].turnstile.enter();
    pool.settle();
    pool.pass(10 * pool.options.acceptInterval);
    assert.deepEqual(
      workers.map(({ timers }) => timers.length),
      [0, 0, 0],
    );
    assert.equal(pool.board.deputyAt, 0);
  });

  it('goes on looking while the holder serves', () => {
    const { pool, workers } = startPool(2);
    workers[0].turnstile.enter();
    pool.settle();
    for (let i = 1; i <= 10; i++) {
      pool.board.setRequests(0, 0, i);
      pool.pass(pool.options.acceptInterval);
      assert.equal(workers[1].timers.length, 1);
    }
  });

  it('is called, too, by a worker that enters user code before it hears that it is its turn', () => {
    const { pool, workers } = startPool(3);
    pool.queue = 1;
    workers[0].poll();
    assert.equal(pool.board.holder, 1);
    workers[1].turnstile.enter();
    workers[1].isStopped = true;
    pool.queue = 1;
    pool.run(4 * pool.options.acceptInterval);
    assert.equal(pool.queue, 0);
  });

  it('is replaced when it never answered', () => {
    const { pool, workers } = startPool(3);
    pool.losesWakes = true;
    workers[0].turnstile.enter();
    workers[0].endTurn();
    pool.losesWakes = false;
    pool.pass(2 * pool.options.acceptInterval);
    workers[0].turnstile.enter();
    assert.equal(
      workers.some(({ isWoken }) => isWoken),
      true,
    );
  });
});
