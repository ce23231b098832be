// One client's async context is never seen by another client's request: what the pool does while user code runs belongs to no
// request.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import test from 'node:test';
import { cleanAfter } from './helpers/cleanup.js';
import { get } from './helpers/client.js';
import { startServer } from './helpers/server.js';

const STRANGERS = 300;
const ROUND = 20;

for (const way of ['enterWith', 'run', 'hooks', 'opentelemetry storage', 'opentelemetry hooks']) {
  for (const [title, how] of Object.entries({
    'a pool of two': { workers: 2 },
    'one worker': { workers: 1 },
    plain: 'plain',
  })) {
    test(`${title}, ${way}: nobody finds the store of a client that uploads`, async (t) => {
      const options = typeof how === 'string' ? how : JSON.stringify({ ...how, keepAliveTimeout: 60_000 });
      const server = startServer(t, 'stores.js', { args: [options, way] });
      await server.healthy(how.workers ?? 1);
      const target = await server.address();
      const stop = await upload(t, target, 'alice');
      const found = [];
      for (let i = 0; i < STRANGERS; i += ROUND) {
        const round = Array.from({ length: ROUND }, (_, j) => get(target, `/?user=stranger${i + j}`));
        for (const { body } of await Promise.all(round)) found.push(body);
      }
      stop();
      assert.deepEqual(
        found.filter((user) => user !== ''),
        [],
      );
    });
  }
}

/** A client that sends a little of its body each millisecond, until it is stopped. */
async function upload(t, target, user) {
  const request = http.request({ ...target, method: 'POST', path: `/?user=${user}`, agent: false });
  request.on('error', () => {});
  cleanAfter(t, () => request.destroy());
  request.flushHeaders();
  await once(request, 'socket');
  const timer = setInterval(() => request.write('some more'), 1);
  cleanAfter(t, () => clearInterval(timer));
  return () => clearInterval(timer);
}
