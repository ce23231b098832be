// A worker that has no descriptor left for another connection.

import assert from 'node:assert/strict';
import test from 'node:test';
import { serve } from './helpers/serve.js';

const WAYS = {
  'with the accept lock': {},
  'without the accept lock': { acceptLock: false },
  'with `reuse`': { listen: 'http://127.0.0.1:0?reuse=1' },
};

for (const [how, options] of Object.entries(WAYS)) {
  test(`${how}, a worker without descriptors leaves connections in the queue for later`, async (t) => {
    const { server, pids, connect } = await serve(t, 'few-descriptors.js', options);
    const connections = [];
    // one by one, and then a burst
    for (let i = 0; i < 20; i++) connections.push(await connect());
    connections.push(...(await Promise.all(Array.from({ length: 20 }, connect))));
    await server.waitForLine(/Can't accept: .*EMFILE/);
    const answers = connections.map(async (connection) => {
      const { body } = await connection.request({ body: 'room for me?' });
      connection.close();
      return Number(body);
    });
    assert.deepEqual(
      await Promise.all(answers),
      connections.map(() => pids[0]),
    );
  });
}
