// How a server stops.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Stop } from '../dist/manager/stop.js';
import { fakeLog } from './helpers/log.js';
import { fakeTime } from './helpers/time.js';

function create(t, { shutdownDelay = 0, isDeserted = () => false } = {}) {
  const time = fakeTime(t);
  const log = fakeLog();
  const target = { goal: 'run', workers: 2, generation: 0, proven: true };
  const calls = [];
  const stop = new Stop({
    settings: { shutdownDelay, gracefulTimeout: 20_000, log },
    target,
    isDeserted() {
      calls.push('look');
      return isDeserted();
    },
    announce: (isStopping) => calls.push(isStopping ? 'announce' : 'withdraw'),
    aimed: () => calls.push(`aimed at ${target.goal}`),
  });
  /** As the manager asks. */
  const ask = (graceful) => {
    const order = stop.ask(graceful);
    if (order !== 'nothing') stop.begin(graceful);
    return order;
  };
  return { time, log, target, calls, stop, ask };
}

describe('what a request to stop does', () => {
  for (const [title, before, graceful, order, goal] of [
    ['the first one, gracefully', [], true, 'first', 'stop gracefully'],
    ['the first one, at once', [], false, 'first', 'stop immediately'],
    ['a second graceful one', [true], true, 'nothing', 'stop gracefully'],
    ['a graceful one that is hurried', [true], false, 'hurry', 'stop immediately'],
    ['one at once that is asked to slow down', [false], true, 'nothing', 'stop immediately'],
    ['one at once that is asked for twice', [false], false, 'nothing', 'stop immediately'],
  ]) {
    it(`${title}: ${order}`, (t) => {
      const { ask, target } = create(t);
      for (const earlier of before) ask(earlier);
      assert.equal(ask(graceful), order);
      assert.equal(target.goal, goal);
    });
  }
});

it('newcomers are refused before the queue is looked at, and the goal is told last', (t) => {
  const { ask, calls } = create(t);
  ask(true);
  assert.deepEqual(calls, ['announce', 'look', 'aimed at stop gracefully']);
});

it('a stop at once looks at no queue', (t) => {
  const { ask, calls } = create(t);
  ask(false);
  assert.deepEqual(calls, ['announce', 'aimed at stop immediately']);
});

it('a graceful stop may take its delay, and the time of the workers twice', (t) => {
  assert.equal(create(t).stop.takes, 40_000);
  assert.equal(create(t, { shutdownDelay: 3_000 }).stop.takes, 43_000);
});

describe('with shutdownDelay', () => {
  const options = { shutdownDelay: 3_000 };

  it('the server goes on for so long, has begun to stop, and says so', (t) => {
    const { ask, stop, time, target, calls, log } = create(t, options);
    assert.equal(stop.hasBegun, false);
    ask(true);
    assert.equal(stop.hasBegun, true);
    assert.deepEqual(log.lines, ['info: Stopping in 3 s']);
    time.pass(2_999);
    assert.deepEqual([target.goal, calls.length], ['run', 0]);
    time.pass(1);
    assert.equal(target.goal, 'stop gracefully');
  });

  it('a second graceful request changes nothing', (t) => {
    const { ask, time, target } = create(t, options);
    ask(true);
    time.pass(2_000);
    assert.equal(ask(true), 'nothing');
    time.pass(1_000);
    assert.equal(target.goal, 'stop gracefully');
  });

  it('one at once ends the delay', (t) => {
    const { ask, time, target, calls } = create(t, options);
    ask(true);
    assert.equal(ask(false), 'hurry');
    assert.equal(target.goal, 'stop immediately');
    assert.equal(time.left, 0);
    time.pass(3_000);
    assert.equal(calls.filter((call) => call.startsWith('aimed')).length, 1);
  });

  it('no timer is left at the end', (t) => {
    const { ask, stop, time } = create(t, options);
    ask(true);
    stop.end();
    assert.equal(time.left, 0);
  });
});

describe('where connections wait and all workers have left', () => {
  it('it goes on until a worker comes up and answers them', (t) => {
    let isDeserted = true;
    const { ask, stop, target, calls, time } = create(t, { isDeserted: () => isDeserted });
    ask(true);
    assert.deepEqual(calls, ['announce', 'look', 'withdraw', 'aimed at run']);
    assert.equal(stop.hasBegun, true);
    isDeserted = false;
    stop.healthy();
    assert.equal(target.goal, 'stop gracefully');
    assert.equal(time.left, 0);
  });

  it('it goes on for gracefulTimeout at the longest', (t) => {
    const { ask, time, target } = create(t, { isDeserted: () => true });
    ask(true);
    time.pass(19_999);
    assert.equal(target.goal, 'run');
    time.pass(1);
    assert.equal(target.goal, 'stop gracefully');
  });

  it('it can be hurried', (t) => {
    const { ask, time, target } = create(t, { isDeserted: () => true });
    ask(true);
    assert.equal(ask(true), 'nothing');
    assert.equal(ask(false), 'hurry');
    assert.equal(target.goal, 'stop immediately');
    time.pass(20_000);
    assert.equal(target.goal, 'stop immediately');
  });

  it('a worker that comes up before any stop changes nothing', (t) => {
    const { stop, target, calls } = create(t);
    stop.healthy();
    assert.deepEqual([target.goal, calls.length, stop.hasBegun], ['run', 0, false]);
  });
});
