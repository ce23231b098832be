// A worker is killed with -9: nobody pays but its own clients, and those once.

import assert from 'node:assert/strict';
import test from 'node:test';
import { flood } from './helpers/flood.js';
import { serve, workerOf } from './helpers/serve.js';

test('when a worker is killed under load, only its own requests in flight fail', async (t) => {
  const { server, pids, target } = await serve(t, 'collect.js', { workers: 3 });
  const [victim] = pids;
  let isReplaced = false;
  let killed = false;
  const load = flood(target, {
    clients: 12,
    until: (tally) => {
      // every client has its worker by now
      if (!killed && tally.answered > 100) killed = process.kill(victim, 'SIGKILL');
      return isReplaced;
    },
  });
  await server.waitForLine(new RegExp(`^reap ${victim}$`));
  await server.healthy(3);
  isReplaced = true;
  const { sent, answered, lost, workers } = await load;
  assert.ok(workers.get(victim) > 0);
  assert.deepEqual(
    lost.filter(({ worker }) => worker !== victim).map(({ message }) => message),
    [],
  );
  // nobody twice
  assert.equal(new Set(lost.map(({ client }) => client)).size, lost.length);
  assert.equal(answered + lost.length, sent);
  assert.deepEqual(server.pids('reap'), [victim]);
});

test('connections that wait in the queue outlive a killed worker', async (t) => {
  const { server, pids, connect } = await serve(t, 'collect.js', { maxClients: 1 });
  await (await connect()).request();
  const waiting = [await connect(), await connect(), await connect()];
  const answers = waiting.map(async (connection) => {
    const answer = await connection.request({ body: 'patience' });
    connection.close();
    return workerOf(answer);
  });
  process.kill(pids[0], 'SIGKILL');
  await server.waitForLine(/^reap/);
  const [replacement] = await server.healthy(1);
  assert.deepEqual(await Promise.all(answers), [replacement, replacement, replacement]);
});
