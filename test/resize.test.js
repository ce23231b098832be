// TTIN and TTOU: one worker more, one less.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { get } from './helpers/client.js';
import { signal, startServer } from './helpers/server.js';
import { eventually } from './helpers/wait.js';

test('TTIN adds a worker, TTOU takes one away', async (t) => {
  const server = startServer(t, 'echo.js', { options: { workers: 1 } });
  await server.healthy(1);
  await resize(server, 'SIGTTIN', 2);
  const two = await server.healthy(2);
  await resize(server, 'SIGTTOU', 1);
  const [left] = await server.healthy(1);
  assert.ok(two.includes(left));
  assert.equal((await server.get()).body, `${left}`);
  assert.equal(server.pids('spawn').length, 2);
});

test('a pool goes from one worker to none and back, and answers the clients that came meanwhile', async (t) => {
  const server = startServer(t, 'echo.js', { options: { workers: 1 } });
  const [first] = await server.healthy(1);
  await resize(server, 'SIGTTOU', 0);
  await server.waitForLine(new RegExp(`^reap ${first}$`));
  await server.waitForLine(new RegExp(`Worker ${first} stopped$`));
  const answer = get(await server.port());
  await resize(server, 'SIGTTIN', 1);
  const [second] = await server.healthy(1);
  assert.notEqual(second, first);
  assert.equal((await answer).body, `${second}`);
});

test('a TTOU too many is forgotten', async (t) => {
  const server = startServer(t, 'echo.js', { options: { workers: 1 } });
  const [first] = await server.healthy(1);
  await resize(server, 'SIGTTOU', 0);
  await resize(server, 'SIGTTOU', 0);
  await resize(server, 'SIGTTOU', 0);
  await server.waitForLine(new RegExp(`^reap ${first}$`));
  await resize(server, 'SIGTTIN', 1);
  await server.healthy(1);
  assert.equal(server.pids('spawn').length, 2);
});

test('every TTOU stops a worker of its own, also while the one before drains', async (t) => {
  const server = startServer(t, 'echo.js', { options: { workers: 3 } });
  const pids = await server.healthy(3);
  const answers = [];
  while (new Set(server.pids('waits in')).size < 3) {
    answers.push(get(await server.port(), '/wait'));
    await eventually(() => server.count(/^waits in/) === answers.length);
  }
  await resize(server, 'SIGTTOU', 2);
  await resize(server, 'SIGTTOU', 1);
  const stopping = () => server.lines.map((line) => /Trying to stop worker (\d+)/.exec(line)?.[1]).filter(Boolean);
  await eventually(() => stopping().length === 2);
  writeFileSync(join(server.dir, 'go'), '');
  await Promise.all(answers);
  const [left] = await server.healthy(1);
  assert.deepEqual([...stopping().map(Number), left].toSorted(), pids.toSorted());
  assert.equal((await server.get()).body, `${left}`);
  assert.equal(server.pids('spawn').length, 3, 'nobody is replaced');
});

test('TTOU before the first worker is healthy leaves a server that TTIN brings to life', async (t) => {
  const server = startServer(t, 'gated.js', { options: { workers: 1, listen: 'http://127.0.0.1:0' } });
  await server.waitForLine(/^loading in /);
  await resize(server, 'SIGTTOU', 0);
  await server.waitForLine(/^reap /);
  writeFileSync(join(server.dir, 'go'), '');
  await resize(server, 'SIGTTIN', 1);
  const [pid] = await server.healthy(1);
  assert.equal((await server.get()).body, `${pid}`);
});

test('a script resizes its pool by setting `workers`', async (t) => {
  const server = startServer(t, 'resizes-itself.js');
  await server.healthy(3);
  await server.waitForLine(/^workers 3$/);
  signal(server.pid, 'SIGTTOU');
  await server.healthy(2);
  signal(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.ended, { code: 0, signal: null });
});

/** Sends the signal and waits until the manager has understood: two that are sent at once may arrive as one. */
async function resize(server, name, workers) {
  const after = server.lines.length;
  signal(server.pid, name);
  await server.waitForLine(new RegExp(`Resizing the pool to ${workers} `), { after });
}
