// The beats of a worker: what each says and does, in which order, and what happens when the manager answers or goes.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import { ASKING_BEAT, BEAT, DRAINING_BEAT } from '../dist/handover.js';
import { createHeartbeat } from '../dist/worker/heartbeat.js';
import { fakeTime } from './helpers/time.js';

const PATIENCE = 55_000;
const INTERVAL = 5_000;

function create(t) {
  const time = fakeTime(t);
  const events = [];
  const pipe = Object.assign(new EventEmitter(), { destroyed: false, unref: () => events.push('unref') });
  const system = {
    openPipe: () => pipe,
    send: (sign) => events.push(`send ${sign}`),
    armDeadline: (milliseconds) => events.push(`arm ${milliseconds}`),
  };
  const close = () => {
    pipe.destroyed = true;
    pipe.emit('close');
  };
  const heartbeat = createHeartbeat(
    { heartbeatInterval: INTERVAL, gracefulTimeout: 30_000, patience: PATIENCE },
    {
      beating: () => events.push('beating'),
      granted: () => events.push('granted'),
      managerGone: () => events.push('gone'),
    },
    system,
  );
  const told = () => events.splice(0);
  return { heartbeat, events, told, time, pipe, close, system };
}

const beat = (sign) => [`arm ${PATIENCE}`, 'beating', `send ${sign}`];

describe('a beat', () => {
  it('leaves after the loop turn of the start, and one every interval: the alarm is armed first', (t) => {
    const { heartbeat, told, time } = create(t);
    heartbeat.start();
    assert.deepEqual(told(), [], 'a script that throws now has failed to boot');
    time.pass();
    assert.deepEqual(told(), beat(BEAT));
    time.pass(INTERVAL - 1);
    assert.deepEqual(told(), []);
    time.pass(1);
    assert.deepEqual(told(), beat(BEAT));
    time.pass(2 * INTERVAL);
    assert.deepEqual(told(), [...beat(BEAT), ...beat(BEAT)]);
  });

  it('that the pipe does not take is lost, and the next one follows', (t) => {
    const { heartbeat, told, time, system } = create(t);
    const { send } = system;
    system.send = () => {
      throw new Error('EAGAIN');
    };
    heartbeat.start();
    time.pass();
    assert.deepEqual(told(), [`arm ${PATIENCE}`, 'beating']);
    system.send = send;
    time.pass(INTERVAL);
    assert.deepEqual(told(), beat(BEAT));
  });

  it('says at once that the worker drains, and so does each later one', (t) => {
    const { heartbeat, told, time } = create(t);
    heartbeat.start();
    time.pass();
    told();
    heartbeat.announceDrain();
    assert.deepEqual(told(), beat(DRAINING_BEAT));
    time.pass(INTERVAL);
    assert.deepEqual(told(), beat(DRAINING_BEAT));
  });

  it('of a worker that drains before its first one waits for the first one', (t) => {
    const { heartbeat, told, time } = create(t);
    heartbeat.start();
    heartbeat.announceDrain();
    assert.deepEqual(told(), []);
    time.pass();
    assert.deepEqual(told(), beat(DRAINING_BEAT));
  });
});

describe('the question whether this worker may leave', () => {
  it('is a beat of its own, and the next one is a plain one again', (t) => {
    const { heartbeat, told, time } = create(t);
    heartbeat.start();
    time.pass();
    told();
    assert.equal(heartbeat.ask(), true);
    assert.deepEqual(told(), beat(ASKING_BEAT));
    time.pass(INTERVAL);
    assert.deepEqual(told(), beat(BEAT));
  });

  it('is not asked before the first beat, as the manager does not know of this worker', (t) => {
    const { heartbeat, told } = create(t);
    assert.equal(heartbeat.ask(), false);
    heartbeat.start();
    assert.equal(heartbeat.ask(), false);
    assert.deepEqual(told(), []);
  });

  it('is not asked when the manager has gone', (t) => {
    const { heartbeat, told, time, close } = create(t);
    heartbeat.start();
    time.pass();
    close();
    told();
    assert.equal(heartbeat.ask(), false);
    assert.deepEqual(told(), []);
  });

  it('is answered by what comes through the pipe', (t) => {
    const { told, pipe } = create(t);
    pipe.emit('data', Buffer.from('0'));
    assert.deepEqual(told(), ['granted']);
  });
});

describe('a manager that has gone', () => {
  it('is told once; the kernel ends a worker that does not finish in time, and no beat follows', (t) => {
    const { heartbeat, told, time, close, pipe } = create(t);
    heartbeat.start();
    time.pass();
    told();
    pipe.emit('error', new Error('ECONNRESET'));
    assert.deepEqual(told(), [], "an error of the pipe is followed by 'close'");
    close();
    assert.deepEqual(told(), ['arm 30000', 'gone']);
    pipe.emit('close');
    time.pass(3 * INTERVAL);
    heartbeat.announceDrain();
    assert.deepEqual([told(), time.left], [[], 0]);
  });

  it('before the first beat is sent none', (t) => {
    const { heartbeat, told, time, close } = create(t);
    heartbeat.start();
    close();
    told();
    time.pass(INTERVAL);
    assert.deepEqual([told(), time.left], [[], 0]);
  });
});

it('the process may end when it is released, also before the first beat', (t) => {
  const { heartbeat, told, time } = create(t);
  heartbeat.release();
  assert.deepEqual(told(), ['unref']);
  let isUnref = false;
  const { setInterval } = globalThis;
  t.mock.method(globalThis, 'setInterval', (...args) =>
    Object.assign(setInterval(...args), {
      unref() {
        isUnref = true;
      },
    }),
  );
  heartbeat.start();
  time.pass();
  heartbeat.release();
  assert.equal(isUnref, true);
});
