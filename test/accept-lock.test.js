// The accept lock: who holds it, who polls, and how soon another one takes over.

import assert from 'node:assert/strict';
import test from 'node:test';
import { best } from './helpers/attempts.js';
import { fetchOnce } from './helpers/connection.js';
import { assertNothingLost, flood } from './helpers/flood.js';
import { descriptorsOf, listeningInode, lockHolder, lockHolders } from './helpers/kernel.js';
import { isStopped } from './helpers/processes.js';
import { serve, workerOf } from './helpers/serve.js';
import { eventually } from './helpers/wait.js';

async function timed(action) {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

test('the accept lock never has more than one holder, and all workers hold it in their turn', async (t) => {
  const { server, target } = await serve(t, 'collect.js', { workers: 4 });
  const samples = [];
  const sampler = setInterval(() => samples.push(lockHolders(server)));
  const until = () => samples.length >= 500;
  const tallies = await Promise.all([
    flood(target, { requests: 100, clients: 4, until }),
    flood(target, { requests: 100, clients: 4, until, keepAlive: false }),
  ]);
  clearInterval(sampler);
  for (const tally of tallies) assertNothingLost(tally);
  assert.equal(Math.max(...samples.map((holders) => holders.length)), 1);
  assert.equal(new Set(samples.flat()).size, 4);
});

test('an idle holder keeps the lock, and no other worker polls the listening socket', async (t) => {
  const { server, pids, target, connect } = await serve(t, 'collect.js', { workers: 3, heartbeatInterval: 100 });
  // they pass the lock around and bring no worker into user code; once the last one is answered, all are in
  for (let i = 0; i < 10; i++) await connect();
  await fetchOnce(target);
  const holder = await lockHolder(server);
  const inode = listeningInode(target.port);
  for (let i = 0; i < 10; i++) {
    await server.waitForLine(/^heartbeat/, { after: server.lines.length });
    assert.deepEqual(lockHolders(server), [holder]);
    const polling = pids.filter((pid) => descriptorsOf(pid, inode) > 1);
    assert.deepEqual(polling, [holder]);
  }
});

test('when the holder is killed, the next connection is accepted within 500 ms', async (t) => {
  const { server, target } = await serve(t, 'collect.js', { workers: 3 });
  for (let round = 0; round < 3; round++) {
    const time = await best(500, async () => {
      process.kill(await lockHolder(server), 'SIGKILL');
      const time = await timed(() => fetchOnce(target));
      await server.healthy(3);
      return time;
    });
    assert.ok(time < 500, `it took ${time} ms`);
  }
});

test('when the holder hangs, connections wait no longer than `lockTimeout`, and the log says so once', async (t) => {
  const lockTimeout = 500;
  const { server, target } = await serve(t, 'collect.js', { workers: 3, lockTimeout });
  const holder = await lockHolder(server);
  process.kill(holder, 'SIGSTOP');
  await eventually(() => isStopped(holder));
  for (let i = 0; i < 5; i++) {
    const time = await timed(async () => assert.notEqual(workerOf(await fetchOnce(target)), holder));
    assert.ok(time < lockTimeout + 1000, `connection ${i} took ${time} ms`);
  }
  assert.equal(server.count(/is stuck with the accept lock/), 1);
  assert.equal(server.count(new RegExp(`Worker ${holder} is stuck with the accept lock`)), 1);
  process.kill(holder, 'SIGCONT');
  const everybody = new Set();
  await eventually(async () => everybody.add(workerOf(await fetchOnce(target))).size === 3);
  assert.deepEqual(server.pids('reap'), []);
});
