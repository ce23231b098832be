// The path of a UNIX socket when several starts want it at once, here in one process: their probes overlap all the same.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { listenUnix } from '../dist/manager/unix-socket.js';
import { tryLock } from '../dist/posix/locks.js';
import { listenSocket } from '../dist/posix/sockets.js';

const OPTIONS = { backlog: 8, ipv6Only: false, reusePort: false };
let dir;
let path;
let descriptors;

beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'prefork-test-'));
  path = join(dir, 'app.sock');
  descriptors = [];
});

afterEach(() => {
  for (const fd of descriptors) fs.closeSync(fd);
  fs.rmSync(dir, { recursive: true, force: true });
});

/** What a server that was killed leaves. */
function leaveStale() {
  fs.closeSync(listenSocket({ path }, OPTIONS));
}

async function listen(mode) {
  const fd = await listenUnix(path, mode, OPTIONS);
  descriptors.push(fd);
  return fd;
}

async function assertReachable() {
  const client = net.connect(path);
  await once(client, 'connect');
  client.destroy();
}

async function assertOneWins(count) {
  const results = await Promise.allSettled(Array.from({ length: count }, () => listen()));
  const refused = results.filter(({ status }) => status === 'rejected').map(({ reason }) => reason.code);
  assert.deepEqual(
    refused,
    Array.from({ length: count - 1 }, () => 'EADDRINUSE'),
  );
  await assertReachable();
}

describe('the path of a UNIX socket', () => {
  it('that a dead server has left goes to one of several starts', async () => {
    leaveStale();
    await assertOneWins(8);
  });

  it('goes to one of several starts also when somebody keeps the folder locked', async () => {
    const fd = fs.openSync(dir);
    descriptors.push(fd);
    assert.ok(tryLock(fd));
    leaveStale();
    await assertOneWins(3);
  });

  it('of a live server is refused, and stays', async () => {
    await listen();
    const { ino } = fs.lstatSync(path);
    await assert.rejects(listen(), { code: 'EADDRINUSE' });
    assert.equal(fs.lstatSync(path).ino, ino);
    await assertReachable();
  });

  it('that is another file is refused, and stays', async () => {
    fs.writeFileSync(path, 'precious');
    await assert.rejects(listen(), { code: 'EADDRINUSE' });
    assert.equal(fs.readFileSync(path, 'utf8'), 'precious');
  });

  it('has its mode, and the folder is free afterwards', async () => {
    await listen(0o640);
    assert.equal(fs.lstatSync(path).mode & 0o777, 0o640);
    const fd = fs.openSync(dir);
    descriptors.push(fd);
    assert.ok(tryLock(fd));
  });

  it('in a folder that is missing is an error that names it', async () => {
    path = join(dir, 'missing', 'app.sock');
    await assert.rejects(listen(), ({ code, message }) => code === 'ENOENT' && message.includes(path));
  });
});
