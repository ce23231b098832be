// Who else uses our signals, told from the command lines of this process and of those above it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findNodemon, heapSnapshotSignal, isThere } from '../dist/manager/other-users.js';

describe('a flag of Node that takes a signal', () => {
  for (const [flags, expected] of [
    [['--heapsnapshot-signal=SIGUSR2'], 'SIGUSR2'],
    [['--no-warnings', '--heapsnapshot-signal', 'SIGHUP', '--x'], 'SIGHUP'],
    [['--heapsnapshot_signal=SIGUSR2'], 'SIGUSR2'],
    [['--heapsnapshot-signal=SIGUSR1', '--heapsnapshot-signal=SIGUSR2'], 'SIGUSR2'],
    [['--heapsnapshot-near-heap-limit=2', ''], undefined],
    [[], undefined],
  ]) {
    it(`${flags.join(' ')} is ${expected}`, () => assert.equal(heapSnapshotSignal(flags), expected));
  }
});

describe('a nodemon', () => {
  /** What is above this process by these command lines, the nearest first, with pids from 10 on. */
  const above = (...lines) => {
    const processes = new Map(lines.map((line, i) => [i + 10, { words: line.split(' '), parent: i + 11 }]));
    return findNodemon((pid) => processes.get(pid), 10);
  };

  it('is the parent, in each way to start it', () => {
    for (const line of [
      'node node_modules/nodemon/bin/nodemon.js server.js',
      'node /usr/local/bin/nodemon --watch src server.js',
      '/usr/bin/node --no-warnings /usr/bin/nodemon',
    ]) {
      assert.deepEqual(above(line), { pid: 10, signal: 'SIGUSR2' }, line);
    }
  });

  it('is further up, behind a shell, npm or another program', () => {
    const { pid } = above('sh -c node server.js', 'npm start', 'node /usr/bin/nodemon --exec npm start', 'bash');
    assert.equal(pid, 12);
  });

  it('restarts by USR2, or by the signal that it was told', () => {
    assert.equal(above('node nodemon --signal SIGHUP server.js').signal, 'SIGHUP');
    assert.equal(above('node nodemon -s=SIGTERM server.js').signal, 'SIGTERM');
  });

  it('is nobody else', () => {
    for (const line of ['bash', 'node server.js nodemon-like', 'vim nodemon.json', 'node a.js b.js nodemon', '']) {
      assert.equal(above(line), undefined, line);
    }
  });

  it('is looked for in a bounded number of steps, whatever /proc says', () => {
    assert.equal(
      findNodemon(() => ({ words: ['sh'], parent: 10 }), 10),
      undefined,
    );
    assert.equal(
      findNodemon(() => ({ words: ['sh'], parent: Number.NaN }), 10),
      undefined,
    );
    assert.equal(
      findNodemon(() => ({ words: ['node', 'nodemon'], parent: 1 }), 1),
      undefined,
    );
  });

  it('may have gone, and its pid may be that of another program', () => {
    const nodemon = { pid: 10, signal: 'SIGUSR2' };
    assert.equal(
      isThere(nodemon, () => ({ words: ['node', 'nodemon'], parent: 1 })),
      true,
    );
    assert.equal(
      isThere(nodemon, () => ({ words: ['bash'], parent: 1 })),
      false,
    );
    assert.equal(
      isThere(nodemon, () => undefined),
      false,
    );
  });
});
