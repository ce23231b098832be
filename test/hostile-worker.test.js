// A worker of another user that was broken into, and other processes of that user: what they cannot do to the server.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import test from 'node:test';
import { tlsLocation } from './helpers/certificate.js';
import { get } from './helpers/client.js';
import { fetchOnce } from './helpers/connection.js';
import { tempDir } from './helpers/files.js';
import { signal, startServer } from './helpers/server.js';
import { within } from './helpers/wait.js';

const isRoot = process.getuid() === 0;
const OTHER = isRoot ? { user: 12_345, group: 12_345 } : {};

async function start(t, options = {}) {
  const settings = { workers: 2, listen: 'http://127.0.0.1:0', heartbeatInterval: 500, ...OTHER, ...options };
  const server = startServer(t, 'hostile.js', { options: settings });
  const pids = await server.healthy(settings.workers);
  return { server, pids };
}

for (const path of ['/shrink', '/grow']) {
  test(`it cannot change the size of the scoreboard: ${path}`, async (t) => {
    const { server, pids } = await start(t);
    assert.equal((await server.get(path)).body, 'EPERM');
    const beats = server.count(/^heartbeat/);
    while (server.count(/^heartbeat/) < beats + 4) {
      await server.waitForLine(/^heartbeat/, { after: server.lines.length });
    }
    assert.deepEqual(await server.healthy(2), pids);
  });
}

test('it has no descriptor of the facts any more, and later workers boot with the true ones', async (t) => {
  const { server, pids } = await start(t);
  assert.equal((await server.get('/facts')).body, '0');
  signal(pids[0], 'SIGKILL');
  await server.waitForLine(new RegExp(`^reap ${pids[0]}$`));
  await server.healthy(2);
  assert.equal(server.count(/stopped too early|Workers keep stopping/), 0, server.output);
});

for (const path of ['/zeros', '/ones', '/random']) {
  test(`it cannot keep connections waiting for good by writing over the scoreboard: ${path}`, async (t) => {
    const { server } = await start(t, { workers: 3 });
    const target = await server.address();
    assert.equal((await server.get(path)).status, 200);
    await server.waitForLine(/^scribbled$/);
    const answers = Array.from({ length: 20 }, () => get(target));
    await within(Promise.all(answers), () => `nobody answers 2 s later\n${server.output}`, 2_000);
    assert.deepEqual(server.pids('reap'), []);
  });
}

test('it can shut a listening socket down, which is told and undone', async (t) => {
  const { server } = await start(t);
  const { port } = await server.address();
  await server.get('/shutdown');
  await server.waitForLine(/\[error\] The listening socket of http:\/\/127\.0\.0\.1:\d+ was shut down/);
  // a port that the kernel chose is lost with it: the server says so, and ends
  await server.waitForLine(/\[error\] Can't listen at http:\/\/127\.0\.0\.1:\d+ again/);
  assert.deepEqual(await server.ended, { code: 1, signal: null }, server.output);
  const fixed = await start(t, { listen: `http://127.0.0.1:${port}` });
  await fixed.server.get('/shutdown');
  await fixed.server.waitForLine(/\[error\] The listening socket of .* was shut down/);
  for (let i = 0; i < 10; i++) assert.equal((await fixed.server.get()).status, 200);
});

for (const uid of [12_345, 65_534]) {
  test(`a process of user ${uid} reads neither the TLS key nor the environment of a worker of user 12345`, async (t) => {
    if (!isRoot) return t.diagnostic('this test is about root, which starts workers as other users');
    const { server, pids } = await start(t, { listen: tlsLocation(tempDir(t)) });
    const { port } = await server.address();
    assert.equal((await fetchOnce({ port, tls: true })).status, 200);
    for (const file of ['environ', 'fd', 'fd/4', 'fd/5', 'mem', 'maps']) {
      const path = `/proc/${pids[0]}/${file}`;
      const { status } = spawnSync('head', ['-c', '1', path], { uid, gid: uid, stdio: 'ignore' });
      assert.notEqual(status, 0, `${path} can be read`);
    }
    // as root all of it is there
    assert.ok(execFileSync('ls', [`/proc/${pids[0]}/fd`]).length > 0);
  });
}
