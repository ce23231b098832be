// The file behind the accept lock.

import assert from 'node:assert/strict';
import { lstatSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { listens, ownLoopback } from './helpers/client.js';
import { tempDir } from './helpers/files.js';
import { signal, startServer } from './helpers/server.js';

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
  const server = startServer(t, 'planted-lock.js', { options: { workers: 2 }, args: [target] });
  const pids = await server.healthy(2);
  assert.ok(pids.includes(Number((await server.get()).body)));
  assert.ok(lstatSync(join(server.dir, `prefork.lock.${server.pid}`)).isFile());
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

test('a worker that finds it gone does not live on deaf: it ends the server with status 1', async (t) => {
  const dir = tempDir(t);
  const options = { workers: 2, lockFile: join(dir, 'own.lock'), listen: `http://${ownLoopback()}:0` };
  const server = startServer(t, 'gated.js', { options });
  await server.waitForLine(/^loading in /);
  const path = join(dir, `own.lock.${server.pid}`);
  unlinkSync(path);
  writeFileSync(join(server.dir, 'go'), '');
  assert.deepEqual(await server.ended, { code: 1, signal: null }, server.output);
  assert.equal(server.count(new RegExp(`Can't open lock file "${path}"`)), 1, server.output);
  assert.equal(server.count(/stopped too early, shutting down/), 1, server.output);
  assert.equal(await listens(await server.address()), false);
});
