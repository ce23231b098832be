// Starting a process when the system cannot: Node throws some errors, emits others, and after two of them has no `stdio`.

import assert from 'node:assert/strict';
import childProcess from 'node:child_process';
import { EventEmitter } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { signalProcess, spawnManager, spawnWorker } from '../dist/manager/spawn.js';

const THROWN = ['E2BIG', 'EIO', 'ENOMEM', 'ENOTDIR', 'EPERM', 'ESTALE', 'ETXTBSY'];
const EMITTED = ['EACCES', 'EAGAIN', 'EMFILE', 'ENFILE', 'ENOENT'];

const WAYS = {
  spawnWorker: (failed) => spawnWorker({ manager: 1, run: 0, slot: 0, patience: 1 }, { descriptors: [] }, failed),
  spawnManager: (failed) => spawnManager({ manager: 1, run: 0 }, { descriptors: [] }, failed),
};

let spawn;

// the module under test has imported it by name
childProcess.spawn = (...args) => spawn(...args);
syncBuiltinESMExports();

const systemError = (code) => Object.assign(new Error(`spawn ${code}`), { code });

for (const [name, start] of Object.entries(WAYS)) {
  describe(name, () => {
    for (const code of THROWN) {
      it(`tells of ${code}, which Node throws, in a later tick`, async () => {
        spawn = () => {
          throw systemError(code);
        };
        const failures = [];
        assert.equal(
          start((error) => failures.push(error.code)),
          undefined,
        );
        assert.deepEqual(failures, []);
        await nextTurn();
        assert.deepEqual(failures, [code]);
      });
    }

    for (const code of EMITTED) {
      it(`tells of ${code}, which Node emits on a child without a pid${/^E[MN]FILE$/.test(code) ? ' and stdio' : ''}`, async () => {
        spawn = () => {
          const child = new EventEmitter();
          if (!/^E[MN]FILE$/.test(code)) child.stdio = [null, null, null, new EventEmitter()];
          process.nextTick(() => child.emit('error', systemError(code)));
          return child;
        };
        const failures = [];
        assert.equal(
          start((error) => failures.push(error.code)),
          undefined,
        );
        await nextTurn();
        assert.deepEqual(failures, [code]);
      });
    }

    it('gives the process, its pid and its pipe', () => {
      const pipe = new EventEmitter();
      spawn = () => Object.assign(new EventEmitter(), { pid: 4711, stdio: [null, null, null, pipe] });
      const { pid, pipe: found } = start(assert.fail);
      assert.deepEqual([pid, found], [4711, pipe]);
    });
  });
}

describe('a signal', () => {
  for (const [code, outcome] of [
    ['ESRCH', 'gone'],
    ['EPERM', 'denied'],
  ]) {
    it(`that fails with ${code} is ${outcome}`, (t) => {
      t.mock.method(process, 'kill', () => {
        throw systemError(code);
      });
      assert.equal(signalProcess(4711, 'SIGQUIT'), outcome);
    });
  }

  it('that goes out is sent', (t) => {
    t.mock.method(process, 'kill', () => true);
    assert.equal(signalProcess(4711, 'SIGQUIT'), 'sent');
  });
});
