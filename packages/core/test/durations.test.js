// Request durations in buckets.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BUCKETS, bucketOf, endOf, percentiles } from '../dist/durations.js';

/** From 0.1 ms to a minute, in milliseconds. */
const TIMES = Array.from({ length: 400 }, (_, i) => 0.1 * 10 ** ((i / 399) * Math.log10(600_000)));

describe('a bucket', () => {
  it('holds the durations up to its end, and is at most 12.5 % wide', () => {
    for (const time of TIMES) {
      const bucket = bucketOf(time);
      const [from, to] = [endOf(bucket - 1) * 1000, endOf(bucket) * 1000];
      // whole microseconds
      assert.ok(time >= from - 0.001 && time < to + 0.001, `${time} ms in ${from} to ${to}`);
      assert.ok(to / from <= 1.125 + 1e-9, `${from} to ${to}`);
    }
  });

  it('is the first for what is shorter than 64 us, and the last for what is longer than 67 s', () => {
    assert.equal(bucketOf(0), 0);
    assert.equal(bucketOf(0.0639), 0);
    assert.equal(bucketOf(0.065), 1);
    for (const time of [67_200, 1e6, 1e12, Number.POSITIVE_INFINITY]) assert.equal(bucketOf(time), BUCKETS - 1);
  });

  it('is none for a time that runs backwards, but the first', () => {
    assert.equal(bucketOf(-1), 0);
    assert.equal(bucketOf(Number.NaN), BUCKETS - 1);
  });
});

describe('a percentile', () => {
  it('is at most 10 % off', () => {
    for (const time of TIMES) {
      const counts = new Float64Array(BUCKETS);
      counts[bucketOf(time)] = 1;
      const [found] = percentiles(counts, [0.5]);
      assert.ok(Math.abs(found - time) / time <= 0.1, `${found} for ${time}`);
    }
  });

  it('tells shares apart', () => {
    const counts = new Float64Array(BUCKETS);
    counts[bucketOf(1)] = 90;
    counts[bucketOf(100)] = 10;
    const [p50, p90, p99] = percentiles(counts, [0.5, 0.9, 0.99]);
    assert.ok(Math.abs(p50 - 1) < 0.1);
    assert.ok(Math.abs(p90 - 1) < 0.1);
    assert.ok(Math.abs(p99 - 100) < 10);
  });

  it('is nothing before the first request', () => {
    assert.deepEqual(percentiles(new Float64Array(BUCKETS), [0.5, 0.99]), []);
  });

  it('is a duration whatever a broken worker has counted', () => {
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, -1, 1e300]) {
      for (const found of percentiles(new Float64Array(BUCKETS).fill(wrong), [0.5, 0.9, 0.99])) {
        assert.ok(found >= 0 && found < 70_000, `${found} for ${wrong}`);
      }
    }
  });
});
