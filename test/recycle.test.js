// The option `accepts`: a worker leaves after so many connections, and another one takes its place.

import assert from 'node:assert/strict';
import test from 'node:test';
import { fetchOnce } from './helpers/connection.js';
import { assertNothingLost, flood } from './helpers/flood.js';
import { beginUpload, quit, serve, workerOf } from './helpers/serve.js';

const BUDGET = 10;

test('a worker accepts from half its budget to all of it in its life, never more, in bursts too', async (t) => {
  const { server, target } = await serve(t, 'collect.js', { workers: 2, accepts: BUDGET });
  const accepted = new Map();
  const count = async () => {
    const worker = workerOf(await fetchOnce(target));
    accepted.set(worker, (accepted.get(worker) ?? 0) + 1);
  };
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 20; i++) await count();
    await Promise.all(Array.from({ length: 20 }, count));
  }
  const lives = server.pids('reap').map((pid) => accepted.get(pid));
  assert.ok(lives.length >= 10, `${lives.length} workers were recycled`);
  assert.ok(Math.min(...lives) >= BUDGET / 2, `lives of ${lives}`);
  assert.ok(Math.max(...accepted.values()) <= BUDGET, `lives of ${[...accepted.values()]}`);
  // a sixth of them each, were the dice fair: not all the same
  assert.ok(new Set(lives).size > 1, `lives of ${lives}`);
});

test('clients lose nothing over 50 recycles, be their connections kept or not', async (t) => {
  const { server, target } = await serve(t, 'collect.js', { workers: 2, accepts: 20 });
  const until = () => server.pids('reap').length >= 50;
  const tallies = await Promise.all([
    flood(target, { clients: 4, until, pause: 1 }),
    flood(target, { clients: 4, until, pause: 1, keepAlive: false }),
  ]);
  for (const tally of tallies) assertNothingLost(tally);
  assert.equal(server.count(/immediately|early/), 0);
});

test('with spare workers the replacement of a draining one is there before the old one has left', async (t) => {
  const { server, pids, connect } = await serve(t, 'pipe.js', { spare: 1 });
  const kept = await connect();
  await beginUpload(kept);
  await quit(server, pids[0]);
  const [, replacement] = await server.healthy(2);
  assert.equal(workerOf(await (await connect()).request()), replacement);
  kept.send('after');
  assert.equal(workerOf(await kept.response()), pids[0]);
});

test('no more workers than `spare` are there at once beyond the pool, however many drain', async (t) => {
  const { server, pids, connect } = await serve(t, 'pipe.js', { workers: 3, spare: 1, heartbeatInterval: 100 });
  const kept = new Map();
  while (kept.size < 3) {
    const connection = await connect();
    kept.set(workerOf(await connection.request()), connection);
  }
  for (const [worker, connection] of kept) {
    await beginUpload(connection);
    await quit(server, worker);
  }
  await server.healthy(4);
  await severalBeats(server, pids[0]);
  assert.equal(server.workers().length, 4);
  for (const connection of kept.values()) {
    connection.send('after');
    assert.equal((await connection.response()).body.toString(), 'firstafter');
    connection.close();
  }
  await server.waitForLine(new RegExp(`^reap ${pids[2]}$`));
  await server.healthy(3);
});

test('without spare workers the replacement starts when the old one has left', async (t) => {
  const { server, pids, connect } = await serve(t, 'pipe.js', { spare: 0, heartbeatInterval: 100 });
  const kept = await connect();
  await beginUpload(kept);
  await quit(server, pids[0]);
  await severalBeats(server, pids[0]);
  assert.deepEqual(server.pids('spawn'), pids);
  assert.deepEqual(server.workers(), pids);
  kept.send('after');
  await kept.response();
  kept.close();
  await server.waitForLine(/^reap/);
  const [replacement] = await server.healthy(1);
  assert.equal(workerOf(await (await connect()).request()), replacement);
});

/** Time for the manager to do something wrong. */
async function severalBeats(server, worker) {
  for (let i = 0; i < 5; i++) {
    await server.waitForLine(new RegExp(`^heartbeat ${worker}$`), { after: server.lines.length });
  }
}
