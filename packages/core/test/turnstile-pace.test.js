// After a long turn a worker takes no more than it can serve soon: the rest is for whoever is free first.

import assert from 'node:assert/strict';
import { it } from 'node:test';
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

it('a turn without a measurable length, and a worker that is still cold, set no limit', () => {
  const quick = alone();
  quick.pool.queue = 40;
  turn(quick.pool, quick.worker, 10, 1);
  assert.equal(quick.worker.connections, 40);

  const cold = alone(50);
  cold.pool.queue = 40;
  turn(cold.pool, cold.worker, 10, 100);
  assert.equal(cold.worker.connections, 40);
});
