// A holder that is stuck or dead, and wakes that get lost: connections do not wait for any of them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startPool } from './helpers/turnstiles.js';

describe('a holder that dies', () => {
  it('leaves the lock to the waiter that the manager wakes', () => {
    const { pool, workers } = startPool(3);
    pool.kill(workers[0]);
    pool.queue = 4;
    pool.look();
    pool.settle();
    assert.equal(pool.queue, 0);
    assert.deepEqual([pool.owner.slot, pool.open], [pool.board.holder, [pool.owner]]);
  });

  it('in user code leaves it as well', () => {
    const { pool, workers } = startPool(2);
    workers[0].turnstile.enter();
    workers[1].isWoken = false;
    pool.kill(workers[0]);
    pool.look();
    workers[1].hear();
    assert.deepEqual(pool.open, [workers[1]]);
  });

  it('after it handed over does no harm', () => {
    const { pool, workers } = startPool(3);
    pool.queue = 1;
    workers[0].poll();
    pool.kill(workers[0]);
    pool.settle();
    assert.deepEqual([pool.board.holder, pool.open], [1, [workers[1]]]);
  });

  it('before it heard of its turn leaves it to another one', () => {
    const { pool, workers } = startPool(3);
    pool.queue = 1;
    workers[0].poll();
    pool.kill(workers[1]);
    pool.look();
    pool.queue = 1;
    pool.settle();
    assert.equal(pool.queue, 0);
    assert.equal(pool.open.length, 1);
  });
});

describe('a holder that is stuck', () => {
  it('is passed by: others accept without the lock, and one of them says so once', () => {
    const { pool, workers } = startPool(3);
    const [stuck, ...others] = workers;
    stuck.isStopped = true;
    for (let round = 0; round < 5; round++) {
      pool.queue += 2;
      pool.look();
      pool.run(10 * pool.options.acceptInterval);
      assert.equal(pool.queue, 0, `round ${round}`);
    }
    assert.deepEqual([pool.owner, stuck.connections], [stuck, 0]);
    const warnings = others.flatMap((worker) => worker.warnings);
    assert.deepEqual(warnings, ['Worker 100 is stuck with the accept lock, accepting without it']);
  });

  it('does not count when the others take their share, however little it has', () => {
    const { pool, workers } = startPool(2);
    workers[0].isStopped = true;
    pool.queue = 40;
    pool.look();
    pool.run(10 * pool.options.acceptInterval);
    assert.equal(pool.queue, 0);
  });

  it('goes on as before when it comes back', () => {
    const { pool, workers } = startPool(2);
    workers[0].isStopped = true;
    pool.queue = 2;
    pool.look();
    pool.run(10 * pool.options.acceptInterval);
    workers[0].isStopped = false;
    pool.queue = 10;
    pool.settle();
    assert.deepEqual(
      workers.map(({ connections }) => connections),
      [6, 6],
    );
    assert.deepEqual(pool.open, [pool.owner]);
  });

  it('is complained about again when it is another one', () => {
    const { pool, workers } = startPool(2);
    workers[0].isStopped = true;
    pool.queue = 1;
    pool.look();
    pool.run(10 * pool.options.acceptInterval);
    pool.kill(workers[0]);
    const fresh = pool.spawn(0);
    pool.look();
    pool.settle();
    fresh.isStopped = true;
    pool.owner = fresh;
    pool.board.holder = 0;
    pool.queue = 1;
    pool.look();
    pool.run(10 * pool.options.acceptInterval);
    assert.equal(workers[1].warnings.length, 2);
  });

  it('is not suspected while nobody waits', () => {
    const { pool, workers } = startPool(2);
    workers[1].wake();
    pool.run(1_000);
    assert.deepEqual(workers[1].warnings, []);
    assert.equal(workers[1].timers.length, 0);
  });
});

describe('a wake that gets lost', () => {
  it('delays connections until the manager looks', () => {
    const { pool, workers } = startPool(2);
    pool.losesWakes = true;
    pool.queue = 1;
    workers[0].poll();
    pool.losesWakes = false;
    assert.deepEqual([pool.board.holder, pool.owner], [1, undefined]);
    pool.queue = 3;
    pool.look();
    pool.run(4 * pool.options.acceptInterval);
    assert.equal(pool.queue, 0);
    assert.equal(pool.owner?.slot, pool.board.holder);
  });

  it('delays them no more when only the one it was meant for has room', () => {
    const { pool, workers } = startPool(2, { maxClients: 1 });
    pool.losesWakes = true;
    pool.queue = 1;
    workers[0].poll();
    pool.board.holder = 1;
    pool.losesWakes = false;
    pool.queue = 1;
    pool.look();
    pool.run(4 * pool.options.acceptInterval);
    assert.deepEqual([pool.queue, workers[1].connections], [0, 1]);
  });

  it('is made up for by the next request of whoever was meant', () => {
    const { pool, workers } = startPool(2);
    pool.losesWakes = true;
    pool.queue = 1;
    workers[0].poll();
    workers[1].turnstile.enter();
    workers[1].endTurn();
    assert.deepEqual(pool.open, [workers[1]]);
  });
});

describe('two waiters that look at once', () => {
  it('find one turn', () => {
    const { pool, workers } = startPool(3);
    pool.kill(workers[0]);
    workers[1].wake();
    workers[2].wake();
    pool.settle();
    assert.deepEqual(pool.open, [workers[1]]);
    assert.equal(pool.owner, workers[1]);
  });

  it('find one turn, also when the second comes between the look and the lock of the first', () => {
    const { pool, workers } = startPool(3);
    pool.kill(workers[0]);
    workers[2].wake();
    pool.between = () => {
      pool.between = () => {};
      workers[2].hear();
    };
    workers[1].turnstile.woken();
    assert.equal(pool.open.length, 1);
    assert.equal(pool.owner, pool.open[0]);
    assert.equal(pool.board.holder, pool.owner.slot);
  });

  it('never give the turn away while another one takes its share', () => {
    const { pool, workers } = startPool(3);
    pool.queue = 1;
    workers[0].poll();
    // the next holder looks while another worker has the lock for its share
    pool.owner = workers[2];
    workers[1].hear();
    assert.equal(workers[1].isOpen, false);
    pool.owner = undefined;
    workers[1].endTurn();
    assert.deepEqual(pool.open, [workers[1]]);
  });
});
