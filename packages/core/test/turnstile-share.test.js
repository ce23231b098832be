// How much a worker takes at once, and whom it hands over to.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { State, startPool } from './helpers/turnstiles.js';

describe('a share', () => {
  /** What the holder takes in one batch while the others have so many connections. */
  function batch(others, queue, options) {
    const { pool, workers } = startPool(others.length + 1, options);
    for (const [i, connections] of others.entries()) pool.board.setConnections(i + 1, connections);
    pool.queue = queue;
    workers[0].poll();
    return workers[0].connections;
  }

  it('is the queue divided by the workers, rounded up', () => {
    assert.equal(batch([0, 0], 9), 3);
    assert.equal(batch([0, 0], 10), 4);
    assert.equal(batch([], 10), 10);
  });

  it('fills up to the level at which all would stand, and not further', () => {
    assert.equal(batch([4, 2], 9), 5);
    assert.equal(batch([6, 6], 3), 3);
  });

  it('is nothing for a worker that stands above the level', () => {
    const { pool, workers } = startPool(2);
    pool.queue = 1;
    workers[0].poll();
    // the only other one is in user code: there is nobody to hand over to
    pool.board.setBusySince(1, pool.now);
    pool.queue = 1;
    workers[0].turnstile.look();
    assert.equal(workers[0].connections, 1);
    assert.equal(pool.queue, 1);
  });

  it('counts neither workers without room nor workers that drain', () => {
    const { pool, workers } = startPool(3);
    pool.board.setState(1, State.full);
    pool.board.setState(2, State.draining);
    pool.queue = 8;
    workers[0].poll();
    assert.equal(workers[0].connections, 8);
  });

  it('counts workers in user code, but not those that are blocked in it', () => {
    const { pool, workers } = startPool(3);
    pool.board.setBusySince(1, pool.now);
    pool.board.setBusySince(2, pool.now - 10 * pool.options.acceptInterval);
    pool.queue = 8;
    workers[0].poll();
    assert.equal(workers[0].connections, 4);
  });

  it('is `multiAccept` at the most', () => {
    assert.equal(batch([], 100, { multiAccept: 7 }), 7);
    assert.equal(batch([], 100, { multiAccept: 1 }), 1);
  });

  it('is the room at the most', () => {
    assert.equal(batch([], 100, { maxClients: 5 }), 5);
  });

  it('is what the accept budget leaves at the most', () => {
    assert.equal(batch([], 100, { accepts: 6 }), 6);
  });
});

describe('the hand-over', () => {
  /** Who gets the turn after the holder has accepted one connection. */
  function successorAmong(others, prepare = () => {}) {
    const { pool, workers } = startPool(others.length + 1);
    for (const [i, connections] of others.entries()) pool.board.setConnections(i + 1, connections);
    prepare(pool, workers);
    pool.queue = 1;
    workers[0].poll();
    return { pool, workers, next: pool.board.holder };
  }

  it('goes to the waiter that has least', () => {
    assert.equal(successorAmong([3, 0, 2]).next, 2);
  });

  it('does not happen while nobody has less', () => {
    const { pool, workers, next } = successorAmong([2, 3]);
    assert.equal(next, 0);
    assert.deepEqual(pool.open, [workers[0]]);
    assert.equal(pool.owner, workers[0]);
  });

  it('goes, among equals, to the one whose last turn is longest ago', () => {
    const lastTurns = (pool) => {
      for (const slot of [2, 3, 1]) pool.board.takeTurn(slot);
    };
    assert.equal(successorAmong([0, 0, 0], lastTurns).next, 2);
    // also when the holder has as many as they
    assert.equal(successorAmong([1, 1, 1], lastTurns).next, 2);
  });

  it('takes sequential connections round the pool', () => {
    const { pool, workers } = startPool(4);
    for (let i = 0; i < 40; i++) {
      pool.queue = 1;
      pool.settle();
      workers.find(({ connections }) => connections > 0).turnstile.left();
      pool.settle();
    }
    assert.deepEqual(
      workers.map(({ admitted }) => admitted),
      [10, 10, 10, 10],
    );
  });

  it('spreads a burst evenly', () => {
    const { pool, workers } = startPool(4);
    pool.queue = 100;
    pool.settle();
    assert.deepEqual(
      workers.map(({ connections }) => connections),
      [25, 25, 25, 25],
    );
  });

  it('never goes to a worker in user code', () => {
    assert.equal(successorAmong([0, 2], (pool) => pool.board.setBusySince(1, pool.now)).next, 0);
    assert.equal(successorAmong([0, 0], (pool) => pool.board.setBusySince(1, pool.now)).next, 2);
  });

  it('never goes to a worker without room, or to one that drains', () => {
    const { next } = successorAmong([0, 0], (pool) => {
      pool.board.setState(1, State.full);
      pool.board.setState(2, State.draining);
    });
    assert.equal(next, 0);
  });

  it('comes before the last connection is served: the next worker opens its gate meanwhile', () => {
    const { pool, workers } = startPool(2);
    const seen = [];
    workers[0].admitting = () => seen.push([pool.board.holder, pool.owner, workers[1].isWoken]);
    pool.queue = 1;
    workers[0].poll();
    assert.deepEqual(seen, [[1, undefined, true]]);
  });

  it('wakes one worker, after the lock is free, and closes the own gate', () => {
    const { pool, workers } = successorAmong([0, 0]);
    assert.equal(pool.owner, undefined);
    assert.deepEqual(pool.open, []);
    assert.deepEqual(
      workers.map(({ wakes }) => wakes),
      [0, 1, 0],
    );
    workers[1].hear();
    assert.deepEqual(pool.open, [workers[1]]);
    assert.equal(pool.owner, workers[1]);
  });

  it('leaves the queue to a worker in user code that has clearly less', () => {
    const { pool, workers } = startPool(2);
    const [ahead, behind] = workers;
    behind.turnstile.enter();
    pool.queue = 2;
    ahead.poll();
    assert.equal(ahead.connections, 1);
    pool.queue += 4;
    ahead.poll();
    assert.equal(ahead.connections, 3);
    assert.equal(ahead.isOpen, false);
    assert.equal(pool.owner, undefined);
    behind.endTurn();
    assert.equal(behind.connections, 3);
    assert.equal(pool.queue, 0);
  });

  it('leaves the queue to it also at a look at which it took none', () => {
    const { pool, workers } = startPool(2);
    const [ahead, behind] = workers;
    behind.turnstile.enter();
    pool.queue = 2;
    ahead.poll();
    pool.queue += 4;
    ahead.poll();
    pool.pass(pool.options.acceptInterval);
    assert.deepEqual([ahead.connections, ahead.isOpen, pool.owner], [3, false, undefined]);
    behind.endTurn();
    assert.equal(behind.connections, 3);
  });

  it('closes the gate in user code as soon as another worker has clearly less', () => {
    const { pool, workers } = startPool(2);
    const [holder, other] = workers;
    holder.turnstile.enter();
    other.turnstile.enter();
    pool.queue = 3;
    holder.poll();
    assert.equal(holder.isOpen, true);
    holder.poll();
    assert.deepEqual([holder.connections, holder.isOpen], [2, false]);
    other.endTurn();
    assert.deepEqual([other.connections, pool.queue], [1, 0]);
    holder.endTurn();
    assert.equal(pool.board.holder, other.slot);
  });
});
