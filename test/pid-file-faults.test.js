// A PID file that cannot be made again while the server runs: told in one line, nothing held, and back when the fault is over.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inject } from './helpers/faults.js';
import { tempDir } from './helpers/files.js';
import { startServer } from './helpers/server.js';
import { eventually } from './helpers/wait.js';

const FAULTS = [
  ['openat', 'ENOSPC', /ENOSPC.*; make room; a server that runs tries again each second$/],
  ['openat', 'EROFS', /EROFS.*; its file system can only be read: name another file$/],
  ['flock', 'ENOLCK', /flock ENOLCK.*; its file system has no locks: name a file on a local one$/],
  ['flock', 'ENOSYS', /flock ENOSYS.*; its file system has no locks: name a file on a local one$/],
];

for (const [call, code, expected] of FAULTS) {
  test(`${code} of ${call} is told once, leaves no file and no descriptor, and heals`, async (t) => {
    const pidFile = join(tempDir(t), 'server.pid');
    const server = startServer(t, 'echo.js', { options: { workers: 1, pidFile } });
    const [pid] = await server.healthy(1);
    const descriptors = () => readdirSync(`/proc/${server.pid}/fd`).length;
    const before = descriptors();
    const fault = await inject(t, server.pid, call, code);
    unlinkSync(pidFile);
    // three passes have tried
    await eventually(() => fault.count() >= 3);
    // while it tries once more both are there for a moment
    await eventually(() => !existsSync(pidFile) && descriptors() <= before, 'it leaves something behind', 3_000);
    assert.equal(server.count(/\[error\]/), 1, server.output);
    await server.waitForLine(expected);
    assert.equal((await server.get()).body, `${pid}`);
    await fault.stop();
    await eventually(
      () => existsSync(pidFile) && readFileSync(pidFile, 'utf8') === `${server.pid}\n`,
      'it is not back',
      15_000,
    );
    assert.equal(server.count(/\[error\]/), 1, server.output);
  });
}
