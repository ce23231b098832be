// Heartbeats: who sends none is replaced, and nobody else.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from './helpers/client.js';
import { isAlive, isStopped } from './helpers/processes.js';
import { signal, startServer } from './helpers/server.js';
import { eventually } from './helpers/wait.js';

const options = { workers: 2, heartbeatInterval: 200, heartbeatTimeout: 8_000, gracefulTimeout: 500 };

test('every worker sends a heartbeat in every interval', async (t) => {
  const server = startServer(t, 'echo.js', { options });
  const pids = await server.healthy(2);
  await eventually(() => pids.every((pid) => server.pids('heartbeat').filter((beat) => beat === pid).length >= 4));
  assert.deepEqual([...new Set(server.pids('heartbeat'))].toSorted(), pids.toSorted());
  assert.deepEqual(await server.healthy(2), pids);
});

describe('a worker without heartbeat', { concurrency: 3 }, () => {
  test('because it blocks is killed after gracefulTimeout, and replaced', async (t) => {
    const server = startServer(t, 'echo.js', { options });
    await server.healthy(2);
    const connection = await connect(t, await server.address());
    connection.request('/block');
    const [, pid] = await server.waitForLine(/^blocks in (\d+)$/);
    await assertReplaced(server, Number(pid));
    await connection.closes();
  });

  test('because it is stopped is killed after gracefulTimeout, and replaced', async (t) => {
    const server = startServer(t, 'echo.js', { options });
    const [pid] = await server.healthy(2);
    signal(pid, 'SIGSTOP');
    await assertReplaced(server, pid);
  });

  test('for a while, which then goes on, drains, and is replaced', async (t) => {
    const server = startServer(t, 'echo.js', { options: { ...options, gracefulTimeout: 60_000 } });
    const [pid] = await server.healthy(2);
    signal(pid, 'SIGSTOP');
    await server.waitForLine(new RegExp(`Worker ${pid} has no heartbeat`));
    signal(pid, 'SIGCONT');
    await server.waitForLine(new RegExp(`^reap ${pid}$`));
    assert.equal(server.count(/immediately/), 0, server.output);
    assert.equal((await server.healthy(2)).includes(pid), false);
  });
});

describe('a manager that was stopped', { concurrency: 2 }, () => {
  test('for longer than a heartbeat may be overdue, and than its pipes have room, costs no worker', async (t) => {
    const server = startServer(t, 'echo.js', { options: { ...options, heartbeatInterval: 20 } });
    const pids = await server.healthy(2);
    await suspend(server);
    const before = server.pids('heartbeat').length;
    signal(server.pid, 'SIGCONT');
    await eventually(() => {
      const beats = server.pids('heartbeat').slice(before);
      return pids.every((pid) => beats.filter((beat) => beat === pid).length >= 8);
    });
    assert.equal(server.count(/has no heartbeat|Trying to stop|Worker \d+ stopped/), 0, server.output);
    assert.deepEqual(await server.healthy(2), pids);
  });

  test('still finds a worker that hangs', async (t) => {
    const server = startServer(t, 'echo.js', { options });
    const [pid] = await server.healthy(2);
    signal(pid, 'SIGSTOP');
    await suspend(server);
    signal(server.pid, 'SIGCONT');
    await assertReplaced(server, pid);
  });
});

test('heartbeats leave IPC to the application: with its parent, and with its children', async (t) => {
  const server = startServer(t, 'ipc-parent.js');
  await server.waitForLine(/^the parent got "ready"$/);
  await server.waitForLine(/^the manager got {"reply":"ready"}$/);
  assert.deepEqual(JSON.parse((await server.get()).body), { heard: 'hello', isWorker: false, send: 'undefined' });
  await eventually(() => server.count(/^heartbeat/) >= 5);
  assert.equal(server.count(/ got /), 2, server.output);
});

/** Stops the manager for so long that every heartbeat is overdue. */
async function suspend(server) {
  signal(server.pid, 'SIGSTOP');
  await eventually(() => isStopped(server.pid));
  await sleep(options.heartbeatInterval + options.heartbeatTimeout + 500);
}

/** The whole way of a worker that does not answer. */
async function assertReplaced(server, pid) {
  await server.waitForLine(new RegExp(`\\[error\\] Worker ${pid} has no heartbeat \\(8 s\\), restarting$`));
  await server.waitForLine(new RegExp(`Trying to stop worker ${pid} gracefully \\(0\\.5 s\\)$`));
  await server.waitForLine(new RegExp(`Stopping worker ${pid} immediately$`));
  await server.waitForLine(new RegExp(`^reap ${pid}$`));
  assert.equal(isAlive(pid), false);
  const pids = await server.healthy(2);
  assert.equal(pids.includes(pid), false);
  assert.ok(pids.includes(Number((await server.get()).body)));
  assert.equal(server.count(/has no heartbeat/), 1, server.output);
}
