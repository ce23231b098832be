// What the manager decides, from records and a clock alone.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deadlineOf, decide, isCrash, respawnDelay, surplus, vacancies } from '../dist/manager/policy.js';
import { LIMITS, NOW, numbered, RUN, worker, workers } from './helpers/records.js';

const OVERDUE = NOW - 25_000;

describe('an order', () => {
  const timely = { heartbeatAt: OVERDUE + 1, drainingSince: NOW - 20_000 + 1 };
  const late = { heartbeatAt: OVERDUE, drainingSince: NOW - 20_000 };
  const table = [
    // state, times, run, stop gracefully, stop immediately
    ['starting', timely, 'keep', 'quit', 'kill'],
    ['starting', late, 'expire', 'quit', 'kill'],
    ['healthy', timely, 'keep', 'quit', 'kill'],
    ['healthy', late, 'expire', 'quit', 'kill'],
    ['draining', timely, 'keep', 'keep', 'kill'],
    ['draining', late, 'kill', 'kill', 'kill'],
    ['killed', timely, 'keep', 'keep', 'keep'],
    ['killed', late, 'keep', 'keep', 'keep'],
  ];
  for (const [state, times, ...orders] of table) {
    for (const [i, goal] of ['run', 'stop gracefully', 'stop immediately'].entries()) {
      it(`to a worker that is ${state} ${times === late ? 'too long' : 'in time'}, goal ${goal}: ${orders[i]}`, () => {
        assert.equal(decide(worker(state, times), { ...RUN, goal }, LIMITS, NOW), orders[i]);
      });
    }
  }

  it('is due exactly at the deadline', () => {
    for (const state of ['starting', 'healthy', 'draining']) {
      const record = worker(state);
      const deadline = deadlineOf(record, LIMITS);
      assert.equal(decide(record, RUN, LIMITS, deadline - 1), 'keep');
      assert.notEqual(decide(record, RUN, LIMITS, deadline), 'keep');
    }
    assert.equal(deadlineOf(worker('killed'), LIMITS), Number.POSITIVE_INFINITY);
  });

  it('does not expire a worker that drains: it may have stopped beating', () => {
    assert.equal(decide(worker('draining', { heartbeatAt: 0 }), RUN, LIMITS, NOW), 'keep');
  });
});

/** How many are to be started. */
const shortage = (records, target, limits) => vacancies(numbered(records), target, limits).length;

describe('a shortage', () => {
  const table = [
    ['the first worker boots alone', { proven: false }, [], 1],
    ['nobody follows while the first one boots', { proven: false }, [[1, 'starting']], 0],
    ['the others follow at once', {}, [[1, 'healthy']], 3],
    ['the pool is full', {}, [[4, 'healthy']], 0],
    [
      'who boots is not missing',
      {},
      [
        [1, 'healthy'],
        [3, 'starting'],
      ],
      0,
    ],
    ['who died is missing', {}, [[3, 'healthy']], 1],
    [
      'who drains is replaced while it drains',
      {},
      [
        [3, 'healthy'],
        [1, 'draining'],
      ],
      1,
    ],
    [
      'no more are replaced than may be spare',
      {},
      [
        [1, 'healthy'],
        [3, 'draining'],
      ],
      2,
    ],
    ['who is killed takes room until it is gone', {}, [[6, 'killed']], 0],
    ['too many are none too few', {}, [[6, 'healthy']], 0],
    ['an empty pool is none', { workers: 0 }, [], 0],
    ['a server that stops starts nobody', { goal: 'stop gracefully' }, [], 0],
    ['a server that stops at once starts nobody', { goal: 'stop immediately' }, [[1, 'healthy']], 0],
    ['a stop before the first heartbeat', { goal: 'stop gracefully', proven: false }, [], 0],
  ];
  for (const [title, target, pool, expected] of table) {
    it(`${title}: ${expected}`, () => {
      const records = pool.flatMap(([count, state]) => workers(count, state));
      assert.equal(shortage(records, { ...RUN, ...target }, LIMITS), expected);
    });
  }

  it('without spare replaces who drains after it has gone', () => {
    const limits = { ...LIMITS, spare: 0 };
    const draining = workers(1, 'draining');
    assert.equal(shortage([...workers(3, 'healthy'), ...draining], RUN, limits), 0);
    assert.equal(shortage(workers(3, 'healthy'), RUN, limits), 1);
  });
});

describe('an id', () => {
  it('is the lowest that nobody has who serves or boots', () => {
    const pool = [0, 2].map((id) => worker('healthy', { id }));
    assert.deepEqual(vacancies(pool, RUN, LIMITS), [1, 3]);
    assert.deepEqual(vacancies([...pool, worker('starting', { id: 1 })], RUN, LIMITS), [3]);
  });

  it('is that of the one who drains, is killed or has died', () => {
    const pool = [0, 1, 2].map((id) => worker('healthy', { id }));
    for (const state of ['draining', 'killed']) {
      assert.deepEqual(vacancies([...pool, worker(state, { id: 3 })], RUN, LIMITS), [3]);
    }
    assert.deepEqual(vacancies(pool, RUN, LIMITS), [3]);
  });

  it('is never one beyond the size of the pool', () => {
    assert.deepEqual(vacancies([worker('healthy', { id: 5 })], { ...RUN, workers: 2 }, LIMITS), [0, 1]);
  });
});

describe('a surplus', () => {
  it('is who has an id that a smaller pool has not, whoever boots first', () => {
    const [a, b, c] = numbered(workers(3, 'healthy'));
    const booting = worker('starting', { id: 3 });
    const pool = [c, booting, a, b];
    assert.deepEqual(surplus(pool, { ...RUN, workers: 3 }), [booting]);
    assert.deepEqual(surplus(pool, { ...RUN, workers: 2 }), [booting, c]);
    assert.deepEqual(surplus(pool, { ...RUN, workers: 0 }), [booting, c, b, a]);
  });

  it('waits for who boots in the place of a lower id', () => {
    const booting = worker('starting', { id: 0 });
    const [b, c] = [1, 2].map((id) => worker('healthy', { id }));
    const target = { ...RUN, workers: 2 };
    assert.deepEqual(surplus([booting, b, c], target), []);
    assert.deepEqual(surplus([{ ...booting, state: 'healthy' }, b, c], target), [c]);
    assert.deepEqual(surplus([booting, b, c], { ...RUN, workers: 1 }), [c]);
    assert.deepEqual(surplus([booting, b, c], { ...RUN, workers: 0 }), [booting, c, b]);
  });

  it('is the older of two that serve with one id', () => {
    const [old, young] = [1, 2].map((spawnedAt) => worker('healthy', { id: 1, spawnedAt }));
    assert.deepEqual(surplus([worker('healthy'), young, old], RUN), [old]);
    const booting = worker('starting', { id: 1, spawnedAt: 3 });
    assert.deepEqual(surplus([worker('healthy'), young, booting], RUN), [booting]);
  });

  it('is nobody in a pool that fits, or while the server stops', () => {
    assert.deepEqual(surplus(numbered(workers(4, 'healthy')), RUN), []);
    assert.deepEqual(surplus(numbered([...workers(4, 'healthy'), ...workers(3, 'draining')]), RUN), []);
    assert.deepEqual(surplus(workers(6, 'healthy'), { ...RUN, goal: 'stop gracefully' }), []);
  });

  it('leaves the caller its array as it was', () => {
    const pool = [worker('healthy', { spawnedAt: 2 }), worker('healthy', { spawnedAt: 1 })];
    const copy = [...pool];
    surplus(pool, { ...RUN, workers: 1 });
    assert.deepEqual(pool, copy);
  });
});

describe('a death', () => {
  it('is a crash before the first heartbeat and soon after it', () => {
    assert.equal(isCrash(worker('starting'), NOW), true);
    assert.equal(isCrash(worker('healthy', { healthyAt: NOW - 100 }), NOW), true);
    assert.equal(isCrash(worker('healthy', { healthyAt: NOW - 60_000 }), NOW), false);
  });

  it('is made up for at once, in a series with a delay that doubles up to a cap', () => {
    const delays = Array.from({ length: 30 }, (_, i) => respawnDelay(i + 1, () => 0));
    const first = delays.findIndex((delay) => delay > 0);
    assert.ok(first >= 1, 'the first is free');
    for (let i = first + 1; i < delays.length; i++) {
      assert.equal(delays[i], Math.min(2 * delays[i - 1], delays.at(-1)));
    }
    assert.ok(delays.at(-1) <= 30_000);
  });

  it('adds up to a quarter of jitter, so that pools do not crash in step', () => {
    const least = respawnDelay(20, () => 0);
    assert.equal(
      respawnDelay(20, () => 0.5),
      least * 1.125,
    );
    assert.ok(respawnDelay(20, () => 1) <= least * 1.25);
  });
});
