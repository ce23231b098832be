// Connections that come through a seat: counted as all others, and no business of the accept lock.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { State, startPool } from './helpers/turnstiles.js';

/** Nobody else waits there. */
const SEAT = { waiting: () => 0, take: () => undefined };

describe('a connection that comes through a seat', () => {
  const arrive = (worker) => worker.turnstile.seated({}, {}, SEAT);

  it('is one of `accepts`', () => {
    const { workers } = startPool(1, { accepts: 3 });
    for (let i = 0; i < 3; i++) arrive(workers[0]);
    assert.deepEqual(workers[0].spent, [{ isOpen: false, isLocked: false, admitted: 3 }]);
  });

  it('is one of `maxClients`, also for a holder', () => {
    const { pool, workers } = startPool(2, { maxClients: 2 });
    assert.equal(pool.owner, workers[0]);
    for (let i = 0; i < 2; i++) arrive(workers[0]);
    assert.equal(pool.board.state(0), State.full);
    pool.settle();
    assert.equal(pool.owner, workers[1]);
  });

  it('is no turn: a stuck holder does not look as if it moved', () => {
    const { pool, workers } = startPool(2);
    arrive(workers[1]);
    assert.equal(pool.board.turn, 0);
    assert.equal(pool.board.connections(1), 1);
  });

  it('makes no holder hand over', () => {
    const { pool, workers } = startPool(2);
    arrive(workers[0]);
    pool.settle();
    assert.equal(pool.owner, workers[0]);
    assert.equal(workers[1].wakes, 0);
  });
});
