// `maxMemory` and `maxAge`: a worker that has outgrown them is replaced, the replacement first, and nothing is lost.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNothingLost, flood } from './helpers/flood.js';
import { serve } from './helpers/serve.js';
import { startServer } from './helpers/server.js';

test('clients lose nothing over 10 workers that leak more than `maxMemory`', async (t) => {
  const options = { workers: 2, maxMemory: '140MB', heartbeatInterval: 100 };
  const { server, target } = await serve(t, 'leaking.js', options);
  const until = () => server.pids('reap').length >= 10;
  const tallies = await Promise.all([
    flood(target, { clients: 4, until, pause: 2 }),
    flood(target, { clients: 4, until, pause: 2, keepAlive: false }),
  ]);
  for (const tally of tallies) assertNothingLost(tally);
  assert.equal(server.count(/immediately|nobody told it to/), 0, server.output);
  assert.ok(server.count(/Worker \d+ takes \d+ MB \(maxMemory is 140 MB\), replacing it/) >= 10);
  // the replacement serves before the worker is told to leave
  const events = server.lines.filter((line) => /^healthy|Trying to stop/.test(line));
  for (const pid of server.pids('reap')) {
    const told = server.lines.findIndex((line) => line.includes(`Trying to stop worker ${pid}`));
    const served = server.lines.slice(0, told).filter((line) => line.startsWith('healthy')).length;
    const gone = server.lines.slice(0, told).filter((line) => line.includes('Trying to stop')).length;
    assert.ok(served - gone >= 2, events.join('\n'));
  }
});

test('a worker is replaced when it has served for `maxAge`, the replacement first', async (t) => {
  const { server, pids } = await serve(t, 'collect.js', { workers: 1, maxAge: 1_000 });
  await server.waitForLine(new RegExp(`Worker ${pids[0]} has served for 1 s \\(maxAge\\), replacing it`));
  await server.healthy(2);
  await server.waitForLine(new RegExp(`^reap ${pids[0]}$`));
  const order = server.lines.filter((line) => /^healthy|Trying to stop/.test(line));
  assert.match(order[1], /^healthy/);
});

test('`maxMemory` below what a fresh worker takes is one warning, and no worker is replaced', async (t) => {
  const options = { workers: 2, maxMemory: '10MB', heartbeatInterval: 50, listen: 'http://127.0.0.1:0' };
  const server = startServer(t, 'leaking.js', { options });
  await server.healthy(2);
  const beats = () => server.count(/^heartbeat/);
  await server.waitForLine(/\[warn\] A fresh worker takes \d+ MB, more than maxMemory \(10 MB\)/);
  const before = beats();
  while (beats() < before + 20) await server.get();
  assert.equal(server.count(/A fresh worker takes/), 1);
  assert.equal(server.pids('spawn').length, 2);
});
