// The file behind the accept lock.

import assert from 'node:assert/strict';
import { existsSync, lstatSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ownLoopback } from './helpers/client.js';
import { tempDir } from './helpers/files.js';
import { signal, startServer } from './helpers/server.js';
import { startChanging, upgrade } from './helpers/upgrade.js';
import { eventually } from './helpers/wait.js';

test("bears the manager's pid, is nobody else's to read, and is gone after", async (t) => {
  const dir = tempDir(t);
  const server = startServer(t, 'echo.js', { options: { workers: 2, lockFile: join(dir, 'own.lock') } });
  await server.healthy(2);
  assert.deepEqual(readdirSync(dir), [`own.lock.${server.pid}`]);
  const { mode } = lstatSync(join(dir, `own.lock.${server.pid}`));
  assert.equal(mode & 0o777, 0o600);
  signal(server.pid, 'SIGQUIT');
  await server.ended;
  assert.deepEqual(readdirSync(dir), []);
});

test('a link in its place is never followed', async (t) => {
  const target = join(tempDir(t), 'precious');
  writeFileSync(target, 'precious');
  const server = startServer(t, 'planted-lock.js', {
    options: { workers: 2, lockFile: join(tempDir(t), 'own.lock') },
    args: [target],
  });
  const pids = await server.healthy(2);
  assert.ok(pids.includes(Number((await server.get()).body)));
  signal(server.pid, 'SIGTERM');
  await server.ended;
  assert.equal(readFileSync(target, 'utf8'), 'precious');
  assert.deepEqual(readdirSync(server.dir), []);
});

test('one that cannot be made ends the server with status 1, names the path, and leaves nothing', async (t) => {
  const file = join(tempDir(t), 'file');
  writeFileSync(file, '');
  const lockFile = join(file, 'own.lock');
  const server = startServer(t, 'echo.js', {
    options: { workers: 2, lockFile, listen: `http://${ownLoopback()}:0` },
  });
  assert.deepEqual(await server.ended, { code: 1, signal: null }, server.output);
  const path = `${lockFile}.${server.pid}`;
  assert.equal(server.count(new RegExp(`\\[error\\] Can't create lock file "${path}": .*ENOTDIR`)), 1, server.output);
  assert.deepEqual(server.pids('spawn'), []);
  assert.deepEqual(readdirSync(server.dir), [], 'the PID file that came first is gone again');
});

test('one that was deleted is made again, new workers boot, and all move to it', async (t) => {
  const dir = tempDir(t);
  const options = { workers: 2, lockFile: join(dir, 'own.lock'), heartbeatInterval: 100 };
  const server = startServer(t, 'echo.js', { options });
  const [first] = await server.healthy(2);
  const path = join(dir, `own.lock.${server.pid}`);
  unlinkSync(path);
  await eventually(() => existsSync(path), 'it is not made again', 3000);
  assert.equal(lstatSync(path).mode & 0o777, 0o600);
  signal(first, 'SIGKILL');
  await server.waitForLine(new RegExp(`^reap ${first}$`));
  await server.healthy(2);
  for (let i = 0; i < 10; i++) assert.equal((await server.get()).status, 200);
  assert.equal(server.count(/\[error\]/), 0, server.output);
  signal(server.pid, 'SIGQUIT');
  await server.ended;
  assert.deepEqual(readdirSync(dir), []);
});

test('without the option there is none, and everything in the temporary folder may be deleted', async (t) => {
  const { server, change } = startChanging(t, { workers: 2 });
  const [first] = await server.healthy(2);
  assert.deepEqual(readdirSync(server.dir), ['prefork.pid']);
  unlinkSync(join(server.dir, 'prefork.pid'));
  signal(first, 'SIGKILL');
  await server.waitForLine(new RegExp(`^reap ${first}$`));
  await server.healthy(2);
  change('new');
  await upgrade(server);
  // until then the old workers may answer
  await server.exited;
  assert.equal((await server.get()).body, 'new');
});
