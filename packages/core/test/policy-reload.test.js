// What the manager decides while one generation of workers replaces another, or the pool changes its size.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isReloading, surplus, vacancies } from '../dist/manager/policy.js';
import { LIMITS, numbered, RUN, worker, workers } from './helpers/records.js';

/** How many are to be started. */
const shortage = (records, target, limits) => vacancies(numbered(records), target, limits).length;

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

  it('gives a new worker the id of an old one, which goes once the new one stands in for it', () => {
    const [a, b, c, d] = [0, 1, 2, 3].map((id) => worker('healthy', { id }));
    const all = (newOnes) => [c, a, d, b, ...newOnes];
    const next = (id, state = 'healthy') => worker(state, { id, generation: 1 });
    assert.deepEqual(vacancies(all([]), target, LIMITS), [0]);
    assert.deepEqual(surplus(all([next(0, 'starting')]), target), []);
    assert.deepEqual(surplus(all([next(0)]), target), [a]);
    assert.deepEqual(vacancies([b, c, d, next(0)], target, LIMITS), [1, 2]);
    assert.deepEqual(surplus([b, c, d, next(0), next(2)], target), [c]);
    assert.deepEqual(surplus(all([0, 1, 2, 3].map((id) => next(id))), target).length, 4);
  });

  it('fills first the numbers that have no worker at all', () => {
    const pool = [0, 1, 3].map((id) => worker('healthy', { id }));
    assert.deepEqual(vacancies(pool, target, LIMITS), [2]);
    assert.deepEqual(vacancies([...pool.slice(1), ...fresh(1, 'healthy')], target, LIMITS), [2, 1]);
  });

  it('that is given up leaves each id to the old worker that has it', () => {
    const pool = [...numbered(old(4)), worker('starting', { id: 2, generation: 1, spawnedAt: 1 })];
    for (const record of pool) record.generation = 1;
    assert.deepEqual(surplus(pool, target), [pool[4]]);
    assert.deepEqual(vacancies(pool, target, LIMITS), []);
  });

  it('of a pool that gets smaller meanwhile lets the highest ids go', () => {
    const pool = [...numbered(old(4)), worker('healthy', { generation: 1 })];
    assert.deepEqual(surplus(pool, { ...target, workers: 2 }), [pool[0], pool[3], pool[2]]);
  });

  it('does not touch a worker that drains already', () => {
    assert.deepEqual(
      surplus(
        [...old(2, 'draining'), ...[2, 3].map((id) => worker('healthy', { id })), ...numbered(fresh(2, 'healthy'))],
        target,
      ),
      [],
    );
  });

  it('takes over an old worker that is still booting, too', () => {
    const [booting] = old(1, 'starting');
    assert.deepEqual(surplus([booting, ...numbered(fresh(4, 'healthy'))], target), [booting]);
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
      let pool = numbered(workers(count, 'healthy'));
      for (let pass = 0; pass < 50; pass++) {
        const before = serving(pool);
        for (const record of surplus(pool, goal)) record.state = 'draining';
        assert.ok(serving(pool) >= Math.min(before, target), `${serving(pool)} serve`);
        pool.push(...vacancies(pool, goal, limits).map((id) => worker('starting', { id, generation: 1 })));
        for (const record of pool) if (record.state === 'starting') record.state = 'healthy';
        if (pass % 3 === 0) pool = pool.filter(({ state }) => state !== 'draining');
      }
      assert.equal(serving(pool), target);
      const ids = pool.filter(({ state }) => state === 'healthy').map(({ id }) => id);
      assert.deepEqual(ids.toSorted(), [...ids.keys()]);
      assert.equal(isReloading(pool, goal), false);
    }
  });

  const serving = (pool) => pool.filter(({ state }) => state === 'healthy').length;
});
