// How evenly connections come to lie on the workers.

import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
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

test('100 connections that come at once and are kept spread evenly over the workers', async (t) => {
  const { connect } = await serve(t, 'collect.js', { workers: WORKERS });
  const connections = await Promise.all(Array.from({ length: 100 }, connect));
  const answers = await Promise.all(connections.map((connection) => connection.request()));
  const difference = unevenness(answers.map(workerOf));
  t.diagnostic(`most - least: ${difference}`);
  assert.ok(difference <= 3, `most - least: ${difference}`);
});

for (const gap of [2, 20]) {
  test(`100 kept connections, one every ${gap} ms with a request, spread evenly over the workers`, async (t) => {
    const { connect } = await serve(t, 'collect.js', { workers: WORKERS });
    const answers = [];
    for (let i = 0; i < 100; i++) {
      answers.push(connect().then((connection) => connection.request()));
      await sleep(gap);
    }
    const difference = unevenness((await Promise.all(answers)).map(workerOf));
    t.diagnostic(`most - least: ${difference}`);
    assert.ok(difference <= 3, `most - least: ${difference}`);
  });
}

test('200 connections, each after the end of the one before, spread evenly over the workers', async (t) => {
  const { target } = await serve(t, 'collect.js', { workers: WORKERS });
  const workers = [];
  for (let i = 0; i < 200; i++) workers.push(workerOf(await fetchOnce(target)));
  const difference = unevenness(workers);
  t.diagnostic(`most - least: ${difference}`);
  assert.ok(difference <= 8, `most - least: ${difference}`);
});
