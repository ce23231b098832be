// What a script can do with its server: look at it, reload it, stop it.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { signal, startServer } from './helpers/server.js';

test('status() shows the pool', async (t) => {
  const server = startServer(t, 'methods.js', { args: ['serve'] });
  const pids = await server.healthy(2);
  const [, text] = await server.waitForLine(/^status: (.*)/);
  const { pid, workers, reloading, listen, pool, phase, generation, totals } = JSON.parse(text);
  assert.deepEqual({ pid, workers, reloading }, { pid: server.pid, workers: 2, reloading: false });
  assert.deepEqual({ phase, generation }, { phase: 'serving', generation: 0 });
  assert.deepEqual([totals.connections, totals.requests, totals.exits.crashed], [0, 0, 0]);
  assert.deepEqual(listen, [`http://127.0.0.1:${await server.port()}`]);
  assert.deepEqual(
    pool.map((worker) => worker.pid),
    pids,
  );
  for (const worker of pool) {
    const { connections, requests, accepts, served } = worker;
    assert.equal(worker.state, 'healthy');
    assert.ok(worker.age >= 0 && worker.heartbeatAge >= 0);
    assert.deepEqual(
      { connections, requests, accepts, served },
      { connections: 0, requests: 0, accepts: 0, served: 0 },
    );
  }
});

test('isManager and isWorker tell which process it is, and only a manager that runs has a status', async (t) => {
  const server = startServer(t, 'methods.js', { args: ['serve'] });
  const pids = await server.healthy(2);
  const told = server.lines.filter((line) => line.includes(' is '));
  assert.deepEqual(
    told.toSorted(),
    [`${server.pid} is the manager`, ...pids.map((pid) => `${pid} is a worker`)].toSorted(),
  );
  assert.equal(server.count(/^status before: undefined$/), 3, server.output);
});

for (const mode of ['graceful', 'immediate']) {
  test(`reload() reloads and stop() stops the server, ${mode}, and resolve when that is done`, async (t) => {
    const server = startServer(t, 'methods.js', { args: [mode] });
    assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
    const steps = ['reload done', 'reloaded itself', `finish ${mode === 'graceful'}`, 'stopped itself: undefined'];
    assert.deepEqual(
      server.lines.filter((line) => steps.includes(line)),
      steps,
    );
    assert.equal(server.count(/^run\(\) returned$/), 1, server.output);
    assert.deepEqual(server.pids('reap').toSorted(), server.pids('spawn').toSorted());
    assert.deepEqual(readdirSync(server.dir), []);
  });
}

test('stop() in a worker ends its request and replaces that worker alone', async (t) => {
  const server = startServer(t, 'methods.js', { args: ['serve'] });
  const before = await server.healthy(2);
  const pid = Number((await server.get('/stop')).body);
  await server.waitForLine(new RegExp(`^reap ${pid}$`));
  const after = await server.healthy(2);
  assert.deepEqual(
    before.filter((other) => after.includes(other)),
    before.filter((other) => other !== pid),
  );
  signal(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
});
