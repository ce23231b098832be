// What systemd is told, and when: with a socket that takes what it gets, has no room, or is not there.

import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { notifying } from '../dist/manager/notify.js';
import { fakeLog } from './helpers/log.js';
import { fakeTime } from './helpers/time.js';

const VARIABLES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'];
const SERVING = { workers: 2, reloading: false, reloadError: undefined };
const healthy = (heartbeatAge = 0) => ({ state: 'healthy', heartbeatAge });

beforeEach((t) => {
  const before = VARIABLES.map((name) => [name, process.env[name]]);
  for (const name of VARIABLES) delete process.env[name];
  t.after?.(() => {
    for (const [name, value] of before) if (value !== undefined) process.env[name] = value;
  });
});

function create(t, variables = {}) {
  const time = fakeTime(t);
  Object.assign(process.env, { NOTIFY_SOCKET: '/run/notify', ...variables });
  const log = fakeLog();
  const sent = [];
  const heard = [];
  const state = { summary: { ...SERVING, pool: [healthy(), healthy()] }, error: undefined };
  const names = ['wait', 'reload', 'finish', 'listening', 'finished'];
  const events = notifying(
    Object.fromEntries(names.map((name) => [name, () => heard.push(`${name} after ${sent.length}`)])),
    1,
    { heartbeatInterval: 5_000, heartbeatTimeout: 20_000, log },
    () => state.summary,
    (socket, text) => {
      assert.equal(socket, '/run/notify');
      if (state.error) throw Object.assign(new Error(`send ${state.error}`), { code: state.error });
      sent.push(text);
    },
  );
  t.after(() => events.finished());
  return { time, log, sent, heard, state, events };
}

it('without NOTIFY_SOCKET the events are those of the caller', () => {
  const events = {};
  assert.equal(
    notifying(events, 1, {}, () => undefined),
    events,
  );
});

it('takes the variables out of the environment, and gives them back at the end', (t) => {
  const { events } = create(t, { WATCHDOG_USEC: '2000000', WATCHDOG_PID: String(process.pid) });
  assert.deepEqual(
    VARIABLES.map((name) => process.env[name]),
    [undefined, undefined, undefined],
  );
  events.finished();
  assert.deepEqual(
    VARIABLES.map((name) => process.env[name]),
    ['/run/notify', '2000000', String(process.pid)],
  );
});

it('is ready when the server listens, before the application hears of it', (t) => {
  const { events, sent, heard } = create(t);
  events.listening();
  assert.deepEqual(sent, ['READY=1\nSTATUS=2 of 2 workers']);
  assert.deepEqual(heard, ['listening after 1']);
});

describe('after a pass', () => {
  it('a status that has changed goes out once', (t) => {
    const { events, sent, state } = create(t);
    events.listening();
    events.wait();
    assert.equal(sent.length, 1);
    state.summary.pool = [healthy(), { state: 'starting', heartbeatAge: 0 }];
    events.wait();
    events.wait();
    assert.deepEqual(sent.slice(1), ['STATUS=1 of 2 workers']);
  });

  it('a reload that has begun is told once', (t) => {
    const { events, sent, state } = create(t);
    events.listening();
    state.summary.reloading = true;
    events.wait();
    events.wait();
    assert.match(sent[1], /^RELOADING=1\nMONOTONIC_USEC=\d+\nSTATUS=Reloading, 2 of 2 workers$/);
    assert.equal(sent.length, 2);
  });

  it('a reload before the server is ready is not told', (t) => {
    const { events, sent, state } = create(t);
    state.summary.reloading = true;
    events.wait();
    assert.deepEqual(sent, ['STATUS=Reloading, 2 of 2 workers']);
  });
});

describe('the end of a reload', () => {
  it('makes the server ready again', (t) => {
    const { events, sent, state } = create(t);
    events.listening();
    state.summary.reloading = true;
    events.wait();
    state.summary.reloading = false;
    events.reload();
    assert.equal(sent.at(-1), 'READY=1\nSTATUS=2 of 2 workers');
    assert.equal(sent.length, 3);
  });

  it('in the pass in which it began is a beginning and an end', (t) => {
    const { events, sent } = create(t);
    events.listening();
    events.reload();
    assert.match(sent[1], /^RELOADING=1\n/);
    assert.match(sent[2], /^READY=1\n/);
  });

  it('that failed has the reason in the status, on one line', (t) => {
    const { events, sent, state } = create(t);
    events.listening();
    state.summary.reloadError = 'worker 7\nstopped';
    events.reload(new Error('no'));
    assert.match(sent.at(-1), /^READY=1\nSTATUS=2 of 2 workers, reload failed: worker 7\\nstopped$/);
  });

  it('in a stop is not told', (t) => {
    const { events, sent } = create(t);
    events.finish(true);
    events.reload();
    assert.equal(sent.length, 1);
  });
});

describe('a stop', () => {
  it('is told, with the workers that are left', (t) => {
    const { events, sent, state, heard } = create(t);
    events.listening();
    events.finish(true);
    assert.equal(sent[1], 'STOPPING=1\nSTATUS=Stopping, workers left: 2');
    assert.equal(heard.at(-1), 'finish after 2');
    state.summary.pool = [];
    events.wait();
    assert.equal(sent[2], 'STATUS=Stopping, workers left: 0');
  });

  it('with an error has it in the last status, on one line', (t) => {
    const { events, sent } = create(t);
    events.finished(new Error('listen EADDRINUSE\n:::8080'));
    assert.equal(sent.at(-1), 'STATUS=listen EADDRINUSE\\n:::8080');
  });
});

describe('an upgrade', () => {
  it('names the next manager, and then this one says nothing', (t) => {
    const { events, sent } = create(t);
    events.listening();
    events.upgraded(4242);
    assert.match(sent[1], /^MAINPID=4242\n/);
    events.wait();
    events.finish(true);
    events.finished(new Error('no'));
    assert.equal(sent.length, 2);
  });

  it('the next manager is ready when the old one knows', (t) => {
    const { events, sent } = create(t);
    events.tookOver();
    assert.match(sent[0], /^READY=1\n/);
  });
});

describe('the watchdog', () => {
  const variables = { WATCHDOG_USEC: '4000000' };
  const beats = (sent) => sent.filter((text) => text === 'WATCHDOG=1').length;

  it('is told at once, and twice in its time', (t) => {
    const { events, sent, time } = create(t, variables);
    events.listening();
    assert.equal(beats(sent), 1);
    time.pass(1_999);
    assert.equal(beats(sent), 1);
    time.pass(1);
    assert.equal(beats(sent), 2);
    time.pass(2_000);
    assert.equal(beats(sent), 3);
  });

  it('is told nothing while no worker beats', (t) => {
    const { events, sent, time, state } = create(t, variables);
    events.listening();
    state.summary.pool = [healthy(25_001), { state: 'starting', heartbeatAge: 0 }];
    time.pass(4_000);
    assert.equal(beats(sent), 1);
    state.summary.pool = [healthy(25_001), healthy(25_000)];
    time.pass(2_000);
    assert.equal(beats(sent), 2);
  });

  it('is told where no worker is meant to be, and in a stop', (t) => {
    const { events, sent, time, state } = create(t, variables);
    events.listening();
    state.summary = { ...state.summary, workers: 0, pool: [] };
    time.pass(2_000);
    assert.equal(beats(sent), 2);
    state.summary = { ...state.summary, workers: 2 };
    events.finish(true);
    time.pass(2_000);
    assert.equal(beats(sent), 3);
  });

  for (const [title, own] of [
    ['of another process', { ...variables, WATCHDOG_PID: '1' }],
    ['that is no number', { WATCHDOG_USEC: '4s' }],
    ['that is 0', { WATCHDOG_USEC: '0' }],
    ['that is not there', {}],
  ]) {
    it(`${title} is left alone`, (t) => {
      const { events, sent, time } = create(t, own);
      events.listening();
      time.pass(10_000);
      assert.equal(beats(sent), 0);
    });
  }

  it('ends with the server', (t) => {
    const { events, time } = create(t, variables);
    events.listening();
    events.finished();
    assert.equal(time.left, 0);
  });
});

describe('a socket', () => {
  it('that has no room gets a change of state again after the next pass', (t) => {
    const { events, sent, state, log } = create(t);
    state.error = 'EAGAIN';
    events.listening();
    events.wait();
    assert.deepEqual(sent, []);
    state.error = undefined;
    events.wait();
    assert.deepEqual(sent, ['READY=1\nSTATUS=2 of 2 workers']);
    events.wait();
    assert.equal(sent.length, 1);
    assert.deepEqual(log.lines, []);
  });

  it('that is not there is told once, and changes nothing', (t) => {
    const { events, state, log, heard } = create(t);
    state.error = 'ECONNREFUSED';
    events.listening();
    events.finish(true);
    assert.deepEqual(log.lines, ["warn: Can't notify systemd: send ECONNREFUSED"]);
    assert.deepEqual(heard, ['listening after 0', 'finish after 0']);
  });
});
