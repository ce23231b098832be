// Where a server cannot listen: one clear error, status 1, nothing started and nothing left.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { cleanAfter } from './helpers/cleanup.js';
import { get, listens, ownLoopback } from './helpers/client.js';
import { tempDir } from './helpers/files.js';
import { signal, startServer } from './helpers/server.js';

describe('an address in use', () => {
  test('is one line, and status 1', async (t) => {
    const listen = await occupied(t);
    const server = startServer(t, 'echo.js', { options: { workers: 2, listen } });
    await assertFailed(server);
    assert.equal(server.count(/EADDRINUSE/), 1, server.output);
    assert.ok(
      server.stderr.some(
        (line) => /EADDRINUSE.*; another process listens there/.test(line) && line.includes(listen.slice(7)),
      ),
      server.output,
    );
  });

  const told = {
    callback: ['the callback got eaddrinuse'],
    error: ['the event got eaddrinuse'],
    both: ['the callback got eaddrinuse'],
    neither: [],
  };
  for (const [who, lines] of Object.entries(told)) {
    const whom = {
      callback: 'the callback',
      error: 'the event `error`',
      both: 'the callback alone',
      neither: 'nobody',
    };
    test(`is told to ${whom[who]}, once, if that is there: ${who}`, async (t) => {
      const listen = await occupied(t);
      const server = startServer(t, 'told.js', { options: { workers: 2, listen }, args: [who] });
      await assertFailed(server);
      assert.deepEqual(server.stdout, lines);
      assert.equal(server.count(/EADDRINUSE/), 1, server.output);
    });
  }

  test('makes run() fail, and the process goes on', async (t) => {
    const listen = await occupied(t);
    const script = `
      import { prefork } from '@prefork/core';
      const server = prefork((request, response) => response.end(), { listen: '${listen}' });
      await server.run().catch(({ code }) => console.log('run() failed with ' + code.toLowerCase()));
      console.log('the process goes on');`;
    const server = startServer(t, undefined, { execArgv: ['--input-type=module', '--eval', script] });
    assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
    assert.deepEqual(server.stdout, ['run() failed with eaddrinuse', 'the process goes on']);
    assert.deepEqual(readdirSync(server.dir), []);
  });

  test('frees the locations before it, and their sockets are gone', async (t) => {
    const path = join(tempDir(t), 'app.sock');
    const free = `http://${ownLoopback()}:0`;
    const listen = [free, `http+unix://${encodeURIComponent(path)}`, await occupied(t)];
    const server = startServer(t, 'echo.js', { options: { workers: 2, listen } });
    await assertFailed(server);
    assert.equal(existsSync(path), false);
  });
});

test('an address that is not ours ends the server with status 1', async (t) => {
  const server = startServer(t, 'echo.js', { options: { workers: 2, listen: 'http://192.0.2.1:0' } });
  await assertFailed(server);
  assert.equal(server.count(/EADDRNOTAVAIL.*; no interface of this machine has this address/), 1, server.output);
});

describe('the path of a UNIX socket', () => {
  test('whose server lives is refused, and that server goes on', async (t) => {
    const path = join(tempDir(t), 'app.sock');
    const options = { workers: 1, listen: `http+unix://${encodeURIComponent(path)}` };
    const first = startServer(t, 'echo.js', { options });
    const [pid] = await first.healthy(1);
    const second = startServer(t, 'echo.js', { options });
    await assertFailed(second);
    assert.equal(second.count(/EADDRINUSE/), 1, second.output);
    assert.ok(second.output.includes(path), second.output);
    assert.equal((await get(path)).body, `${pid}`);
    signal(first.pid, 'SIGTERM');
    await first.ended;
    assert.equal(existsSync(path), false, 'it is gone with its server');
  });

  test('whose server has died is replaced', async (t) => {
    const path = join(tempDir(t), 'app.sock');
    const options = { workers: 1, listen: `http+unix://${encodeURIComponent(path)}` };
    const first = startServer(t, 'echo.js', { options });
    await first.healthy(1);
    signal(first.pid, 'SIGKILL');
    await first.ended;
    assert.equal(existsSync(path), true);
    const second = startServer(t, 'echo.js', { options });
    const [pid] = await second.healthy(1);
    assert.equal((await get(path)).body, `${pid}`);
  });

  test('that is a file is refused, and the file stays as it is', async (t) => {
    const path = join(tempDir(t), 'precious');
    writeFileSync(path, 'precious');
    const options = { workers: 1, listen: `http+unix://${encodeURIComponent(path)}` };
    const server = startServer(t, 'echo.js', { options });
    await assertFailed(server);
    assert.equal(server.count(/EADDRINUSE/), 1, server.output);
    assert.equal(readFileSync(path, 'utf8'), 'precious');
  });

  test('that another server has taken over is not removed by the server that had it', async (t) => {
    const dir = tempDir(t);
    const path = join(dir, 'app.sock');
    const server = startServer(t, 'echo.js', {
      options: { workers: 1, listen: `http+unix://${encodeURIComponent(path)}` },
    });
    await server.healthy(1);
    renameSync(path, join(dir, 'moved.sock'));
    writeFileSync(path, 'precious');
    signal(server.pid, 'SIGTERM');
    await server.ended;
    assert.equal(readFileSync(path, 'utf8'), 'precious');
  });

  test('in a folder that is none, or too long, ends with status 1', async (t) => {
    const dir = tempDir(t);
    writeFileSync(join(dir, 'file'), '');
    for (const path of [join(dir, 'file', 'app.sock'), join(dir, 'missing', 'app.sock'), join(dir, 'a'.repeat(120))]) {
      const options = { workers: 1, listen: `http+unix://${encodeURIComponent(path)}` };
      const server = startServer(t, 'echo.js', { options });
      await assertFailed(server);
      assert.equal(server.count(/\[error\]/), 1, server.output);
      assert.ok(server.output.includes(path), server.output);
    }
  });
});

describe('TLS files', () => {
  test('that are missing end the server with status 1, and are named', async (t) => {
    const dir = tempDir(t);
    const [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
    for (const missing of [cert, key]) {
      const query = new URLSearchParams({ cert, key });
      const server = startServer(t, 'echo.js', {
        options: { workers: 1, listen: `https://${ownLoopback()}:0?${query}` },
      });
      await assertFailed(server);
      assert.equal(
        server.count(new RegExp(`\\[error\\] Can't read TLS \\w+ "${missing}": .*ENOENT`)),
        1,
        server.output,
      );
      writeFileSync(cert, 'no certificate');
    }
  });

  test('that hold something else end the server with status 1, and are named', async (t) => {
    const dir = tempDir(t);
    const [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
    for (const file of [cert, key]) writeFileSync(file, 'not a PEM file');
    const query = new URLSearchParams({ cert, key });
    const server = startServer(t, 'echo.js', {
      options: { workers: 1, listen: `https://${ownLoopback()}:0?${query}` },
    });
    await assertFailed(server);
    assert.equal(server.count(new RegExp(`\\[error\\] Can't use TLS .*"${cert}".*"${key}"`)), 1, server.output);
  });
});

/** A location that another server of this machine, the test, listens at. */
async function occupied(t) {
  const other = net.createServer().listen(0, ownLoopback());
  cleanAfter(t, () => other.close());
  await once(other, 'listening');
  const { address, port } = other.address();
  cleanAfter(t, async () => assert.ok(await listens({ host: address, port })));
  return `http://${address}:${port}`;
}

async function assertFailed(server) {
  assert.deepEqual(await server.ended, { code: 1, signal: null }, server.output);
  assert.equal(server.count(/^spawn|Worker \d+ started|Manager \d+ started|Listening/), 0, server.output);
  assert.equal(server.count(/\[error\]/), 1, server.output);
  assert.equal(server.count(/^\s+at /), 0, 'no stack for a mistake of the operator');
  assert.deepEqual(server.processes(), []);
  assert.deepEqual(readdirSync(server.dir), []);
}
