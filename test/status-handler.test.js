// The status of the whole pool, from whichever worker answers, over all that happens to a pool; and whether it takes traffic.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { get } from './helpers/client.js';
import { runCommand } from './helpers/command.js';
import { signal, startServer } from './helpers/server.js';
import { upgrade } from './helpers/upgrade.js';
import { eventually } from './helpers/wait.js';

const LISTEN = ['http://127.0.0.1:0'];

/** Clients that ask for `/` over connections of their own until they are told to stop. @returns how many were answered */
function load(address, clients = 6) {
  let isOver = false;
  let answered = 0;
  const client = async () => {
    while (!isOver) {
      await get(address);
      answered += 1;
    }
  };
  const all = Promise.all(Array.from({ length: clients }, client));
  return async () => {
    isOver = true;
    await all;
    return answered;
  };
}

/** The value of a sample of Prometheus text. */
function sample(text, name) {
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

test('every worker, the command and Prometheus text count what the clients count, whatever happens to the pool', async (t) => {
  const options = { workers: 4, accepts: 50, listen: LISTEN };
  const server = startServer(t, 'status-handler.js', { options });
  await server.healthy(4);
  const address = await server.address();
  let answered = 0;
  /** Something happens under load. */
  const during = async (event) => {
    const stop = load(address);
    await event();
    answered += await stop();
  };
  const reload = async () => {
    const before = server.count(/Reload finished/);
    signal(server.pid, 'SIGHUP');
    await eventually(() => server.count(/Reload finished/) > before, 'the reload does not finish');
  };
  await during(reload);
  await during(reload);
  // a killed worker takes what it has not counted with it: it has nothing to do in this moment
  const victim = await eventually(async () => {
    const { pool } = JSON.parse((await get(address, '/status.json')).body);
    answered += 1;
    return pool.find(({ state, requests }) => state === 'healthy' && requests === 0)?.pid;
  }, 'no worker is idle');
  signal(victim, 'SIGKILL');
  await server.waitForLine(new RegExp(`Worker ${victim} stopped`));
  let manager;
  await during(async () => {
    manager = await upgrade(server);
  });
  await server.waitForLine(new RegExp(`Manager ${server.pid} stopped`));

  const seen = new Set();
  let last;
  await eventually(
    async () => {
      last = (await get(address, '/status.json')).body;
      answered += 1;
      const { totals, durations, pool } = JSON.parse(last);
      // this answer has begun, and is not over; the one before it may be in a worker that has not ended its loop turn
      const counts = [totals.connections, totals.requests, totals.responses['2xx'], durations.count];
      const isAll = String(counts) === String([answered, answered, answered - 1, answered - 1]);
      if (isAll) for (const { pid, requests } of pool) if (requests === 1) seen.add(pid);
      return seen.size >= 4;
    },
    () => `not every worker has counted all of ${answered}: ${last}`,
    30_000,
  );
  await sleep(100);
  const { body } = await get(address, '/status.prom');
  answered += 1;
  assert.equal(sample(body, 'prefork_requests_total{code="2xx"}'), answered - 1);
  assert.equal(sample(body, 'prefork_connections_total'), answered);
  assert.equal(sample(body, 'prefork_request_duration_seconds_count'), answered - 1);
  assert.equal(sample(body, 'prefork_worker_exits_total{reason="crashed"}'), 1);
  assert.equal(sample(body, 'prefork_reloads_total{result="succeeded"}'), 2);
  assert.equal(sample(body, 'prefork_upgrades_total{result="succeeded"}'), 1);
  assert.equal(sample(body, 'prefork_requests_unanswered_total'), 0);
  const pidFile = `${server.dir}/prefork.pid`;
  const { stdout } = await runCommand(t, server.dir, ['status', '--json', '-P', pidFile]);
  const status = JSON.parse(stdout);
  assert.equal(status.pid, manager);
  assert.deepEqual([status.totals.responses['2xx'], status.totals.connections], [answered, answered]);
});

for (const [title, options] of [
  ['a worker', { workers: 1 }],
  ['the process that serves alone', { single: true }],
]) {
  test(`${title} is not ready from the moment a shutdown delay has begun`, async (t) => {
    const server = startServer(t, 'status-handler.js', {
      options: { ...options, shutdownDelay: 8_000, listen: LISTEN },
    });
    const address = await server.address();
    await server.waitForLine(/^listening/);
    assert.equal((await get(address, '/ready')).status, 200);
    signal(server.pid, 'SIGQUIT');
    // at once, not with the next pass a second later
    await server.waitForLine(/^finish/);
    assert.deepEqual(await get(address, '/ready').then(({ status, body }) => ({ status, body })), {
      status: 503,
      body: 'stopping\n',
    });
    assert.equal((await get(address)).status, 200, 'what comes is still answered');
    signal(server.pid, 'SIGINT');
    await server.ended;
  });
}

test('a pool that is reloaded is ready all the time', async (t) => {
  const server = startServer(t, 'status-handler.js', { options: { workers: 2, listen: LISTEN } });
  await server.healthy(2);
  const address = await server.address();
  let isOver = false;
  const asking = (async () => {
    while (!isOver) assert.equal((await get(address, '/ready')).status, 200);
  })();
  signal(server.pid, 'SIGHUP');
  await server.waitForLine(/Reload finished/);
  isOver = true;
  await asking;
});
