// The PID file of a server, here in one process: a lock belongs to a descriptor, so that two of them exclude each other.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { checkPid, createPidFile } from '../dist/manager/pid-file.js';
import { look } from '../dist/manager/pid-look.js';
import { tryLockShared } from '../dist/posix/locks.js';

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

describe('a PID file', () => {
  it("names this process, is its owner's alone, and is announced", (t) => {
    const creating = t.mock.fn();
    const mask = process.umask(0o277);
    held.push(createPidFile(path, creating));
    process.umask(mask);
    assert.equal(text(), `${process.pid}\n`);
    assert.equal(fs.statSync(path).mode & 0o777, 0o600);
    assert.equal(creating.mock.callCount(), 1);
  });

  it('of a live server is seen, and refused to a second one', () => {
    create();
    assert.equal(checkPid(path), process.pid);
    assert.throws(create, {
      code: 'ERR_PREFORK_RUNNING',
      message: `A server with process id ${process.pid} is running already, see process id file "${path}"`,
    });
    assert.equal(text(), `${process.pid}\n`);
  });

  it('of a live server is respected, whatever its text', () => {
    create();
    for (const content of ['', 'nonsense', '0', '-1']) {
      fs.writeFileSync(path, content);
      assert.throws(create, { code: 'ERR_PREFORK_RUNNING', message: /process id unknown/ });
      assert.equal(checkPid(path), undefined);
      assert.equal(fs.existsSync(path), true);
    }
  });

  it('is removed with its server, or kept if so wished', () => {
    release(create(), true);
    assert.equal(fs.existsSync(path), false);
    release(create(), false);
    assert.equal(fs.existsSync(path), true);
    assert.equal(checkPid(path), undefined);
  });

  it('that was deleted is made again, once', (t) => {
    const creating = t.mock.fn();
    const pidFile = createPidFile(path, creating);
    held.push(pidFile);
    pidFile.ensure();
    assert.equal(creating.mock.callCount(), 1);
    fs.unlinkSync(path);
    pidFile.ensure();
    assert.equal(creating.mock.callCount(), 2);
    assert.equal(text(), `${process.pid}\n`);
    assert.throws(create, { code: 'ERR_PREFORK_RUNNING' });
    pidFile.ensure();
    assert.equal(creating.mock.callCount(), 2);
  });

  it('that another server took meanwhile is left to it', () => {
    const first = create();
    fs.unlinkSync(path);
    const second = create();
    assert.throws(() => first.ensure(), { code: 'ERR_PREFORK_RUNNING' });
    release(first, true);
    assert.equal(fs.existsSync(path), true);
    assert.doesNotThrow(() => second.ensure());
  });

  it('keeps no descriptor of what it released', () => {
    const before = fs.readdirSync('/proc/self/fd').length;
    for (let i = 0; i < 5; i++) {
      const pidFile = create();
      fs.unlinkSync(path);
      pidFile.ensure();
      checkPid(path);
      assert.throws(create);
      release(pidFile, true);
    }
    assert.equal(fs.readdirSync('/proc/self/fd').length, before);
  });
});

describe('a stale PID file', () => {
  for (const [what, content] of Object.entries({
    'of a process that has gone': '2147483646\n',
    'of another live process': '1\n',
    'of this very process': `${process.pid}\n`,
    'that is empty': '',
    'with only a newline': '\n',
    'of a shell script': '4711\r\n',
  })) {
    it(`${what} is replaced`, () => {
      fs.writeFileSync(path, content);
      create();
      assert.equal(text(), `${process.pid}\n`);
    });

    it(`${what} is deleted by a check`, () => {
      fs.writeFileSync(path, content);
      assert.equal(checkPid(path), undefined);
      assert.equal(fs.existsSync(path), false);
    });
  }

  it('that is not there has no server', () => {
    assert.equal(checkPid(path), undefined);
  });
});

describe('what is no PID file is left alone:', () => {
  const OTHERS = {
    'a symbolic link to a file': () => {
      fs.writeFileSync(join(dir, 'precious'), 'precious');
      fs.symlinkSync(join(dir, 'precious'), path);
    },
    'a symbolic link to nothing': () => fs.symlinkSync(join(dir, 'nothing'), path),
    'a directory': () => fs.mkdirSync(path),
    'a named pipe': () => {
      const koffi = createRequire(import.meta.resolve('../dist/libc.js'))('koffi');
      assert.equal(koffi.load(null).func('int mkfifo(const char *, uint)')(path, 0o600), 0);
    },
    'a file with another text': () => fs.writeFileSync(path, 'nonsense\n'),
    'a file with a number and more': () => fs.writeFileSync(path, '4711\n[settings]\n'),
    'a file with a number below zero': () => fs.writeFileSync(path, '-23\n'),
    'a file of another program': () => fs.writeFileSync(path, '\0\x01\x02'),
    'a file of digits that never end': () => fs.writeFileSync(path, '1'.repeat(1e6)),
    'a sparse file of 4 GiB': () => {
      fs.writeFileSync(path, '4711\n');
      fs.truncateSync(path, 2 ** 32);
    },
    'a folder that is missing': () => {
      path = join(dir, 'missing', 'prefork.pid');
    },
  };
  for (const [what, make] of Object.entries(OTHERS)) {
    it(what, () => {
      make();
      const before = fs.lstatSync(path, { throwIfNoEntry: false })?.ino;
      const { size } = fs.lstatSync(path, { throwIfNoEntry: false }) ?? {};
      assert.throws(create, ({ code, message }) => {
        assert.equal(code, 'ERR_PREFORK_PID_FILE');
        assert.ok(message.startsWith(`Can't create process id file "${path}": `), message);
        return true;
      });
      assert.equal(checkPid(path), undefined);
      assert.equal(fs.lstatSync(path, { throwIfNoEntry: false })?.ino, before);
      assert.equal(fs.lstatSync(path, { throwIfNoEntry: false })?.size, size);
      assert.equal(fs.existsSync(join(dir, 'nothing')), false);
      if (what.endsWith('to a file')) assert.equal(fs.readFileSync(join(dir, 'precious'), 'utf8'), 'precious');
    });
  }
});

describe('a look', () => {
  it('changes nothing, and tells what is there', () => {
    assert.equal(look(path), undefined);
    fs.writeFileSync(path, '4711\n');
    const { isHeld, pid, flaw, stats } = look(path);
    assert.deepEqual(
      { isHeld, pid, flaw, ino: stats.ino },
      { isHeld: false, pid: 4711, flaw: undefined, ino: stats.ino },
    );
    assert.equal(text(), '4711\n');
    fs.writeFileSync(path, 'precious');
    assert.match(look(path).flaw, /something else than a process id/);
    assert.equal(text(), 'precious');
    fs.unlinkSync(path);
    create();
    assert.equal(look(path).isHeld, true);
    assert.equal(look(path).pid, process.pid);
  });

  it('in another thread never makes a start fail', async (t) => {
    const looker = new Worker(
      `const { workerData, parentPort } = require('node:worker_threads');
       import(workerData.module).then(({ checkPid }) => {
         parentPort.postMessage('looks');
         for (;;) checkPid(workerData.path);
       });`,
      { eval: true, workerData: { module: import.meta.resolve('../dist/manager/pid-file.js'), path } },
    );
    t.after(() => looker.terminate());
    await new Promise((resolve) => looker.once('message', resolve));
    for (let i = 0; i < 1_000; i++) {
      fs.writeFileSync(path, '999999\n');
      const pidFile = createPidFile(path, nothing);
      assert.equal(text(), `${process.pid}\n`);
      pidFile.release(i % 2 === 0);
    }
  });

  it('that does not end is named after a while, and no file is left behind', () => {
    fs.writeFileSync(path, '999999\n');
    const fd = fs.openSync(path);
    try {
      assert.ok(tryLockShared(fd));
      assert.throws(create, { code: 'ERR_PREFORK_PID_FILE', message: /another process looks at it all the time/ });
      assert.equal(text(), '999999\n');
    } finally {
      fs.closeSync(fd);
    }
    create();
  });
});

describe('a PID file that cannot be written', () => {
  /** Every write fails while `run` runs. */
  function withoutRoom(t, run) {
    const write = t.mock.method(fs, 'writeSync', () => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    });
    syncBuiltinESMExports();
    try {
      run();
    } finally {
      write.mock.restore();
      syncBuiltinESMExports();
    }
  }

  it('is not there, holds no descriptor, and can be made once there is room', (t) => {
    const descriptors = () => fs.readdirSync('/proc/self/fd').length;
    const before = descriptors();
    withoutRoom(t, () => {
      for (let i = 0; i < 3; i++)
        assert.throws(create, { code: 'ERR_PREFORK_PID_FILE', message: /ENOSPC.*; make room/ });
    });
    assert.equal(fs.existsSync(path), false);
    assert.equal(descriptors(), before);
    create();
    assert.equal(text(), `${process.pid}\n`);
  });

  it('again is made again once there is room', (t) => {
    const pidFile = create();
    fs.unlinkSync(path);
    withoutRoom(t, () => {
      for (let i = 0; i < 3; i++) assert.throws(() => pidFile.ensure(), { code: 'ERR_PREFORK_PID_FILE' });
    });
    pidFile.ensure();
    assert.equal(text(), `${process.pid}\n`);
    assert.equal(look(path).isHeld, true);
  });
});
