// Who polls the listening socket, and who does when its worker runs user code.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startPool } from './helpers/turnstiles.js';

describe('the gate', () => {
  it('is open in the first worker that starts, and in no other', () => {
    const { pool, workers } = startPool(3);
    assert.deepEqual(pool.open, [workers[0]]);
    assert.equal(pool.owner, workers[0]);
    assert.equal(pool.board.holder, 0);
  });

  it('is open in one worker only, whatever arrives', () => {
    const { pool } = startPool(4);
    for (const burst of [1, 7, 1, 100, 3, 1, 1]) {
      pool.queue += burst;
      pool.settle();
      assert.equal(pool.open.length, 1);
      assert.equal(pool.owner, pool.open[0]);
    }
  });

  it('stays open in an idle holder: nobody is woken', () => {
    const { pool, workers } = startPool(3);
    pool.pass(60_000);
    pool.settle();
    assert.deepEqual(pool.open, [workers[0]]);
    assert.deepEqual(
      workers.map(({ wakes, timers }) => [wakes, timers.length]),
      [
        [0, 0],
        [0, 0],
        [0, 0],
      ],
    );
  });
});

describe('user code', () => {
  it('never runs while the worker has the lock, and the gate is left as it is', () => {
    const { pool, workers } = startPool(2);
    workers[0].turnstile.enter();
    assert.equal(pool.owner, undefined);
    assert.deepEqual(pool.open, [workers[0]]);
    assert.equal(pool.board.busySince(0), pool.now);
  });

  it('is followed by another try in the same turn: nothing was toggled', () => {
    const { pool, workers } = startPool(2);
    workers[0].turnstile.enter();
    workers[0].endTurn();
    assert.equal(pool.owner, workers[0]);
    assert.deepEqual(pool.open, [workers[0]]);
    assert.equal(pool.board.busySince(0), 0);
  });

  it('unlocks once a loop turn, however many requests it has', () => {
    const { workers } = startPool(1);
    for (let i = 0; i < 5; i++) workers[0].turnstile.enter();
    assert.equal(workers[0].immediates.length, 1);
  });

  it('that ends after somebody took over closes the gate', () => {
    const { pool, workers } = startPool(2);
    workers[0].turnstile.enter();
    pool.pass(pool.options.acceptInterval);
    workers[1].turnstile.look();
    assert.equal(pool.owner, workers[1]);
    workers[0].endTurn();
    assert.deepEqual(pool.open, [workers[1]]);
  });

  it('does not keep the holder from being woken later', () => {
    const { pool, workers } = startPool(2);
    workers[1].turnstile.enter();
    workers[1].wake();
    workers[1].hear();
    assert.equal(pool.owner, workers[0]);
    workers[1].endTurn();
    assert.deepEqual(pool.open, [workers[0]]);
  });

  it('keeps a worker that is woken from the lock until it ends', () => {
    const { pool, workers } = startPool(2);
    pool.queue = 1;
    workers[0].poll();
    workers[1].turnstile.enter();
    workers[1].hear();
    assert.deepEqual([pool.board.holder, pool.owner, workers[1].isOpen], [1, undefined, false]);
    workers[1].endTurn();
    assert.deepEqual([pool.owner, workers[1].isOpen], [workers[1], true]);
  });

  it('in the holder leaves connections to workers that come out of theirs', () => {
    const { pool, workers } = startPool(3);
    for (const worker of workers) worker.turnstile.enter();
    pool.queue = 3;
    workers[1].endTurn();
    assert.equal(workers[1].connections, 1);
    assert.equal(pool.owner, undefined);
    assert.equal(pool.board.holder, 0);
    workers[0].endTurn();
    workers[2].endTurn();
    assert.equal(pool.owner?.slot, pool.board.holder);
  });
});
