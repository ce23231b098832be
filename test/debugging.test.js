// Node's own means of development: the inspector, and --watch.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { cleanAfter } from './helpers/cleanup.js';
import { get, listens, ownLoopback } from './helpers/client.js';
import { tempDir } from './helpers/files.js';
import { signal, startServer } from './helpers/server.js';
import { eventually } from './helpers/wait.js';

const POOL = { workers: 2, listen: 'http://127.0.0.1:0' };

/** Where the debuggers of a server listen, once there are as many, in order: `{ host, port, url }`. */
function debuggers(server, count) {
  return eventually(
    () => {
      const lines = server.lines.map((line) => /^Debugger listening on (ws:\/\/(.*):(\d+)\/.*)$/.exec(line));
      const found = lines.filter(Boolean).map(([, url, host, port]) => ({ url, host, port: Number(port) }));
      return found.length === count && found.toSorted((a, b) => a.port - b.port);
    },
    () => `there are not ${count} debuggers\n${server.output}`,
  );
}

/** What an expression is in the process behind a debugger. */
async function evaluate(t, { url }, expression) {
  const socket = new WebSocket(url);
  cleanAfter(t, () => socket.terminate());
  await once(socket, 'open');
  socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } }));
  const [answer] = await once(socket, 'message');
  return JSON.parse(`${answer}`).result.result.value;
}

describe('an inspector', () => {
  const host = ownLoopback();
  const cases = {
    'by a flag': { execArgv: [`--inspect=${host}:9300`] },
    'by NODE_OPTIONS': { env: { NODE_OPTIONS: `--inspect=${host}:9300` } },
  };
  for (const [what, how] of Object.entries(cases)) {
    test(`that is asked for ${what} is in every worker, on the ports after the manager's`, async (t) => {
      const server = startServer(t, 'echo.js', { options: POOL, ...how });
      const pids = await server.healthy(2);
      const found = await debuggers(server, 3);
      assert.deepEqual(
        found.map((each) => [each.host, each.port]),
        [9300, 9301, 9302].map((port) => [host, port]),
      );
      const inside = await Promise.all(found.map((each) => evaluate(t, each, 'process.pid')));
      assert.deepEqual(inside, [server.pid, ...pids]);
    });
  }

  test('moves to the worker that replaces another one', async (t) => {
    const server = startServer(t, 'echo.js', { options: POOL, execArgv: [`--inspect=${ownLoopback()}:9300`] });
    const [first, second] = await server.healthy(2);
    process.kill(first, 'SIGKILL');
    await server.waitForLine(new RegExp(`^reap ${first}$`));
    const [other, next] = await server.healthy(2);
    assert.equal(other, second);
    const found = await debuggers(server, 4);
    assert.deepEqual(
      found.map(({ port }) => port),
      [9300, 9301, 9301, 9302],
    );
    assert.equal(await evaluate(t, lastOf(server, 9301), 'process.pid'), next);
  });

  test('on any port is on any port in the workers', async (t) => {
    const server = startServer(t, 'self.js', { execArgv: ['--inspect=127.0.0.1:0'] });
    await server.healthy(2);
    const told = JSON.parse((await server.get()).body);
    assert.deepEqual(told.execArgv, ['--inspect=127.0.0.1:0', '--inspect-port=0']);
    await debuggers(server, 3);
  });

  /** A debugger's address changes with its process. */
  function lastOf(server, port) {
    const lines = server.lines.map((line) => /^Debugger listening on (ws:\/\/.*:(\d+)\/.*)$/.exec(line));
    return { url: lines.findLast((match) => match && Number(match[2]) === port)[1] };
  }
});

describe('node --watch', () => {
  const source = (answer) => `
    import { prefork } from '@prefork/core';
    prefork((_request, response) => response.end('${answer}')).listen(8080, process.argv[2]);`;

  test('restarts the whole server on a change, on the same port and PID file, and ends with it', async (t) => {
    const dir = tempDir(t);
    const script = join(dir, 'server.mjs');
    symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), join(dir, 'node_modules'));
    writeFileSync(script, source('old'));
    const where = { host: ownLoopback(), port: 8080 };
    const env = { WEB_CONCURRENCY: '2' };
    const server = startServer(t, script, { execArgv: ['--watch'], args: [where.host], env, dir });
    await server.waitForLine(/Worker \d+ started/);
    assert.equal((await get(where)).body, 'old');
    const before = server.processes();

    writeFileSync(script, source('new'));
    await server.waitForLine(/Manager \d+ stopped/);
    await eventually(
      async () => (await listens(where)) && (await get(where)).body === 'new',
      () => `the change is not served\n${server.output}`,
    );
    assert.equal(server.count(/EADDRINUSE|running already|running without/), 0, server.output);
    assert.equal(existsSync(join(dir, 'prefork.pid')), true);
    // all but the watcher itself
    assert.deepEqual(
      before.filter((pid) => server.processes().includes(pid)),
      [server.pid],
    );

    signal(server.pid, 'SIGTERM');
    await server.ended;
    assert.deepEqual(server.processes(), []);
    assert.equal(await listens(where), false);
    assert.equal(existsSync(join(dir, 'prefork.pid')), false);
  });
});
