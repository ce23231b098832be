// Where a worker stops accepting: accept budget, `maxClients`, a drain.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { State, startPool } from './helpers/turnstiles.js';

const EMFILE = new Error('accept EMFILE: too many open files');

describe('an accept budget that ends in the middle of a batch', () => {
  it('is kept exactly, with the gate closed and the lock free before the worker is told', () => {
    const { pool, workers } = startPool(1, { accepts: 3 });
    pool.queue = 10;
    workers[0].poll();
    assert.deepEqual(workers[0].spent, [{ isOpen: false, isLocked: false, admitted: 3 }]);
    assert.equal(pool.queue, 7);
    assert.equal(pool.board.state(0), State.draining);
  });

  it('leaves the rest to the next one, who is woken', () => {
    const { pool, workers } = startPool(2, { accepts: 3 });
    pool.queue = 10;
    pool.settle();
    assert.deepEqual(
      workers.map(({ admitted, spent }) => [admitted, spent.length]),
      [
        [3, 1],
        [3, 1],
      ],
    );
    assert.equal(pool.queue, 4);
    assert.equal(pool.board.holder, undefined);
  });

  it('is kept by a worker that takes its share beside a busy holder', () => {
    const { pool, workers } = startPool(2, { accepts: 2 });
    workers[0].turnstile.enter();
    workers[1].turnstile.enter();
    pool.queue = 10;
    workers[1].endTurn();
    assert.deepEqual(workers[1].spent, [{ isOpen: false, isLocked: false, admitted: 2 }]);
    assert.equal(pool.board.holder, 0);
  });
});

describe('`maxClients` reached in the middle of a batch', () => {
  it('closes the gate, frees the lock and wakes the next one', () => {
    const { pool, workers } = startPool(2, { maxClients: 3 });
    pool.queue = 5;
    pool.board.setConnections(1, 5);
    workers[0].poll();
    assert.equal(workers[0].connections, 3);
    assert.equal(workers[0].isOpen, false);
    assert.equal(pool.owner, undefined);
    assert.equal(pool.board.state(0), State.full);
    assert.deepEqual([pool.board.holder, workers[1].isWoken], [undefined, true]);
  });

  it('leaves the rest in the queue until there is room, which is taken in a later turn', () => {
    const { pool, workers } = startPool(1, { maxClients: 3 });
    pool.queue = 5;
    pool.settle();
    workers[0].turnstile.left();
    assert.equal(workers[0].connections, 2, 'whoever counts connections has not seen the end of this one yet');
    pool.settle();
    assert.deepEqual([workers[0].connections, pool.queue], [3, 1]);
    for (let i = 0; i < 3; i++) workers[0].turnstile.left();
    pool.settle();
    assert.deepEqual([workers[0].connections, pool.queue], [1, 0]);
    assert.deepEqual(pool.open, [workers[0]]);
  });

  it('with everybody full waits for the first who has room', () => {
    const { pool, workers } = startPool(3, { maxClients: 2 });
    pool.queue = 10;
    pool.settle();
    assert.deepEqual([pool.queue, pool.open.length, pool.board.holder], [4, 0, undefined]);
    workers[2].turnstile.left();
    pool.settle();
    assert.deepEqual([pool.queue, workers[2].connections, pool.open.length], [3, 2, 0]);
  });
});

describe('a worker that cannot take the turn it is given', () => {
  for (const [what, prepare, options] of [
    ['has just begun to drain', (worker) => worker.turnstile.close()],
    ['has just lost its room', (worker) => worker.turnstile.exhausted(EMFILE)],
  ]) {
    it(`because it ${what} passes it on`, () => {
      const { pool, workers } = startPool(3, options);
      // it leaves the scoreboard between the holder's choice and its wake
      prepare(workers[1]);
      pool.board.holder = 1;
      pool.owner.turnstile.enter();
      workers[1].wake();
      workers[1].hear();
      assert.equal(pool.board.holder, undefined);
      assert.equal(workers[2].isWoken, true);
      workers[2].hear();
      assert.deepEqual([pool.board.holder, pool.owner], [2, workers[2]]);
    });
  }

  it('passes it on at once when it drains after the choice', () => {
    const { pool, workers } = startPool(3);
    pool.queue = 1;
    workers[0].poll();
    assert.equal(pool.board.holder, 1);
    workers[1].turnstile.close();
    assert.equal(pool.board.holder, undefined);
    pool.queue = 1;
    pool.settle();
    assert.deepEqual([pool.queue, workers[1].admitted], [0, 0]);
  });
});

describe('a drain', () => {
  it('closes the gate and frees the lock in the same turn, and wakes the next one', () => {
    const { pool, workers } = startPool(2);
    workers[0].turnstile.close();
    assert.deepEqual([workers[0].isOpen, pool.owner, pool.board.holder], [false, undefined, undefined]);
    workers[1].hear();
    assert.deepEqual(pool.open, [workers[1]]);
  });

  it('ends accepting for good, whatever happens', () => {
    const { pool, workers } = startPool(1, { maxClients: 2 });
    const [worker] = workers;
    pool.queue = 5;
    worker.poll();
    worker.turnstile.close();
    worker.turnstile.left();
    worker.wake();
    worker.turnstile.enter();
    pool.settle();
    pool.pass(10_000);
    worker.turnstile.look();
    assert.deepEqual([worker.admitted, pool.queue, worker.isOpen, pool.owner], [2, 3, false, undefined]);
    assert.equal(pool.board.state(0), State.draining);
  });

  it('before the first connection is no start', () => {
    const { pool } = startPool(0);
    const worker = pool.spawn();
    worker.turnstile.close();
    worker.turnstile.close();
    assert.deepEqual([worker.isOpen, pool.owner], [false, undefined]);
  });
});
