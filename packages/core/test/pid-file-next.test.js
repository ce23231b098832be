// The PID file in an upgrade: it changes hands, with the lock on it.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { adoptPidFile, createPidFile } from '../dist/manager/pid-file.js';

const nothing = () => {};
let dir;
let path;
let held;

beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'prefork-test-'));
  path = join(dir, 'prefork.pid');
  held = [];
});

afterEach(() => {
  for (const pidFile of held) pidFile.release(false);
  fs.rmSync(dir, { recursive: true, force: true });
});

function create() {
  const pidFile = createPidFile(path, nothing);
  held.push(pidFile);
  return pidFile;
}

function release(pidFile, remove) {
  held.splice(held.indexOf(pidFile), 1);
  pidFile.release(remove);
}

const text = () => fs.readFileSync(path, 'latin1');

describe('a PID file that changes hands', () => {
  it('is never empty', (t) => {
    const old = create();
    const texts = [];
    for (const name of ['ftruncateSync', 'writeSync']) {
      const call = fs[name];
      t.mock.method(fs, name, (...args) => {
        const result = call(...args);
        texts.push(text());
        return result;
      });
    }
    syncBuiltinESMExports();
    try {
      held.push(adoptPidFile(path, fs.openSync(`/proc/self/fd/${old.fd}`, 'r+'), nothing));
    } finally {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    }
    assert.ok(texts.length > 0);
    for (const seen of texts) assert.equal(seen.split('\n')[0], `${process.pid}`);
    assert.equal(text(), `${process.pid}\n`);
  });

  it('is the same file, with the lock on it all the time', () => {
    const old = create();
    fs.writeSync(old.fd, '4711471147114711\n', 0);
    const { ino } = fs.statSync(path);
    // what an inherited descriptor is: another one of the same open file
    const next = adoptPidFile(path, fs.openSync(`/proc/self/fd/${old.fd}`, 'r+'), nothing);
    held.push(next);
    assert.equal(text(), `${process.pid}\n`);
    assert.equal(fs.statSync(path).ino, ino);
    assert.throws(create, { code: 'ERR_PREFORK_RUNNING' });
    release(old, false);
    assert.equal(fs.existsSync(path), true);
    release(next, true);
    assert.equal(fs.existsSync(path), false);
  });
});
