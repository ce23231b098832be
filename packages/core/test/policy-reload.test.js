// What the manager decides while one generation of workers replaces another, or the pool changes its size.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isReloading, shortage, surplus } from '../dist/manager/policy.js';
import { LIMITS, RUN, worker, workers } from './helpers/records.js';

describe('a reload', () => {
  const target = { ...RUN, generation: 1 };
  const old = (count, state = 'healthy') => workers(count, state);
  const fresh = (count, state) => workers(count, state, { generation: 1 });

  it('runs while a worker of an older generation serves', () => {
    assert.equal(isReloading(old(1), target), true);
    assert.equal(isReloading([...fresh(4, 'healthy'), ...old(2, 'draining'), ...old(1, 'killed')], target), false);
    assert.equal(isReloading([], target), false);
  });

  it('starts one worker, which shows that the new code boots', () => {
    assert.equal(shortage(old(4), target, LIMITS), 1);
    assert.equal(shortage([...old(4), ...fresh(1, 'starting')], target, LIMITS), 0);
  });

  it('then starts as many at once as may be spare, and at least one', () => {
    assert.equal(shortage([...old(3), ...fresh(1, 'healthy')], target, LIMITS), 2);
    assert.equal(shortage([...old(3), ...fresh(1, 'healthy'), ...fresh(1, 'starting')], target, LIMITS), 1);
    assert.equal(shortage([...old(3), ...fresh(1, 'healthy')], target, { ...LIMITS, spare: 0 }), 1);
  });

  it('never starts more than the pool is meant to have', () => {
    assert.equal(shortage([...old(1), ...fresh(3, 'healthy')], target, LIMITS), 1);
    assert.equal(shortage([...old(1), ...fresh(4, 'healthy')], target, LIMITS), 0);
  });

  it('waits when so many old ones drain that the machine would be overrun', () => {
    const draining = old(6, 'draining');
    assert.equal(shortage([...old(1), ...fresh(3, 'healthy'), ...draining], target, LIMITS), 0);
  });

  it('lets an old worker go once a new one stands in for it, the oldest first', () => {
    const [a, b, c, d] = [40, 10, 30, 20].map((spawnedAt) => worker('healthy', { spawnedAt }));
    const all = (newOnes) => [a, b, c, d, ...newOnes];
    assert.deepEqual(surplus(all(fresh(1, 'starting')), target), []);
    assert.deepEqual(surplus(all(fresh(1, 'healthy')), target), [b]);
    assert.deepEqual(surplus(all(fresh(3, 'healthy')), target), [b, d, c]);
    assert.deepEqual(surplus(all(fresh(4, 'healthy')), target), [b, d, c, a]);
  });

  it('does not touch who drains already', () => {
    assert.deepEqual(surplus([...old(2, 'draining'), ...old(2), ...fresh(2, 'healthy')], target), []);
  });

  it('takes over an old worker that is still booting, too', () => {
    const [booting] = old(1, 'starting');
    assert.deepEqual(surplus([booting, ...fresh(4, 'healthy')], target), [booting]);
  });
});

describe('any pool', () => {
  it('comes to its target from any state, without ever serving less than it did', () => {
    for (const [count, target, spare] of [
      [0, 4, 2],
      [4, 1, 0],
      [1, 8, 0],
      [4, 4, 2],
      [2, 0, 1],
    ]) {
      const limits = { ...LIMITS, spare };
      const goal = { ...RUN, workers: target, generation: 1 };
      let pool = workers(count, 'healthy');
      for (let pass = 0; pass < 50; pass++) {
        const before = serving(pool);
        for (const record of surplus(pool, goal)) record.state = 'draining';
        assert.ok(serving(pool) >= Math.min(before, target), `${serving(pool)} serve`);
        pool.push(...workers(shortage(pool, goal, limits), 'starting', { generation: 1 }));
        for (const record of pool) if (record.state === 'starting') record.state = 'healthy';
        if (pass % 3 === 0) pool = pool.filter(({ state }) => state !== 'draining');
      }
      assert.equal(serving(pool), target);
      assert.equal(isReloading(pool, goal), false);
    }
  });

  const serving = (pool) => pool.filter(({ state }) => state === 'healthy').length;
});
