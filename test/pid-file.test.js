// The PID file: made, kept, given up, and never anybody else's.

import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { listens } from './helpers/client.js';
import { tempDir } from './helpers/files.js';
import { signal, startServer } from './helpers/server.js';
import { eventually } from './helpers/wait.js';

test("holds the pid and a newline, is its owner's alone, and is gone after", async (t) => {
  const pidFile = join(tempDir(t), 'server.pid');
  const server = startServer(t, 'echo.js', { options: { workers: 1, pidFile } });
  await server.healthy(1);
  assert.equal(readFileSync(pidFile, 'utf8'), `${server.pid}\n`);
  assert.equal(statSync(pidFile).mode & 0o777, 0o600);
  await server.waitForLine(new RegExp(`Creating process id file "${pidFile}"`));
  signal(server.pid, 'SIGTERM');
  await server.ended;
  assert.equal(existsSync(pidFile), false);
});

test('stays with cleanup: false, and is stale then', async (t) => {
  const first = startServer(t, 'echo.js', { options: { workers: 1, cleanup: false } });
  await first.healthy(1);
  signal(first.pid, 'SIGTERM');
  await first.ended;
  const pidFile = join(first.dir, 'prefork.pid');
  assert.equal(readFileSync(pidFile, 'utf8'), `${first.pid}\n`);
  const second = startServer(t, 'echo.js', { options: { workers: 1 }, dir: first.dir });
  await second.healthy(1);
  assert.equal(readFileSync(pidFile, 'utf8'), `${second.pid}\n`);
});

test('is back within 3 s after it was deleted', async (t) => {
  const server = startServer(t, 'echo.js', { options: { workers: 1 } });
  await server.healthy(1);
  const pidFile = join(server.dir, 'prefork.pid');
  for (let round = 0; round < 2; round++) {
    unlinkSync(pidFile);
    const before = performance.now();
    await eventually(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') === `${server.pid}\n`);
    assert.ok(performance.now() - before < 3_000);
  }
  signal(server.pid, 'SIGTERM');
  await server.ended;
  assert.deepEqual(readdirSync(server.dir), []);
});

describe('of a server that runs', () => {
  test('makes a second server with the same name for it fail, which leaves it alone', async (t) => {
    const pidFile = join(tempDir(t), 'server.pid');
    const first = startServer(t, 'echo.js', { options: { workers: 1, pidFile } });
    const [pid] = await first.healthy(1);
    const { ino } = statSync(pidFile);

    const second = startServer(t, 'echo.js', { options: { workers: 1, pidFile } });
    assert.deepEqual(await second.ended, { code: 1, signal: null }, second.output);
    assert.deepEqual(second.pids('spawn'), []);
    const message = `[error] A server with process id ${first.pid} is running already, see process id file "${pidFile}"`;
    assert.equal(second.lines.filter((line) => line.includes(message)).length, 1, second.output);
    assert.deepEqual(readdirSync(second.dir), []);

    assert.equal(statSync(pidFile).ino, ino);
    assert.equal(readFileSync(pidFile, 'utf8'), `${first.pid}\n`);
    assert.equal((await first.get()).body, `${pid}`);
  });

  test('makes a second server that names none run without, and say so', async (t) => {
    const first = startServer(t, 'echo.js', { options: { workers: 1 } });
    await first.healthy(1);
    const pidFile = join(first.dir, 'prefork.pid');

    const second = startServer(t, 'echo.js', { options: { workers: 1 }, dir: first.dir });
    const [pid] = await second.healthy(1);
    await second.waitForLine(
      new RegExp(`\\[warn\\] A server with process id ${first.pid} is running already.*without`),
    );
    assert.equal((await second.get()).body, `${pid}`);
    signal(second.pid, 'SIGTERM');
    assert.deepEqual(await second.ended, { code: 0, signal: null });

    assert.equal(readFileSync(pidFile, 'utf8'), `${first.pid}\n`);
    assert.deepEqual(readdirSync(first.dir).toSorted(), ['prefork.pid']);
  });

  test('is not taken away by a server that fails to listen', async (t) => {
    const first = startServer(t, 'echo.js', { options: { workers: 1 } });
    await first.healthy(1);
    const listen = `http://127.0.0.1:${await first.port()}`;
    const second = startServer(t, 'echo.js', { options: { workers: 1, listen }, dir: first.dir });
    assert.deepEqual(await second.ended, { code: 1, signal: null }, second.output);
    assert.equal(readFileSync(join(first.dir, 'prefork.pid'), 'utf8'), `${first.pid}\n`);
  });
});

describe('that nobody holds is stale and replaced', () => {
  const contents = {
    'the pid of another live process': `${process.pid}\n`,
    nothing: '',
    'only a newline': '\n',
  };
  for (const [what, content] of Object.entries(contents)) {
    test(`with ${what} in it`, async (t) => {
      const pidFile = join(tempDir(t), 'server.pid');
      writeFileSync(pidFile, content);
      const server = startServer(t, 'echo.js', { options: { workers: 1, pidFile } });
      await server.healthy(1);
      assert.equal(readFileSync(pidFile, 'utf8'), `${server.pid}\n`);
      assert.equal(server.count(/\[warn\]|\[error\]/), 0, server.output);
    });
  }
});

describe('that is no PID file', () => {
  const contents = {
    'a text': 'a server\n',
    'a number below zero': '-23\n',
    'a number and more': '23\nport = 80\n',
    'a database': Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(4096)]),
  };
  for (const [what, content] of Object.entries(contents)) {
    test(`but ${what} is refused, named and left as it is`, async (t) => {
      const pidFile = join(tempDir(t), 'data.db');
      writeFileSync(pidFile, content);
      const server = startServer(t, 'echo.js', { options: { workers: 1, pidFile } });
      assert.deepEqual(await server.ended, { code: 1, signal: null }, server.output);
      const line = `\\[error\\] Can't create process id file "${pidFile}": it holds something else than a process id: take it away`;
      assert.equal(server.count(new RegExp(line)), 1, server.output);
      assert.deepEqual(readFileSync(pidFile), Buffer.from(content));
      assert.deepEqual(server.pids('spawn'), []);
    });
  }
});

describe('whose folder goes away', () => {
  test('is told in one line, and is back when the folder is', async (t) => {
    const folder = join(tempDir(t), 'run');
    mkdirSync(folder);
    const pidFile = join(folder, 'server.pid');
    const server = startServer(t, 'echo.js', { options: { workers: 1, pidFile } });
    await server.healthy(1);
    const descriptors = () => readdirSync(`/proc/${server.pid}/fd`).length;
    const before = descriptors();
    for (let round = 1; round <= 2; round++) {
      rmSync(folder, { recursive: true });
      await eventually(() => server.count(/\[error\]/) === round);
      // several passes try, and say no more
      const beats = server.pids('heartbeat').length;
      signal(server.pid, 'SIGTTIN');
      await server.healthy(2);
      signal(server.pid, 'SIGTTOU');
      await server.healthy(1);
      assert.ok(server.pids('heartbeat').length > beats);
      assert.equal(server.count(/\[error\] Can't create process id file .*ENOENT.*; make its folder$/), round);
      assert.equal(server.count(/\[error\]/), round, server.output);
      mkdirSync(folder);
      await eventually(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') === `${server.pid}\n`);
    }
    await eventually(() => descriptors() <= before);
    signal(server.pid, 'SIGTERM');
    await server.ended;
    assert.deepEqual(readdirSync(folder), []);
  });
});

describe('that is made before listen()', () => {
  const script = (then) => `
    import { prefork } from '@prefork/core';
    const server = prefork((request, response) => response.end('served'), { workers: 2, pidFile: process.env.PID_FILE });
    server.ensurePidFile();
    server.ensurePidFile();
    ${then}`;
  const start = (t, pidFile, then) => {
    const execArgv = ['--input-type=module', '--eval', script(then)];
    return startServer(t, undefined, { execArgv, env: { PID_FILE: pidFile } });
  };

  test('is the one of the server that listens, also after an upgrade', async (t) => {
    const pidFile = join(tempDir(t), 'server.pid');
    const server = start(t, pidFile, "server.listen(0, '127.0.0.1');");
    assert.equal((await server.get()).body, 'served');
    assert.equal(readFileSync(pidFile, 'utf8'), `${server.pid}\n`);
    assert.equal(server.count(/Creating process id file/), 1, server.output);
    await eventually(() => server.count(/Worker \d+ started/) === 2);
    signal(server.pid, 'SIGUSR2');
    const [, next] = await server.waitForLine(/Upgrade finished, manager (\d+) takes over/);
    await server.exited;
    assert.equal(readFileSync(pidFile, 'utf8'), `${next}\n`);
    signal(Number(next), 'SIGTERM');
    await server.ended;
    assert.equal(existsSync(pidFile), false);
    assert.equal(server.count(/\[warn\]|\[error\]/), 0, server.output);
  });

  test('is removed with the process when no server listens', async (t) => {
    const pidFile = join(tempDir(t), 'server.pid');
    const server = start(t, pidFile, "console.log('made', server.checkPid());");
    await server.waitForLine(new RegExp(`^made ${server.pid}$`));
    assert.deepEqual(await server.ended, { code: 0, signal: null });
    assert.equal(existsSync(pidFile), false);
  });
});

test('of a default name that cannot be made is made as soon as it can', async (t) => {
  const dir = tempDir(t);
  const pidFile = join(dir, 'prefork.pid');
  mkdirSync(pidFile);
  const server = startServer(t, 'echo.js', { options: { workers: 1 }, dir });
  await server.healthy(1);
  assert.equal(server.count(/\[warn\] Can't create process id file .*; running without one$/), 1, server.output);
  rmSync(pidFile, { recursive: true });
  await eventually(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') === `${server.pid}\n`);
  assert.equal(server.count(/\[error\]/), 0, server.output);
});

describe('a link in its place is never followed:', () => {
  for (const exists of [true, false]) {
    const what = exists ? 'a link to a file' : 'a link to nothing';
    test(`a server that names ${what} fails`, async (t) => {
      const { link, assertUntouched } = plantLink(t, tempDir(t), exists);
      const server = startServer(t, 'echo.js', { options: { workers: 1, pidFile: link } });
      assert.deepEqual(await server.ended, { code: 1, signal: null }, server.output);
      assert.equal(server.count(new RegExp(`\\[error\\] Can't create process id file "${link}"`)), 1, server.output);
      assert.deepEqual(server.pids('spawn'), []);
      assertUntouched();
    });

    test(`a server that meets ${what} under the default name runs without one`, async (t) => {
      const dir = tempDir(t);
      const { link, assertUntouched } = plantLink(t, dir, exists);
      const server = startServer(t, 'echo.js', { options: { workers: 1 }, dir });
      await server.healthy(1);
      assert.equal(server.count(new RegExp(`\\[warn\\] Can't create process id file "${link}".*without`)), 1);
      signal(server.pid, 'SIGTERM');
      assert.deepEqual(await server.ended, { code: 0, signal: null });
      assertUntouched();
    });
  }
});

test('one that cannot be made ends the server with status 1 and an error that names the path', async (t) => {
  const file = join(tempDir(t), 'file');
  writeFileSync(file, '');
  const pidFile = join(file, 'server.pid');
  const server = startServer(t, 'echo.js', { options: { workers: 1, pidFile } });
  assert.deepEqual(await server.ended, { code: 1, signal: null }, server.output);
  assert.equal(server.count(new RegExp(`\\[error\\] Can't create process id file "${pidFile}": .*ENOTDIR`)), 1);
  assert.deepEqual(server.pids('spawn'), []);
  assert.deepEqual(readdirSync(server.dir), []);
  assert.equal(server.count(/Creating process id file/), 0, server.output);
});

test('of a manager that the application ends is gone, too, and so are the workers', async (t) => {
  const script = `
    import { prefork } from '@prefork/core';
    const server = prefork((request, response) => response.end(), { workers: 2 });
    server.on('healthy', () => server.status().pool.every(({ state }) => state === 'healthy') && process.exit(7));
    server.listen(0, '127.0.0.1');`;
  const execArgv = ['--input-type=module', '--eval', script];
  const server = startServer(t, undefined, { execArgv });
  assert.deepEqual(await server.ended, { code: 7, signal: null }, server.output);
  assert.deepEqual(readdirSync(server.dir), []);
  assert.deepEqual(server.processes(), []);
  assert.equal(await listens(await server.port()), false);
});

/** A link where a PID file is to be, to a file that must stay as it is. */
function plantLink(t, dir, exists) {
  const target = join(tempDir(t), 'precious');
  const link = join(dir, 'prefork.pid');
  if (exists) writeFileSync(target, 'precious');
  symlinkSync(target, link);
  const assertUntouched = () => {
    assert.equal(existsSync(target) && readFileSync(target, 'utf8'), exists && 'precious');
    assert.ok(lstatSync(link).isSymbolicLink());
  };
  return { link, assertUntouched };
}
