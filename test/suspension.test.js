// A suspension of all processes, as Ctrl-Z, `docker pause` and `kill -STOP` make it, ends nobody, however long it takes.

import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { beginUpload, serve } from './helpers/serve.js';
import { signal } from './helpers/server.js';

/** After this without a heartbeat nobody waits for a worker. Milliseconds. */
const PATIENCE = { heartbeatInterval: 200, heartbeatTimeout: 2000, gracefulTimeout: 1000 };
/** Longer than that and the second signal of the kernel's timer. Milliseconds. */
const SUSPENDED = 200 + 2000 + 1000 + 2 * 800;

test('after a suspension that was longer than the patience the same workers serve on', async (t) => {
  const { server, pids, connect } = await serve(t, 'pipe.js', { workers: 2, ...PATIENCE });
  const connection = await connect();
  await beginUpload(connection);
  const processes = [server.pid, ...pids];
  for (const pid of processes) signal(pid, 'SIGSTOP');
  await sleep(SUSPENDED);
  for (const pid of processes) signal(pid, 'SIGCONT');
  connection.finish('after');
  const { body } = await connection.response();
  assert.equal(body.toString(), 'firstafter');
  // whoever was to be ended would be by now
  const beats = server.count(/^heartbeat/);
  while (server.count(/^heartbeat/) < beats + 20) {
    await server.waitForLine(/^heartbeat/, { after: server.lines.length });
  }
  assert.deepEqual(await server.healthy(2), pids);
  assert.deepEqual(server.pids('reap'), []);
});
