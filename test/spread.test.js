// How evenly connections come to lie on the workers.

import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { best } from './helpers/attempts.js';
import { fetchOnce } from './helpers/connection.js';
import { serve, workerOf } from './helpers/serve.js';

const WORKERS = 4;

/** Most less least of how often each worker occurs. */
function unevenness(workers) {
  const counts = new Map();
  for (const worker of workers) counts.set(worker, (counts.get(worker) ?? 0) + 1);
  const all = [...counts.values(), ...Array.from({ length: WORKERS - counts.size }, () => 0)];
  return Math.max(...all) - Math.min(...all);
}

async function assertSpread(t, enough, workersOf) {
  const difference = await best(enough, async () => {
    const { connect, target } = await serve(t, 'collect.js', { workers: WORKERS });
    return unevenness(await workersOf(connect, target));
  });
  t.diagnostic(`most - least: ${difference}`);
  assert.ok(difference <= enough, `most - least: ${difference}`);
}

test('100 connections that come at once and are kept spread evenly over the workers', async (t) => {
  await assertSpread(t, 1, async (connect) => {
    const connections = await Promise.all(Array.from({ length: 100 }, connect));
    const answers = await Promise.all(connections.map((connection) => connection.request()));
    return answers.map(workerOf);
  });
});

for (const gap of [2, 20]) {
  test(`100 kept connections, one every ${gap} ms with a request, spread evenly over the workers`, async (t) => {
    await assertSpread(t, 1, async (connect) => {
      const answers = [];
      for (let i = 0; i < 100; i++) {
        answers.push(connect().then((connection) => connection.request()));
        await sleep(gap);
      }
      return (await Promise.all(answers)).map(workerOf);
    });
  });
}

test('200 connections, each after the end of the one before, spread evenly over the workers', async (t) => {
  await assertSpread(t, 4, async (_connect, target) => {
    const workers = [];
    for (let i = 0; i < 200; i++) workers.push(workerOf(await fetchOnce(target)));
    return workers;
  });
});
