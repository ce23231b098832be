// Applications that do not come up: one clear end instead of a storm of processes.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { listens } from './helpers/client.js';
import { signal, startServer } from './helpers/server.js';

describe('an application whose worker', () => {
  for (const way of ['throws', 'throws after listen()', 'rejects after listen()']) {
    test(`${way} ends the server with status 1, and shows the error once`, async (t) => {
      const server = start(t, way);
      await assertBootFailure(server);
      assert.equal(server.count(/Error: the application is broken/), 1, server.output);
    });
  }

  for (const way of ['ends without listen()', 'exits with status 0', 'is killed']) {
    test(`${way} ends the server with status 1`, async (t) => {
      await assertBootFailure(start(t, way));
    });
  }

  for (const way of ['blocks', 'lives on without listen()']) {
    test(`${way} ends the server with status 1 when the heartbeat is overdue`, async (t) => {
      const server = start(t, way, { heartbeatInterval: 100, heartbeatTimeout: 1_000 });
      await assertBootFailure(server);
      assert.equal(server.count(/\[error\] Worker \d+ has no heartbeat \(1 s\)/), 1, server.output);
    });
  }
});

describe('an application that throws in the manager', () => {
  test('before listen() ends with its own error, before anything is done', async (t) => {
    const server = start(t, 'throws everywhere');
    assert.deepEqual(await server.ended, { code: 1, signal: null }, server.output);
    assert.equal(server.count(/Error: the application is broken/), 1, server.output);
    assert.equal(server.count(/Listening|spawn/), 0, server.output);
    assert.deepEqual(readdirSync(server.dir), []);
  });

  test('right after listen() ends with its own error, and leaves nothing', async (t) => {
    const server = start(t, 'throws in the manager after listen()');
    assert.deepEqual(await server.ended, { code: 1, signal: null }, server.output);
    assert.equal(server.count(/Error: the application is broken/), 1, server.output);
    assert.deepEqual(server.pids('spawn'), []);
    assert.deepEqual(server.processes(), []);
    assert.deepEqual(readdirSync(server.dir), []);
  });
});

describe('workers that crash 100 ms after they serve', () => {
  test('are replaced ever more slowly, and the server stops when told', async (t) => {
    const server = start(t, 'crashes 100 ms after it serves', { workers: 4 });
    const born = [];
    await server.waitForLine(/^spawn/);
    const begin = performance.now();
    let seen = 0;
    while (performance.now() - begin < 10_000) {
      const count = server.pids('spawn').length;
      for (; seen < count; seen++) born.push(performance.now() - begin);
      await sleep(20);
    }
    const early = born.filter((age) => age < 5_000).length;
    assert.ok(born.length > 4, `${born.length} is the first pool, nobody is replaced`);
    assert.ok(early <= 30, `${early} in the first 5 s`);
    assert.ok(born.length - early <= 5, `${born.length - early} in the 5 s after`);
    await server.waitForLine(/\[warn\] Workers keep stopping early, the next one starts in/);
    signal(server.pid, 'SIGTERM');
    assert.deepEqual(await server.ended, { code: 0, signal: null });
    const end = server.lines.indexOf('finish false');
    assert.equal(server.lines.slice(end).filter((line) => line.startsWith('spawn')).length, 0, server.output);
    assert.deepEqual(readdirSync(server.dir), []);
  });
});

function start(t, way, options = {}) {
  return startServer(t, 'fails-to-boot.js', { options: { workers: 3, ...options }, args: [way] });
}

async function assertBootFailure(server) {
  assert.deepEqual(await server.ended, { code: 1, signal: null }, server.output);
  const [pid] = server.pids('spawn');
  assert.deepEqual(server.pids('spawn'), [pid], 'the first worker shows whether the application boots');
  assert.equal(
    server.count(new RegExp(`\\[error\\] Worker ${pid} stopped too early, shutting down$`)),
    1,
    server.output,
  );
  assert.equal(server.count(/^finish false$/), 1, server.output);
  assert.deepEqual(server.pids('healthy'), []);
  assert.deepEqual(server.processes(), []);
  assert.deepEqual(readdirSync(server.dir), []);
  assert.equal(await listens(await server.address()), false);
}
