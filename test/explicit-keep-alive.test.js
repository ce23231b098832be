// An application that says `Connection: keep-alive` itself, as proxies pass it on: the drain and `maxRequests` end its
// connections as any other.

import assert from 'node:assert/strict';
import test from 'node:test';
import { quit, serve } from './helpers/serve.js';

const WAYS = [
  '/setHeader',
  '/setHeaders',
  '/appendHeader',
  '/object',
  '/reason',
  '/list',
  '/pairs',
  '/flush',
  '/proxy',
  '/raw',
];

/** So long that what ends before did not end by it. */
const LONG = { keepAliveTimeout: 60_000 };

for (const signal of ['SIGQUIT', 'SIGHUP']) {
  test(`${signal}: a client that never pauses gets \`close\`, whatever the application says`, async (t) => {
    const { server, pids, connect } = await serve(t, 'headers.js', LONG);
    let isLeaving = false;
    const connections = [];
    for (const path of WAYS) connections.push({ path, kept: await connect() });
    // connections are accepted in their order: all are in once the last one has its answer
    await connections.at(-1).kept.request({ path: '/object' });
    const clients = connections.map(async ({ path, kept }) => {
      for (let after = 0; ; ) {
        const { headers, body } = await kept.request({ path });
        assert.equal(body.toString(), 'ok', path);
        if (headers.connection === 'close') {
          assert.equal(headers['keep-alive'], undefined, path);
          assert.equal(await kept.ended, 'end', path);
          return;
        }
        assert.equal(headers.connection, 'keep-alive', path);
        if (isLeaving) after += 1;
        assert.ok(after <= 1, `${path}: kept after the worker has begun to leave`);
      }
    });
    if (signal === 'SIGQUIT') await quit(server, server.pid, pids[0]);
    else {
      process.kill(server.pid, signal);
      await server.waitForLine(/worker \d+ drains/);
    }
    isLeaving = true;
    await Promise.all(clients);
    await server.waitForLine(new RegExp(`^reap ${pids[0]}`));
    assert.equal(server.count(/^drained/), 1);
    assert.equal(server.count(/immediately/), 0);
  });
}

test('the last answer that `maxRequests` allows says `close`, whatever the application says', async (t) => {
  const { connect } = await serve(t, 'headers.js', { maxRequests: 2, ...LONG });
  for (const path of WAYS) {
    const kept = await connect();
    const says = [];
    for (let i = 0; i < 2; i++) says.push((await kept.request({ path })).headers.connection);
    assert.deepEqual(says, ['keep-alive', 'close'], path);
    assert.equal(await kept.ended, 'end', path);
  }
});

test('a connection ends after its last answer although the head says otherwise', async (t) => {
  const { server, pids, connect } = await serve(t, 'headers.js', LONG);
  const kept = await connect();
  await kept.request({ path: '/behind' });
  await quit(server, server.pid, pids[0]);
  assert.equal((await kept.request({ path: '/behind' })).headers.connection, 'keep-alive');
  assert.equal(await kept.ended, 'end');
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});
