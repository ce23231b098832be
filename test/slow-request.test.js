// `slowRequest`: a request that takes longer is logged, once, while it waits or when it is over.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { project } from './helpers/command.js';
import { listenersOf } from './helpers/kernel.js';
import { startServer } from './helpers/server.js';
import { eventually } from './helpers/wait.js';

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

const BLOCKING = `import { prefork } from '@prefork/core';
function spin(milliseconds) {
  const end = Date.now() + milliseconds;
  while (Date.now() < end);
}
const listener = (request, response) => {
  if (request.url.startsWith('/blocks')) spin(3000);
  response.end(String(process.pid));
};
prefork(listener, { workers: 1, slowRequest: '500ms', hangReport: true }).listen(0, '127.0.0.1');`;

test('with `hangReport` the line that blocks is told while it does, and the inspector is closed after it', async (t) => {
  const dir = project(t, { 'server.mjs': BLOCKING });
  const server = startServer(t, `${dir}/server.mjs`, { cwd: dir, dir });
  const { body: pid } = await server.get();
  const before = listenersOf(pid);
  let isOver = false;
  const blocking = server.get('/blocks?token=secret').then(({ body }) => {
    isOver = true;
    return body;
  });
  const [, worker] = await server.waitForLine(
    /\[warn\] Worker (\d+) blocks in spin \(.*server\.mjs:[34]:\d+\); 1 in flight, the oldest for \d+ ms: GET \/blocks; stack: spin .* < listener /,
  );
  assert.equal(isOver, false);
  assert.equal(worker, pid);
  assert.equal(await blocking, pid, 'the same worker goes on');
  await eventually(
    () => listenersOf(pid) === before,
    () => 'its inspector is still open',
    5_000,
  );
  await sleep(300);
  assert.equal(listenersOf(pid), before, 'its inspector was opened again');
  assert.equal(server.count(/^Debugger listening/), 1, server.output);
  assert.equal(server.count(/ blocks in /), 1, server.output);
  assert.equal(server.count(/ hangs in /), 0, server.output);
  assert.doesNotMatch(server.output, /secret/);
});

test('a worker that never goes on is told of twice: that it blocks, and that it hangs, by the inspector that is still open', async (t) => {
  const options = `heartbeatInterval: 300, heartbeatTimeout: 2500, gracefulTimeout: 500, hangReport: true`;
  const dir = project(t, {
    'server.mjs': BLOCKING.replace('spin(3000)', 'spin(1e9)').replace('hangReport: true', options),
  });
  const server = startServer(t, `${dir}/server.mjs`, { cwd: dir, dir });
  await server.get();
  server.get('/blocks').catch(() => {});
  await server.waitForLine(/\[warn\] Worker \d+ blocks in spin /);
  await server.waitForLine(/\[error\] Worker \d+ hangs in spin \(.*server\.mjs:[34]:\d+\); 1 in flight/);
});
