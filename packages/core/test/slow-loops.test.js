// Which workers are asked where they block, and how often.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SlowLoops } from '../dist/manager/slow-loops.js';
import { worker } from './helpers/records.js';

function create(...workers) {
  const since = new Map();
  const time = { now: 1_000_000 };
  const asked = [];
  const board = { busySince: (slot) => since.get(slot) ?? 0 };
  const loops = new SlowLoops(
    board,
    500,
    (one) => asked.push(one.slot),
    () => time.now,
  );
  return { since, time, asked, look: () => loops.look(workers) };
}

it('a worker that blocks for as long as the limit is asked once, however long it blocks', () => {
  const { since, time, asked, look } = create(worker('healthy', { slot: 3 }));
  since.set(3, time.now);
  for (const [wait, times] of [
    [0, 0],
    [499, 0],
    [1, 1],
    [60_000, 1],
  ]) {
    time.now += wait;
    look();
    assert.equal(asked.length, times, `after ${wait} ms more`);
  }
  assert.deepEqual(asked, [3]);
});

it('the next blockage is asked about ten seconds later at the earliest', () => {
  const { since, time, asked, look } = create(worker('healthy', { slot: 0 }));
  since.set(0, time.now - 500);
  look();
  since.set(0, time.now + 1);
  time.now += 9_999;
  look();
  assert.equal(asked.length, 1);
  time.now += 1;
  look();
  assert.equal(asked.length, 2);
});

it('one that is not in user code, that boots or that drains is not asked', () => {
  const { since, time, asked, look } = create(
    worker('healthy', { slot: 0 }),
    worker('starting', { slot: 1 }),
    worker('draining', { slot: 2 }),
  );
  for (const slot of [1, 2]) since.set(slot, time.now - 60_000);
  look();
  assert.deepEqual(asked, []);
});

it('each worker has a time of its own, also over the wrap of the clock', () => {
  const { since, time, asked, look } = create(worker('healthy', { slot: 0 }), worker('healthy', { slot: 1 }));
  time.now = 200;
  since.set(0, 2 ** 32 - 300);
  since.set(1, 2 ** 32 - 299);
  look();
  assert.deepEqual(asked, [0]);
  time.now += 1;
  look();
  assert.deepEqual(asked, [0, 1]);
});
