// After a long turn a worker takes no more than it can serve soon: the rest is for whoever is free first.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { BITE } from '../dist/worker/pace.js';
import { startPool } from './helpers/turnstiles.js';

/** Worker 0 is the only one outside user code, and has handled `before` requests. */
function alone(before = 200) {
  const { pool, workers } = startPool(2);
  pool.board.setBusySince(1, pool.now - 10 * pool.options.acceptInterval);
  turn(pool, workers[0], before, 0);
  return { pool, worker: workers[0] };
}

/** A loop turn with so many requests, of so many milliseconds in all. */
function turn(pool, worker, requests, milliseconds) {
  for (let i = 0; i < requests; i++) worker.turnstile.enter();
  pool.now += milliseconds;
  worker.endTurn();
}

it('it takes what it can serve in an accept interval, at the pace of the turn that has ended', () => {
  const { pool, worker } = alone();
  pool.queue = 40;
  turn(pool, worker, 10, 100);
  assert.equal(worker.connections, 2, '10 ms each, 25 ms');
  assert.equal(pool.queue, 38);
});

it('it takes one, however slow it is', () => {
  const { pool, worker } = alone();
  pool.queue = 40;
  turn(pool, worker, 1, 1_500);
  assert.equal(worker.connections, 1);
});

it('it opens no gate to the rest, and takes no more when it is woken', () => {
  const { pool, worker } = alone();
  pool.queue = 40;
  turn(pool, worker, 10, 100);
  assert.equal(worker.isOpen, false);
  worker.turnstile.woken();
  worker.poll();
  assert.equal(worker.connections, 2);
});

it('it takes the rest when what it took turns out to be silent', () => {
  const { pool, worker } = alone();
  pool.queue = 40;
  turn(pool, worker, 10, 100);
  pool.run(2 * pool.options.acceptInterval);
  assert.equal(worker.connections, 40);
});

it('a turn without a measurable length, and a worker that is still cold, set no limit but that of a bite', () => {
  const quick = alone();
  quick.pool.queue = 40;
  turn(quick.pool, quick.worker, 10, 1);
  assert.equal(quick.worker.connections, BITE);

  const cold = alone(50);
  cold.pool.queue = 40;
  turn(cold.pool, cold.worker, 10, 100);
  assert.equal(cold.worker.connections, BITE);
});

it('a long queue is taken bite by bite, one in each loop turn, while nothing is to be served', () => {
  const { pool, worker } = alone();
  pool.queue = 40;
  turn(pool, worker, 10, 1);
  worker.turn();
  assert.equal(worker.connections, 2 * BITE + 1, 'one came through the gate');
  worker.turn();
  assert.equal(worker.connections, 40);
});

it('beside a holder in user code it is taken bite by bite, too', () => {
  const { pool, workers } = startPool(2);
  const [holder, worker] = workers;
  turn(pool, worker, 200, 0);
  holder.turnstile.enter();
  pool.queue = 80;
  worker.hear();
  assert.equal(worker.connections, BITE);
  assert.equal(pool.owner, undefined, 'the lock is free between two bites');
  worker.turn();
  assert.equal(worker.connections, 2 * BITE);
  worker.turn();
  assert.equal(worker.connections, 40, 'half of all');
  worker.turn();
  assert.deepEqual([worker.connections, pool.queue], [40, 40]);
});

it('what is left after a bite is for another worker as well', () => {
  const { pool, workers } = startPool(3);
  pool.queue = 30;
  pool.settle();
  assert.deepEqual(
    workers.map(({ connections }) => connections),
    [10, 10, 10],
  );
});
