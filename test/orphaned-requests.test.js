// The manager is killed with -9: what its workers have open ends well, then they leave.

import assert from 'node:assert/strict';
import test from 'node:test';
import { assertNothingLost, flood } from './helpers/flood.js';
import { beginUpload, serve, workerOf } from './helpers/serve.js';
import { startServer } from './helpers/server.js';
import { eventually } from './helpers/wait.js';

test('when the manager is killed, requests in flight are answered and the workers leave', async (t) => {
  const { server, pids, target, connect } = await serve(t, 'pipe.js', { workers: 2, keepAliveTimeout: 1000 });
  const [idle, uploading] = [await connect(), await connect()];
  const workers = new Set([workerOf(await idle.request()), workerOf(await uploading.request())]);
  assert.deepEqual(workers, new Set(pids));
  await beginUpload(uploading);
  process.kill(server.pid, 'SIGKILL');
  for (const pid of pids) await server.waitForLine(new RegExp(`worker ${pid} drains: manager has gone`));

  const last = await idle.request();
  assert.equal(last.headers.connection, 'close');
  uploading.send('after');
  assert.equal((await uploading.response()).body.toString(), 'firstafter');
  await eventually(
    () => server.processes().length === 0,
    () => `processes ${server.processes()} are left`,
  );

  // the port and the files of the dead one are in nobody's way
  const options = { listen: `http://127.0.0.1:${target.port}` };
  const next = startServer(t, 'collect.js', { options, dir: server.dir });
  await next.waitForLine(/^listening/);
  assertNothingLost(await flood(target, { requests: 50 }));
});

test('idle workers leave as soon as their manager is killed, whatever they keep open', async (t) => {
  const { server, connect } = await serve(t, 'pipe.js', { workers: 2, keepAliveTimeout: 500 });
  const idle = await connect();
  await idle.request();
  process.kill(server.pid, 'SIGKILL');
  assert.equal(await idle.ended, 'end');
  assert.deepEqual(await server.ended, { code: null, signal: 'SIGKILL' });
  assert.deepEqual(server.processes(), []);
});
