// The number of a worker: each that serves has another, from 0 to `workers` - 1, and a replacement has that of its predecessor.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal, startServer } from './helpers/server.js';
import { upgrade } from './helpers/upgrade.js';
import { eventually } from './helpers/wait.js';

/** The numbers of those that live now, and their pids, as the workers say. */
function numbers(server) {
  const told = server.lines.map((line) => /^number (\d+) is (\d+)$/.exec(line)).filter(Boolean);
  const alive = server.processes();
  return new Map(
    told.filter(([, , pid]) => alive.includes(Number(pid))).map(([, id, pid]) => [Number(id), Number(pid)]),
  );
}

/** Waits until just so many workers live, each of them healthy, with the numbers from 0 on. */
async function settled(server, count, managers = 1) {
  await eventually(
    () => {
      const ids = [...numbers(server).keys()].sort((a, b) => a - b);
      const isHealthy = (pid) => server.lines.includes(`healthy ${pid}`);
      const isQuiet = server.processes().length === count + managers && [...numbers(server).values()].every(isHealthy);
      return isQuiet && ids.join() === [...Array(count).keys()].join();
    },
    () => `not the numbers of ${count} workers\n${server.output}`,
  );
  return numbers(server);
}

/** That at each event in the manager no two that serve had one number; in a reload a successor that has just come up may. */
function assertUnique(server, size, most = 1) {
  for (const line of server.lines.filter((text) => text.startsWith('pool '))) {
    const serving = line
      .split(' ')
      .slice(1)
      .map((text) => text.split(':'))
      .filter(([, , state]) => state === 'healthy');
    const ids = serving.map(([id]) => Number(id));
    for (const id of ids) assert.ok(ids.filter((other) => other === id).length <= most && id < size, line);
  }
}

const options = (more) => ({ workers: 3, heartbeatInterval: 200, ...more });

test('each worker has one, and so has what it starts, but no other variable of ours', async (t) => {
  const server = startServer(t, 'numbers.js', { options: options() });
  const pids = await settled(server, 3);
  assert.equal(pids.size, 3);
  await server.waitForLine(/^here it is undefined and undefined$/);
  const { workerId, variable, child } = JSON.parse((await server.get()).body);
  assert.ok([0, 1, 2].includes(workerId));
  assert.equal(variable, String(workerId));
  assert.deepEqual(child, ['PREFORK_WORKER_ID']);
});

test('a worker that is killed leaves it to its replacement', async (t) => {
  const server = startServer(t, 'numbers.js', { options: options() });
  const before = await settled(server, 3);
  signal(before.get(1), 'SIGKILL');
  await server.waitForLine(new RegExp(`^reap ${before.get(1)}$`));
  const after = await settled(server, 3);
  assert.deepEqual([after.get(0), after.get(2)], [before.get(0), before.get(2)]);
  assert.notEqual(after.get(1), before.get(1));
  assertUnique(server, 3);
});

test('a worker that has accepted its share leaves it to its replacement', async (t) => {
  const server = startServer(t, 'numbers.js', { options: options({ workers: 2, accepts: 4 }) });
  await settled(server, 2);
  for (let i = 0; i < 20; i++) assert.ok([0, 1].includes(JSON.parse((await server.get()).body).workerId));
  await settled(server, 2);
  assert.ok(server.pids('reap').length >= 4, server.output);
  assertUnique(server, 2);
});

test('a reload gives each new worker that of an old one', async (t) => {
  const server = startServer(t, 'numbers.js', { options: options() });
  const before = await settled(server, 3);
  signal(server.pid, 'SIGHUP');
  await server.waitForLine(/^reload done$/);
  const after = await settled(server, 3);
  for (const [id, pid] of after) assert.notEqual(pid, before.get(id));
  // a successor stands in for the very worker whose number it has
  for (const [id, pid] of after) {
    const healthy = server.lines.indexOf(`healthy ${pid}`);
    const told = server.lines.findIndex((line) => line.includes(`Trying to stop worker ${before.get(id)} `));
    assert.ok(healthy < told, server.output);
  }
  assertUnique(server, 3, 2);
});

test('a smaller pool keeps the lowest, a bigger one goes on', async (t) => {
  const server = startServer(t, 'numbers.js', { options: options() });
  const before = await settled(server, 3);
  signal(server.pid, 'SIGTTOU');
  const fewer = await settled(server, 2);
  assert.deepEqual([...fewer].sort(), [...before].sort().slice(0, 2));
  signal(server.pid, 'SIGTTIN');
  const more = await settled(server, 3);
  assert.deepEqual([more.get(0), more.get(1)], [before.get(0), before.get(1)]);
  assertUnique(server, 3);
});

test('an upgrade begins anew, with the same numbers', async (t) => {
  const server = startServer(t, 'numbers.js', { options: options({ workers: 2 }) });
  const before = await settled(server, 2);
  await upgrade(server);
  const after = await settled(server, 2);
  for (const [id, pid] of after) assert.notEqual(pid, before.get(id));
});

test('a process that serves alone has 0', async (t) => {
  const server = startServer(t, 'numbers.js', { options: { single: true }, env: { PREFORK_WORKER_ID: '7' } });
  const { workerId, variable } = JSON.parse((await server.get()).body);
  assert.deepEqual([workerId, variable], [0, '0']);
  await server.waitForLine(/^here it is 0 and 0$/);
});

test('a server that a worker starts has managers without one, and workers with their own', async (t) => {
  const server = startServer(t, 'numbers.js', { options: options({ workers: 1 }), env: { PREFORK_WORKER_ID: '7' } });
  await settled(server, 1);
  await server.waitForLine(/^here it is undefined and undefined$/);
});
