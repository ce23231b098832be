// A hot upgrade, as the old manager sees it: the next manager is ready, late, gone, or told to stop.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import { Upgrade } from '../dist/manager/upgrade.js';
import { fakeLog } from './helpers/log.js';
import { fakeTime } from './helpers/time.js';

const PID = 4242;
const PREMISES = { name: 'premises' };

function create(t, { spawn } = {}) {
  const time = fakeTime(t);
  const log = fakeLog();
  const events = [];
  const signals = [];
  const processes = [];
  const system = {
    passOn(premises, start) {
      assert.equal(premises, PREMISES);
      return start([7, 8]);
    },
    spawnManager(succession, options, failed) {
      if (spawn) return spawn(failed);
      const child = Object.assign(new EventEmitter(), { unref: () => events.push('unref') });
      const pipe = Object.assign(new EventEmitter(), { destroy: () => events.push('pipe closed') });
      processes.push({ succession, options, child, pipe });
      return { pid: PID, child, pipe };
    },
    signalProcess: (pid, signal) => signals.push([pid, signal]),
  };
  const settings = { upgradeTimeout: 60_000, gracefulTimeout: 20_000, directory: '/srv/app', log };
  const upgrade = new Upgrade(
    3,
    settings,
    { succeeded: (pid) => events.push(`succeeded ${pid}`), failed: (pid) => events.push(`failed ${pid}`) },
    system,
  );
  return { time, log, events, signals, processes, upgrade };
}

function begun(t) {
  const all = create(t);
  all.upgrade.begin(PREMISES);
  const [process] = all.processes;
  return {
    ...all,
    ready: () => process.pipe.emit('data', Buffer.from('1')),
    exit: () => process.child.emit('exit', 1, null),
    process,
  };
}

it('the next manager gets the sockets, and knows whose place it takes', (t) => {
  const { processes, log, upgrade } = begun(t);
  assert.deepEqual(processes[0].succession, { manager: process.pid, run: 3 });
  assert.deepEqual(processes[0].options, { descriptors: [7, 8], directory: '/srv/app' });
  assert.deepEqual(log.lines, [`info: Upgrading, the next manager is ${PID}`]);
  assert.deepEqual([upgrade.isRunning, upgrade.hasSucceeded], [true, false]);
});

it('a second request starts no second one', (t) => {
  const { upgrade, processes } = begun(t);
  upgrade.begin(PREMISES);
  assert.equal(processes.length, 1);
  assert.equal(upgrade.news.upgrades, 1);
});

describe('when it is ready', () => {
  it('this manager is told first, and the next one then', (t) => {
    const { ready, events, upgrade, time, log } = begun(t);
    ready();
    assert.deepEqual(events, ['unref', `succeeded ${PID}`, 'pipe closed']);
    assert.deepEqual([upgrade.isRunning, upgrade.hasSucceeded], [false, true]);
    assert.equal(log.lines.at(-1), `info: Upgrade finished, manager ${PID} takes over`);
    assert.equal(time.left, 0);
    assert.deepEqual(upgrade.news, { upgrades: 1, upgradesFailed: 0 });
  });

  it('its end later is no failure', (t) => {
    const { ready, exit, events, upgrade } = begun(t);
    ready();
    exit();
    assert.equal(events.at(-1), 'pipe closed');
    assert.equal(upgrade.news.upgradesFailed, 0);
  });

  it('an error of the pipe changes nothing', (t) => {
    const { process, events } = begun(t);
    process.pipe.emit('error', new Error('ECONNRESET'));
    assert.deepEqual(events, []);
  });
});

describe('when it ends before', () => {
  it('this manager carries on, and may try again', (t) => {
    const { exit, events, upgrade, log, time, processes } = begun(t);
    exit();
    assert.deepEqual(events, [`failed ${PID}`]);
    assert.equal(log.lines.at(-1), 'error: Upgrade failed, this manager carries on');
    assert.deepEqual([upgrade.isRunning, upgrade.hasSucceeded, time.left], [false, false, 0]);
    upgrade.begin(PREMISES);
    assert.equal(processes.length, 2);
    assert.deepEqual(upgrade.news, { upgrades: 2, upgradesFailed: 1 });
  });
});

describe('when it is late', () => {
  it('it drains, and is killed when that takes too long', (t) => {
    const { time, signals, log, events } = begun(t);
    time.pass(59_999);
    assert.deepEqual(signals, []);
    time.pass(1);
    assert.deepEqual(signals, [[PID, 'SIGQUIT']]);
    assert.equal(log.lines.at(-1), `error: The next manager ${PID} is not ready (60 s), stopping it`);
    time.pass(19_999);
    assert.equal(signals.length, 1);
    time.pass(1);
    assert.deepEqual(signals.at(-1), [PID, 'SIGKILL']);
    assert.deepEqual(events, [], 'it has not failed until it has gone');
  });

  it('what it says then is too late', (t) => {
    const { time, ready, exit, events, upgrade } = begun(t);
    time.pass(60_000);
    ready();
    assert.deepEqual([events, upgrade.hasSucceeded], [[], false]);
    exit();
    assert.deepEqual(events, [`failed ${PID}`]);
    assert.equal(time.left, 0);
  });
});

describe('when this manager stops', () => {
  for (const [title, graceful, signal, patience] of [
    ['gracefully, the next one does', true, 'SIGQUIT', 20_000],
    ['at once, the next one does', false, 'SIGTERM', 500],
  ]) {
    it(`${title}, and is killed if it does not`, (t) => {
      const { upgrade, time, signals, exit, log, events } = begun(t);
      upgrade.cancel(graceful);
      assert.deepEqual(signals, [[PID, signal]]);
      time.pass(patience - 1);
      assert.equal(signals.length, 1);
      time.pass(1);
      assert.deepEqual(signals.at(-1), [PID, 'SIGKILL']);
      const lines = log.lines.length;
      exit();
      assert.equal(log.lines.length, lines, 'that is no failure to tell');
      assert.deepEqual(events, [`failed ${PID}`]);
    });
  }

  it('a next manager that is ready in this moment does not take over', (t) => {
    const { upgrade, ready, events } = begun(t);
    upgrade.cancel(true);
    ready();
    assert.deepEqual([events, upgrade.hasSucceeded], [[], false]);
  });

  it('a hurried stop hurries the next one', (t) => {
    const { upgrade, time, signals } = begun(t);
    upgrade.cancel(true);
    upgrade.cancel(false);
    time.pass(500);
    assert.deepEqual(
      signals.map(([, signal]) => signal),
      ['SIGQUIT', 'SIGTERM', 'SIGKILL'],
    );
    assert.equal(time.left, 0);
  });

  it('without a next one nothing happens', (t) => {
    const { upgrade, signals } = create(t);
    upgrade.cancel(true);
    assert.deepEqual(signals, []);
  });
});

describe('when it cannot be started', () => {
  for (const [title, spawn] of [
    [
      'the system says so later',
      (failed) => {
        failed(new Error('spawn EAGAIN'));
      },
    ],
    [
      'the call throws',
      () => {
        throw new Error('spawn EAGAIN');
      },
    ],
  ]) {
    it(`${title}: told, counted, nothing is left`, (t) => {
      const { upgrade, log, events, time } = create(t, { spawn });
      upgrade.begin(PREMISES);
      assert.deepEqual(events, ['failed 0']);
      assert.deepEqual(log.lines, ["error: Upgrade failed, can't start the next manager: spawn EAGAIN"]);
      assert.deepEqual(upgrade.news, { upgrades: 1, upgradesFailed: 1 });
      assert.deepEqual([upgrade.isRunning, time.left], [false, 0]);
    });
  }
});
