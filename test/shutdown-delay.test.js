// `shutdownDelay`: a server that was told to stop goes on accepting for a while, for balancers that learn of it late.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get } from './helpers/client.js';
import { NEVER } from './helpers/serve.js';
import { signal, startServer } from './helpers/server.js';

const DELAY = 1_500;

/** Sends the signal, and returns when the server has said that it heard of it. */
async function announce(server, name) {
  signal(server.pid, name);
  await server.waitForLine(/Stopping in [\d.]+ s$/);
}

for (const [name, options] of Object.entries({ SIGQUIT: {}, SIGTERM: { gracefulTerm: true } })) {
  test(`after ${name} connections are accepted until the delay is over, and then the server drains`, async (t) => {
    const server = startServer(t, 'echo.js', { options: { workers: 2, shutdownDelay: DELAY, ...options } });
    const pids = await server.healthy(2);
    const address = await server.address();
    const start = performance.now();
    await announce(server, name);
    let answers = 0;
    while (server.count(/Trying to stop/) === 0) {
      const { status, body, headers } = await get(address).catch((error) => error);
      if (server.count(/Trying to stop/) > 0) break;
      assert.deepEqual([status, pids.includes(Number(body))], [200, true]);
      assert.notEqual(headers.connection, 'upgrade');
      answers += 1;
    }
    assert.ok(performance.now() - start >= DELAY - 1);
    assert.ok(answers > 0);
    assert.deepEqual(await server.ended, { code: 0, signal: null });
    assert.equal(server.count(/^finish true$/), 1, server.output);
    assert.equal(server.count(/^finish/), 1, server.output);
    assert.equal(server.count(/immediately/), 0, server.output);
  });
}

for (const [first, options] of Object.entries({ SIGQUIT: {}, SIGTERM: { gracefulTerm: true } })) {
  for (const second of ['SIGTERM', 'SIGINT']) {
    test(`${second} in the delay that ${first} began stops at once`, async (t) => {
      const server = startServer(t, 'echo.js', { options: { workers: 2, shutdownDelay: NEVER, ...options } });
      await server.healthy(2);
      await announce(server, first);
      signal(server.pid, second);
      assert.deepEqual(await server.ended, { code: 0, signal: null });
      assert.equal(server.count(/^finish/), 1, server.output);
      assert.deepEqual(server.processes(), []);
    });
  }
}

test('a second QUIT neither hurries the server nor begins the delay anew', async (t) => {
  const server = startServer(t, 'echo.js', { options: { workers: 1, shutdownDelay: DELAY } });
  await server.healthy(1);
  await announce(server, 'SIGQUIT');
  signal(server.pid, 'SIGQUIT');
  assert.equal((await server.get()).status, 200);
  assert.deepEqual(await server.ended, { code: 0, signal: null });
  assert.equal(server.count(/Stopping in/), 1, server.output);
});

test('a worker that dies in the delay is replaced', async (t) => {
  const server = startServer(t, 'echo.js', { options: { workers: 1, shutdownDelay: NEVER } });
  const [pid] = await server.healthy(1);
  await announce(server, 'SIGQUIT');
  signal(pid, 'SIGKILL');
  await server.waitForLine(new RegExp(`^reap ${pid}$`));
  const [next] = await server.healthy(1);
  assert.equal((await server.get()).body, `${next}`);
});

test('without it QUIT stops accepting at once', async (t) => {
  const server = startServer(t, 'echo.js', { options: { workers: 1 } });
  await server.healthy(1);
  signal(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.ended, { code: 0, signal: null });
  assert.equal(server.count(/Stopping in/), 0, server.output);
});
