// `close` of a Prefork: as `stop()`, and its callback as Node's own server calls it, in the manager and in a worker.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get } from './helpers/client.js';
import { signal, startServer } from './helpers/server.js';

const start = (t, how, options = {}) =>
  startServer(t, 'close-prefork.js', { args: [how, JSON.stringify({ workers: 2, ...options })] });

for (const options of [{}, { single: true }]) {
  test(`close() before listen() has nothing to close, and says so ${JSON.stringify(options)}`, async (t) => {
    const server = start(t, 'before', options);
    await server.waitForLine(/^closed ERR_SERVER_NOT_RUNNING$/);
  });

  test(`close() stops the server, and what its callback promises is awaited ${JSON.stringify(options)}`, async (t) => {
    const server = start(t, 'listening', options);
    assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
    const told = server.lines.filter((line) => /^(finish|closed|after)/.test(line));
    assert.deepEqual(told, ['finish true', 'closed undefined', 'closed ERR_SERVER_NOT_RUNNING', 'after a while']);
  });

  test(`\`await using\` stops the server ${JSON.stringify(options)}`, async (t) => {
    const server = start(t, 'dispose', options);
    assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
    assert.equal(server.count(/^disposed$/), 1, server.output);
  });
}

test('close() in a worker answers what is in flight, calls back, and ends this worker alone', async (t) => {
  const server = start(t, 'worker');
  const before = await server.healthy(2);
  const { body } = await get(await server.address(), '/close');
  await server.waitForLine(/^closed undefined$/);
  await server.waitForLine(/^after a while$/);
  await server.waitForLine(new RegExp(`Worker ${body} stopped$`));
  const after = await server.healthy(2);
  assert.equal(after.filter((pid) => before.includes(pid)).length, 1);
  signal(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.ended, { code: 0, signal: null });
});
