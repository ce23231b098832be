// The page of statistics, here in memory of one process.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bucketOf } from '../dist/durations.js';
import { Stats } from '../dist/stats.js';
import { EXITS, headerWord, recordAt, STATS_BYTES } from '../dist/stats-layout.js';

const KNOWN = { pid: 4711, id: 0, generation: 0, state: 1, spawnedAt: 1_000, heartbeatAt: 1_000 };

function createPage() {
  const words = new Float64Array(STATS_BYTES / 8);
  const open = (manager, now = 1_000) => {
    const stats = new Stats(words, manager);
    stats.open(now);
    return stats;
  };
  return { words, open };
}

/** A worker that has done something. */
function work(stats, slot, requests = 3) {
  stats.claim(slot, { ...KNOWN, pid: 4711 + slot, id: slot });
  const recorder = stats.recorder(slot);
  recorder.accepted(2);
  recorder.begun(requests);
  for (let i = 0; i < requests; i++) recorder.ended(200, bucketOf(1), 1);
  return recorder;
}

describe('totals', () => {
  it('are those of all workers', () => {
    const stats = createPage().open(0);
    work(stats, 0);
    work(stats, 1);
    const { connections, requests, responses, duration } = stats.totals();
    assert.deepEqual([connections, requests, responses['2xx'], duration], [4, 6, 6, 6]);
  });

  it('keep what a dead worker had, and begin again with its replacement', () => {
    const stats = createPage().open(0);
    work(stats, 0);
    const before = stats.totals();
    stats.retire(0, 'crashed');
    const { exits, ...after } = stats.totals();
    const { exits: _, ...expected } = before;
    assert.deepEqual(after, expected);
    assert.equal(exits.crashed, 1);
    assert.deepEqual(stats.records(), []);
    work(stats, 0);
    assert.equal(stats.totals().requests, 6);
  });

  it('name the requests that a dead worker has not answered', () => {
    const stats = createPage().open(0);
    const recorder = work(stats, 0);
    recorder.begun(5);
    assert.equal(stats.totals().unanswered, 0);
    stats.retire(0, 'killed');
    assert.equal(stats.totals().unanswered, 2);
  });

  it('have a request for each answer of a worker that was killed in the middle of a turn', () => {
    const stats = createPage().open(0);
    const recorder = work(stats, 0);
    recorder.ended(200, 0, 0);
    stats.retire(0, 'crashed');
    const { requests, responses, unanswered } = stats.totals();
    assert.deepEqual([requests, responses['2xx'], unanswered], [4, 4, 0]);
  });

  it('are there when a manager was killed while it added a record to the base', () => {
    const { words, open } = createPage();
    const stats = open(0);
    work(stats, 0);
    words[headerWord('sequence')] = 1;
    assert.equal(stats.totals().requests, 3);
  });

  it('go on over upgrades, also while old managers drain, and over more of them than there are banks', () => {
    const { open } = createPage();
    let requests = 0;
    const managers = Array.from({ length: 10 }, (_, manager) => {
      const stats = open(manager, 1_000 + manager);
      // one worker that its manager buries, and one that it leaves behind
      work(stats, 0);
      work(stats, 1);
      stats.retire(0, 'stopped');
      requests += 6;
      assert.equal(stats.totals().requests, requests);
      return stats;
    });
    for (const stats of managers) assert.equal(stats.totals().requests, requests);
    assert.equal(managers[9].totals().startedAt, 1_000);
  });

  it('tell responses apart by their first digit', () => {
    const stats = createPage().open(0);
    const recorder = work(stats, 0, 0);
    for (const status of [101, 200, 204, 302, 404, 500, 599]) recorder.ended(status, 0, 0);
    assert.deepEqual(stats.totals().responses, { '1xx': 1, '2xx': 2, '3xx': 1, '4xx': 1, '5xx': 2 });
  });

  it('count every reason of an exit, and every event of the pool', () => {
    const stats = createPage().open(0);
    for (const exit of EXITS) {
      work(stats, 0);
      stats.retire(0, exit);
    }
    for (const event of ['reloads', 'reloadsFailed', 'upgrades', 'upgradesFailed']) stats.happened(event);
    const { exits, events } = stats.totals();
    assert.deepEqual(
      Object.values(exits),
      EXITS.map(() => 1),
    );
    assert.deepEqual(Object.values(events), [1, 1, 1, 1]);
  });

  it('take what is no count for 0: a broken worker can write anything', () => {
    const { words, open } = createPage();
    const stats = open(0);
    work(stats, 0);
    for (const wrong of [Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, -1, 1e300]) {
      words.fill(wrong, recordAt(0), recordAt(1));
      const { requests, responses, duration, buckets } = stats.totals();
      assert.deepEqual([requests, responses['2xx'], duration], [0, 0, 0]);
      assert.ok(buckets.every((count) => count === 0));
    }
  });
});

describe('a record', () => {
  it('is of the manager that has started the worker, by slot', () => {
    const { open } = createPage();
    const [old, next] = [open(0), open(1)];
    work(old, 0);
    work(next, 2);
    assert.deepEqual(
      next.records().map(({ slot, pid }) => [slot, pid]),
      [[2, 4713]],
    );
    next.set(2, 'state', 2);
    assert.equal(next.records()[0].state, 2);
  });

  it('shares no word with its neighbours', () => {
    const { words, open } = createPage();
    const stats = open(0);
    for (const slot of [0, 1, 2]) work(stats, slot);
    const before = [...words.subarray(0, recordAt(3))];
    const recorder = work(stats, 1, 7);
    recorder.measured({ acceptsLeft: 1, utilization: 1, delay: 1, resident: 1, heap: 1 });
    for (let i = 0; i < before.length; i++) {
      if (words[i] !== before[i]) assert.ok(i >= recordAt(1) && i < recordAt(2), `word ${i}`);
    }
  });
});
