// How many connections a worker accepts in its life.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AcceptBudget } from '../dist/worker/accept-budget.js';

const ALMOST_ONE = 1 - Number.EPSILON;

it('up to half of the budget is subtracted at random', () => {
  for (const [accepts, least] of [
    [10, 5],
    [11, 6],
    [2, 1],
    [1, 1],
    [10_000, 5_000],
  ]) {
    assert.equal(new AcceptBudget(accepts, () => 0).left, accepts);
    assert.equal(new AcceptBudget(accepts, () => ALMOST_ONE).left, least);
  }
});

it('every number from half to all comes, and so workers differ', () => {
  const budgets = Array.from({ length: 1_000 }, () => new AcceptBudget(10).left);
  assert.deepEqual(
    [...new Set(budgets)].sort((a, b) => a - b),
    [5, 6, 7, 8, 9, 10],
  );
});

it('each accept takes one, and 0 means no limit', () => {
  const budget = new AcceptBudget(10, () => 0);
  budget.spend();
  budget.spend();
  assert.equal(budget.left, 8);
  const endless = new AcceptBudget(0);
  endless.spend();
  assert.equal(endless.left, Number.POSITIVE_INFINITY);
});
