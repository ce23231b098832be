// How fast workers that crash again and again are replaced.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Backoff } from '../dist/manager/backoff.js';

function createLog() {
  const warnings = [];
  return { warnings, log: { info() {}, error() {}, warn: (message) => warnings.push(message) } };
}

/** When workers start that crash so many milliseconds after their start, in the time given. */
function crashLoop(backoff, log, { lives, until, workers = 1 }) {
  const starts = [];
  let deaths = Array.from({ length: workers }, () => 0);
  for (let now = 0; now < until; now += 10) {
    const dying = deaths.filter((at) => at <= now);
    deaths = deaths.filter((at) => at > now);
    for (const _ of dying) if (starts.length > 0) backoff.crashed(now, log);
    const count = backoff.allows(workers - deaths.length, now);
    for (let i = 0; i < count; i++) {
      starts.push(now);
      deaths.push(now + lives);
    }
  }
  return starts;
}

describe('a series of crashes', () => {
  for (const workers of [1, 4]) {
    it(`starts 30 workers at the most in 5 s, and then no more than one a second, in a pool of ${workers}`, () => {
      const { log } = createLog();
      const starts = crashLoop(new Backoff(), log, { lives: 100, until: 60_000, workers });
      assert.ok(starts.filter((at) => at < 5_000).length <= 30, `${starts.filter((at) => at < 5_000).length}`);
      for (let from = 10_000; from < 60_000; from += 1_000) {
        const count = starts.filter((at) => at >= from && at < from + 1_000).length;
        assert.ok(count <= 1, `${count} from ${from} on`);
      }
      assert.ok(
        starts.some((at) => at > 40_000),
        'it never gives up',
      );
    });
  }

  it('has one line of log for each delay, which names it', () => {
    const { log, warnings } = createLog();
    const backoff = new Backoff();
    for (let i = 0; i < 12; i++) backoff.crashed(i, log);
    assert.ok(warnings.length > 0 && warnings.length < 12);
    for (const warning of warnings) assert.match(warning, /starts in \d+\.\d s$/);
  });
});

describe('a hold', () => {
  function held() {
    const backoff = new Backoff();
    const { log } = createLog();
    for (let i = 0; i < 15; i++) backoff.crashed(1_000, log);
    return { backoff, until: backoff.until(1_000) };
  }

  it('lets no worker start before its end, then one at a time', () => {
    const { backoff, until } = held();
    assert.ok(until > 1_000 && Number.isFinite(until));
    assert.equal(backoff.allows(4, until - 1), 0);
    assert.equal(backoff.allows(4, until), 1);
    assert.equal(backoff.allows(3, until + 1), 0);
    const next = backoff.until(until + 1);
    assert.equal(backoff.allows(3, next), 1);
  });

  it('is none while nothing holds', () => {
    const backoff = new Backoff();
    assert.equal(backoff.until(0), Number.POSITIVE_INFINITY);
    assert.equal(backoff.allows(4, 0), 4);
    assert.equal(backoff.allows(0, 0), 0);
  });

  it('is over after a healthy period: everybody starts at once again', () => {
    const { backoff, until } = held();
    backoff.allows(1, until);
    assert.equal(backoff.allows(4, until + 60_000), 4);
    assert.equal(backoff.allows(4, until + 60_001), 4);
  });
});

it('one worker that is killed now and then is always replaced at once', () => {
  const backoff = new Backoff();
  const { log, warnings } = createLog();
  assert.equal(backoff.allows(2, 0), 2);
  for (let now = 60_000; now < 6_000_000; now += 60_000) {
    backoff.crashed(now, log);
    assert.equal(backoff.allows(1, now), 1);
  }
  assert.deepEqual(warnings, []);
});
