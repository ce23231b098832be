// `slowRequest`: a request that takes longer is logged, once, while it waits or when it is over.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { project } from './helpers/command.js';
import { startServer } from './helpers/server.js';

const SOURCE = `import { prefork } from '@prefork/core';
const listener = (request, response) => {
  const { pathname } = new URL(request.url, 'http://here');
  if (pathname === '/waits') return setTimeout(() => response.end('ok'), 1500);
  const end = Date.now() + (pathname === '/blocks' ? 700 : 0);
  while (Date.now() < end);
  response.end('ok');
};
prefork(listener, { workers: 1, slowRequest: '500ms' }).listen(0, '127.0.0.1');`;

test('a request that waits for longer is told of while it waits, and one that blocks when it is over, each once', async (t) => {
  const dir = project(t, { 'server.mjs': SOURCE });
  const server = startServer(t, `${dir}/server.mjs`, { cwd: dir, dir });
  await server.get('/fast');
  let isOver = false;
  const waiting = server.get('/waits?token=secret').then(() => {
    isOver = true;
  });
  await server.waitForLine(/\[warn\] Slow request, \d+ ms so far: GET \/waits \(slowRequest is 500 ms\)$/);
  assert.equal(isOver, false);
  await waiting;
  await server.get('/blocks');
  const [, age] = await server.waitForLine(/\[warn\] Slow request, (\d+) ms: GET \/blocks \(slowRequest is 500 ms\)$/);
  assert.ok(Number(age) >= 650, age);
  await server.get('/fast');
  assert.equal(server.count(/Slow request/), 2, server.output);
  assert.doesNotMatch(server.output, /secret/);
});
