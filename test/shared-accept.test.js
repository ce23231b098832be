// `acceptLock: false`: every worker polls, and all the rest is as with the lock.

import assert from 'node:assert/strict';
import test from 'node:test';
import { fetchOnce } from './helpers/connection.js';
import { assertNothingLost, flood } from './helpers/flood.js';
import { descriptorsOf, listeningInode, lockHolders } from './helpers/kernel.js';
import { beginUpload, quit, serve, workerOf } from './helpers/serve.js';

const OPTIONS = { workers: 2, acceptLock: false };

test('without the accept lock all workers poll the listening socket, and no worker locks', async (t) => {
  const { server, pids, target } = await serve(t, 'collect.js', OPTIONS);
  const inode = listeningInode(target.port);
  const holders = [];
  const sampler = setInterval(() => holders.push(...lockHolders(server)));
  assertNothingLost(await flood(target));
  clearInterval(sampler);
  assert.deepEqual(holders, []);
  for (const pid of pids) assert.equal(descriptorsOf(pid, inode), 2);
});

test('without the accept lock a drain loses nothing and accepts nothing', async (t) => {
  const { server, connect } = await serve(t, 'pipe.js', OPTIONS);
  const kept = await connect();
  const worker = workerOf(await kept.request());
  await beginUpload(kept);
  await quit(server, worker);
  for (let i = 0; i < 40; i++) assert.notEqual(workerOf(await (await connect()).request()), worker);
  kept.send('after');
  assert.equal((await kept.response()).body.toString(), 'firstafter');
  assert.equal((await kept.request()).headers.connection, 'close');
  await server.waitForLine(new RegExp(`^reap ${worker}$`));
});

test('without the accept lock a worker still accepts exactly its budget, and recycles lose nothing', async (t) => {
  const { server, target } = await serve(t, 'collect.js', { ...OPTIONS, accepts: 10 });
  const until = () => server.pids('reap').length >= 10;
  const tally = await flood(target, { requests: 0, keepAlive: false, until });
  assertNothingLost(tally);
  assert.ok(Math.max(...tally.workers.values()) <= 10, `lives of ${[...tally.workers.values()]}`);
});

test('without the accept lock a worker never has more than `maxClients` connections open', async (t) => {
  const { target } = await serve(t, 'crowd.js', { ...OPTIONS, maxClients: 3 });
  const answers = await Promise.all(Array.from({ length: 40 }, () => fetchOnce(target)));
  assert.equal(Math.max(...answers.map(({ headers }) => Number(headers['x-most']))), 3);
});
