// When the manager's pass comes.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Schedule, TICK } from '../dist/manager/schedule.js';
import { fakeLog } from './helpers/log.js';
import { fakeTime } from './helpers/time.js';

/** @param {(now: number) => number | undefined} until what the pass returns */
function create(t, until = () => Number.POSITIVE_INFINITY, longest = Number.POSITIVE_INFINITY) {
  const time = fakeTime(t);
  const log = fakeLog();
  const passes = [];
  const schedule = new Schedule(
    (now, mayJudge) => {
      passes.push({ at: now, mayJudge });
      return until(now);
    },
    log,
    longest,
  );
  return { time, log, passes, schedule };
}

it('comes once for all that asks in one turn of the loop, at its end', (t) => {
  const { time, passes, schedule } = create(t);
  schedule.ask();
  schedule.ask();
  assert.equal(passes.length, 0);
  time.pass();
  assert.equal(passes.length, 1);
  schedule.ask();
  time.pass();
  assert.equal(passes.length, 2);
});

for (const [title, until, longest, expected] of [
  ['at the deadline that the last pass has named', 300, 5_000, 300],
  ['rounded up to a whole millisecond', 300.2, 5_000, 301],
  ['not in this millisecond, when the deadline is over', -50, 5_000, 1],
  ['after a second at the latest', 5_000, 5_000, TICK],
  ['after a shorter bound at the latest', 5_000, 400, 400],
]) {
  it(`comes ${title}`, (t) => {
    const { time, passes, schedule } = create(t, (now) => now + until, longest);
    schedule.run();
    time.pass(expected - 1);
    assert.equal(passes.length, 1);
    time.pass(1);
    assert.equal(passes.length, 2);
  });
}

it('a pass that was asked for takes the place of the one that was due', (t) => {
  const { time, passes, schedule } = create(t, (now) => now + 500);
  schedule.run();
  time.pass(400);
  schedule.ask();
  time.pass(499);
  assert.deepEqual(
    passes.map(({ at }) => at - passes[0].at),
    [0, 400],
  );
});

it('comes no more when it has named no deadline', (t) => {
  const { time, passes, schedule } = create(t, () => undefined);
  schedule.run();
  time.pass(10 * TICK);
  assert.equal(passes.length, 1);
  assert.equal(time.left, 0);
});

it('comes no more once it is stopped, also when it was asked for', (t) => {
  const { time, passes, schedule } = create(t);
  schedule.run();
  schedule.ask();
  schedule.stop();
  assert.equal(time.left, 0);
  time.pass(10 * TICK);
  assert.equal(passes.length, 1);
});

it('a pass that throws is logged, and the next one comes a second later', (t) => {
  let fails = true;
  const { time, log, passes, schedule } = create(t, (now) => {
    if (fails) throw new Error('no memory');
    return now + 400;
  });
  schedule.run();
  assert.match(log.lines.join(), /^error: The manager's pass failed, it goes on: Error: no memory/);
  fails = false;
  time.pass(TICK - 1);
  assert.equal(passes.length, 1);
  time.pass(1);
  assert.equal(passes.length, 2);
  time.pass(400);
  assert.equal(passes.length, 3);
  assert.equal(log.lines.length, 1);
});

it('judges in a pass that comes in time, and a little late', (t) => {
  const { time, passes, schedule } = create(t, (now) => now + 100);
  schedule.run();
  time.pass(100);
  time.suspend(500);
  time.pass(100);
  assert.ok(passes.length > 2);
  assert.ok(passes.every(({ mayJudge }) => mayJudge));
});

it('does not judge for a second after the manager was stopped or blocked', (t) => {
  const { time, passes, schedule } = create(t, (now) => now + 100);
  schedule.run();
  time.suspend(100 + TICK / 2 + 1);
  const resumed = time.now;
  time.pass(2 * TICK);
  const judged = passes.filter(({ at, mayJudge }) => at >= resumed && mayJudge);
  const spared = passes.filter(({ at, mayJudge }) => at >= resumed && !mayJudge);
  assert.ok(spared.length >= 1);
  assert.equal(judged[0].at, resumed + TICK);
});

it('sleeps until it may judge again, whatever deadline is over', (t) => {
  const { time, passes, schedule } = create(t, (now) => now - 1);
  schedule.run();
  time.suspend(TICK);
  time.pass(1);
  const count = passes.length;
  time.pass(TICK - 2);
  assert.equal(passes.length, count);
  time.pass(1);
  assert.equal(passes.length, count + 1);
});
