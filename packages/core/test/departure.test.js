// How a worker comes to leave: which signals it takes, when it asks the manager, and how its process ends.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Departure } from '../dist/worker/departure.js';
import { fakeTime } from './helpers/time.js';

const SIGNALS = ['SIGHUP', 'SIGTTIN', 'SIGTTOU', 'SIGUSR2', 'SIGQUIT', 'SIGTERM'];

/** `answers`: whether there is a manager that answers. */
function create(t, { gracefulTerm = false, gracefulTimeout = 30_000, answers = true, ...own } = {}) {
  const time = fakeTime(t);
  const before = new Map(SIGNALS.map((signal) => [signal, process.listeners(signal)]));
  const status = process.exitCode;
  const events = [];
  t.mock.method(process, 'exit', () => events.push('exit'));
  const state = { isStopping: false, isClosed: false, ...own };
  const departure = new Departure({
    gracefulTerm,
    gracefulTimeout,
    isStopping: () => state.isStopping,
    isClosed: () => state.isClosed,
    ask() {
      events.push('ask');
      return answers;
    },
    leave: (reason) => events.push(`leave: ${reason}`),
  });
  t.after(() => {
    process.exitCode = status;
    for (const [signal, kept] of before) {
      for (const listener of process.listeners(signal)) if (!kept.includes(listener)) process.off(signal, listener);
    }
  });
  return { departure, events, state, time };
}

/** Promises have settled. */
const settled = async () => {
  for (let i = 0; i < 5; i++) await undefined;
};

describe('a worker that shall leave', () => {
  for (const [title, own, expected] of [
    ['asks the manager, and goes on until it answers', {}, ['ask']],
    ['leaves at once where nobody answers', { answers: false }, ['ask', 'leave: memory']],
    ['leaves at once, and asks nobody, when the server stops', { isStopping: true }, ['leave: memory']],
  ]) {
    it(title, (t) => {
      const { departure, events } = create(t, own);
      departure.request('memory');
      assert.deepEqual(events, expected);
    });
  }

  it('leaves when the manager has answered, for the reason it was told first', (t) => {
    const { departure, events } = create(t);
    departure.request('memory');
    departure.request('SIGQUIT');
    departure.granted();
    assert.deepEqual(events, ['ask', 'ask', 'leave: memory']);
  });

  it('leaves when the manager says so by itself', (t) => {
    const { departure, events } = create(t);
    departure.granted();
    assert.deepEqual(events, ['leave: the manager says so']);
  });
});

describe('a signal', () => {
  for (const [signal, gracefulTerm, expected] of [
    ['SIGQUIT', false, ['leave: SIGQUIT']],
    ['SIGQUIT', true, ['leave: SIGQUIT']],
    ['SIGTERM', true, ['leave: SIGTERM']],
    ['SIGHUP', true, []],
    ['SIGTTIN', true, []],
    ['SIGTTOU', true, []],
    ['SIGUSR2', true, []],
  ]) {
    it(`${signal} ${gracefulTerm ? 'with' : 'without'} gracefulTerm ${expected[0] ?? 'is taken and does nothing'}`, (t) => {
      const { events } = create(t, { gracefulTerm, isStopping: true });
      assert.equal(process.emit(signal), true, 'else it ends the process');
      assert.deepEqual(events, expected);
    });
  }

  it('SIGTERM without gracefulTerm is left to Node, which ends the process', (t) => {
    const before = process.listenerCount('SIGTERM');
    create(t);
    assert.equal(process.listenerCount('SIGTERM'), before);
  });
});

describe('after the last connection', () => {
  const isHeard = (t, signal) => {
    const listener = () => {};
    process.on(signal, listener);
    t.after(() => process.off(signal, listener));
  };

  for (const [title, own, heard, waits] of [
    ['the process ends', {}, undefined, 0],
    ['an application that has closed its servers has 5 s to end it', { isClosed: true }, undefined, 5_000],
    ['and half of a shorter gracefulTimeout', { isClosed: true, gracefulTimeout: 2_000 }, undefined, 1_000],
    ['an application that listens for the signal has 1 s to close its servers', {}, 'SIGQUIT', 1_000],
    ['and half of a shorter gracefulTimeout for it', { gracefulTimeout: 600 }, 'SIGQUIT', 300],
    ['listeners for SIGTERM count with gracefulTerm', { gracefulTerm: true }, 'SIGTERM', 1_000],
    ['and do not count without', {}, 'SIGTERM', 0],
    ['an application that listens and has closed has 5 s', { isClosed: true }, 'SIGQUIT', 5_000],
  ]) {
    it(title, async (t) => {
      const { departure, events, time } = create(t, own);
      if (heard) isHeard(t, heard);
      const end = departure.end();
      await settled();
      if (waits > 0) {
        time.pass(waits - 1);
        await settled();
        assert.deepEqual(events, [], 'it has ended early');
        time.pass(1);
      }
      await end;
      assert.deepEqual([events, time.left], [['exit'], 0]);
    });
  }

  it('one that closes its servers on the signal has 5 s more', async (t) => {
    const { departure, events, time, state } = create(t);
    isHeard(t, 'SIGQUIT');
    const end = departure.end();
    state.isClosed = true;
    time.pass(1_000);
    await settled();
    time.pass(4_999);
    await settled();
    assert.deepEqual(events, []);
    time.pass(1);
    await end;
    assert.deepEqual(events, ['exit']);
  });

  it('the status is 0 unless the application has set another', async (t) => {
    const { departure } = create(t);
    process.exitCode = undefined;
    await departure.end();
    assert.equal(process.exitCode, 0);
    process.exitCode = 7;
    await departure.end();
    assert.equal(process.exitCode, 7);
  });
});
