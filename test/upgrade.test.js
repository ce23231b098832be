// USR2: a new manager takes the place of the old one.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { cleanAfter } from './helpers/cleanup.js';
import { get, listens } from './helpers/client.js';
import { tempDir } from './helpers/files.js';
import { listeningInode } from './helpers/kernel.js';
import { isAlive } from './helpers/processes.js';
import { serve } from './helpers/serve.js';
import { signal, startServer } from './helpers/server.js';
import { startChanging, upgrade } from './helpers/upgrade.js';
import { eventually, within } from './helpers/wait.js';

describe('an upgrade', () => {
  test('puts a new manager in the place of the old one, which exits with status 0', async (t) => {
    const { server } = startChanging(t, { workers: 2 });
    const before = await server.healthy(2);
    const next = await upgrade(server);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    for (const pid of before) assert.equal(isAlive(pid), false);
    const after = await server.healthy(2);
    assert.deepEqual(
      server.processes(),
      [next, ...after].toSorted((a, b) => a - b),
    );
    assert.deepEqual(readdirSync(server.dir).toSorted(), ['prefork.pid']);
    assert.equal(server.count(/^finish true$/), 1);
    assert.equal(server.count(/immediately|too early|\[error\]|\[warn\]/), 0, server.output);

    signal(next, 'SIGTERM');
    await server.ended;
    assert.deepEqual(readdirSync(server.dir), []);
    assert.equal(await listens(await server.address()), false);
  });

  test('passes the PID file on without a moment in which it is missing or free', async (t) => {
    const pidFile = join(tempDir(t), 'server.pid');
    const { server, options } = startChanging(t, { workers: 1, pidFile });
    await server.healthy(1);
    const { ino } = statSync(pidFile);
    const texts = new Set();
    const watcher = watch(pidFile, (event) => texts.add(event === 'rename' ? 'gone' : readFileSync(pidFile, 'utf8')));
    cleanAfter(t, () => watcher.close());
    const next = await upgrade(server);
    await server.exited;
    await eventually(() => texts.has(`${next}\n`), 'the new pid was never written');
    watcher.close();
    assert.equal(texts.has('gone'), false);
    assert.equal(statSync(pidFile).ino, ino);
    assert.equal(readFileSync(pidFile, 'utf8'), `${next}\n`);

    const second = startServer(t, 'echo.js', { options: { ...options, listen: undefined } });
    assert.deepEqual(await second.ended, { code: 1, signal: null });
    assert.match(second.output, new RegExp(`A server with process id ${next} is running already`));
    signal(next, 'SIGTERM');
    await server.ended;
    assert.throws(() => statSync(pidFile), { code: 'ENOENT' });
  });

  test('keeps the listening socket', async (t) => {
    const { server } = startChanging(t, { workers: 1 });
    await server.healthy(1);
    const port = await server.port();
    const inode = listeningInode(port);
    assert.ok(inode);
    for (let i = 0, manager = server.pid; i < 2; i++) {
      manager = await upgrade(server, manager);
      assert.equal(listeningInode(port), inode);
    }
    await server.exited;
    assert.equal(listeningInode(port), inode);
    assert.equal((await server.get()).status, 200);
  });

  test('keeps the path of a UNIX socket, which the last manager takes away', async (t) => {
    const path = join(tempDir(t), 'app.sock');
    const { server } = startChanging(t, { workers: 1, listen: `http+unix://${encodeURIComponent(path)}` });
    await server.healthy(1);
    const { ino } = statSync(path);
    const next = await upgrade(server);
    await server.exited;
    assert.equal(statSync(path).ino, ino);
    assert.equal((await get(path)).body, 'old');
    signal(next, 'SIGQUIT');
    await server.ended;
    assert.throws(() => statSync(path), { code: 'ENOENT' });
  });

  test('runs the script as it is now, its options included', async (t) => {
    const { server, change } = startChanging(t, { workers: 1 });
    await server.healthy(1);
    change('new', { workers: 3 });
    await upgrade(server);
    await server.exited;
    await server.healthy(3);
    assert.equal((await server.get()).body, 'new');
  });

  test('lets requests end in the old workers', async (t) => {
    const server = startServer(t, 'echo.js', { options: { workers: 1 } });
    const [old] = await server.healthy(1);
    const answer = server.get('/wait');
    await server.waitForLine(/^waits in /);
    await upgrade(server);
    const next = await eventually(async () => {
      const { body } = await server.get();
      return body !== `${old}` && body;
    });
    assert.equal(isAlive(old), true);
    writeFileSync(join(server.dir, 'go'), '');
    assert.equal((await answer).body, `${old}`);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    assert.equal((await server.get()).body, next);
  });

  test('tells WebSocket clients to come back, and they find the new manager', async (t) => {
    const { server, target } = await serve(t, 'websocket.js', { workers: 2 });
    const open = async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${target.port}`);
      cleanAfter(t, () => socket.terminate());
      await once(socket, 'open');
      return socket;
    };
    const clients = await Promise.all(Array.from({ length: 20 }, open));
    const codes = clients.map((socket) => once(socket, 'close').then(([code]) => code));
    await upgrade(server);
    const SERVICE_RESTART = 1012;
    assert.deepEqual(
      new Set(await within(Promise.all(codes), 'a WebSocket was not closed')),
      new Set([SERVICE_RESTART]),
    );
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    const again = await open();
    again.send('back');
    const [echo] = await once(again, 'message');
    assert.ok((await server.healthy(2)).includes(Number.parseInt(`${echo}`, 10)), `${echo}`);
  });

  test('that is asked for before the first worker is healthy does not happen', async (t) => {
    const server = startServer(t, 'gated.js', { options: { workers: 1, listen: 'http://127.0.0.1:0' } });
    await server.waitForLine(/^loading in /);
    signal(server.pid, 'SIGUSR2');
    writeFileSync(join(server.dir, 'go'), '');
    await server.healthy(1);
    assert.equal((await server.get()).status, 200);
    assert.equal(server.count(/Upgrading/), 0, server.output);
  });
});
