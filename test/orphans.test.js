// A manager that is killed takes its workers with it, and the next one starts over what it left.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connect, listens, ownLoopback } from './helpers/client.js';
import { signal, startServer } from './helpers/server.js';
import { eventually, within } from './helpers/wait.js';

/** So long that nothing but the manager's end ends a worker. */
const patient = { workers: 2, gracefulTimeout: 300_000 };
/** So short that the test sees the end of a worker that nobody waits for. */
const limits = { heartbeatInterval: 200, heartbeatTimeout: 8_000, gracefulTimeout: 500 };

describe('after kill -9 of the manager', { concurrency: 3 }, () => {
  test('idle workers exit, the port is free, and the next start finds no obstacle', async (t) => {
    const listen = `http://${ownLoopback()}:0`;
    const first = startServer(t, 'echo.js', { options: { ...patient, listen } });
    await first.healthy(2);
    const address = await first.address();
    signal(first.pid, 'SIGKILL');
    assert.deepEqual(await first.ended, { code: null, signal: 'SIGKILL' });
    assert.deepEqual(first.processes(), []);
    assert.equal(await listens(address), false);
    assert.equal(readFileSync(join(first.dir, 'prefork.pid'), 'utf8'), `${first.pid}\n`);

    const again = { workers: 2, listen: listen.replace(/0$/, `${address.port}`) };
    const next = startServer(t, 'echo.js', { options: again, dir: first.dir });
    const pids = await next.healthy(2);
    assert.ok(pids.includes(Number((await next.get()).body)));
    assert.equal(readFileSync(join(first.dir, 'prefork.pid'), 'utf8'), `${next.pid}\n`);
    assert.equal(next.count(/\[warn\]|\[error\]/), 0, next.output);
  });

  test('a worker ends its request, and exits', async (t) => {
    const server = startServer(t, 'echo.js', { options: patient });
    await server.healthy(2);
    const answer = server.get('/wait');
    const [, pid] = await server.waitForLine(/^waits in (\d+)$/);
    signal(server.pid, 'SIGKILL');
    await eventually(() => server.processes().length === 1);
    assert.deepEqual(server.processes(), [Number(pid)]);
    writeFileSync(join(server.dir, 'go'), '');
    assert.equal((await answer).body, pid);
    await server.ended;
    assert.deepEqual(server.processes(), []);
  });

  for (const [what, path, said] of [
    ['with a request that never ends', '/hang', /^hangs in/],
    ['that blocks', '/block', /^blocks in/],
  ]) {
    test(`a worker ${what} is gone when no manager would wait for it any more`, async (t) => {
      const server = startServer(t, 'echo.js', {
        options: { workers: 2, listen: `http://${ownLoopback()}:0`, ...limits },
      });
      await server.healthy(2);
      const connection = await connect(t, await server.address());
      connection.request(path);
      await server.waitForLine(said);
      signal(server.pid, 'SIGKILL');
      const { heartbeatInterval, heartbeatTimeout, gracefulTimeout } = limits;
      const bound = heartbeatInterval + heartbeatTimeout + gracefulTimeout + 1000;
      await within(server.ended, () => `it lives for more than ${bound} ms`, bound);
      assert.deepEqual(server.processes(), []);
      assert.equal(await listens(await server.address()), false);
    });
  }

  for (const way of ['blocks', 'lives on without listen()']) {
    test(`a worker that never comes up is gone, too: it ${way}`, async (t) => {
      const server = startServer(t, 'fails-to-boot.js', { options: { workers: 1, ...limits }, args: [way] });
      await server.waitForLine(/^spawn/);
      signal(server.pid, 'SIGKILL');
      await server.ended;
      assert.deepEqual(server.processes(), []);
    });
  }

  test('a worker that still boots is gone, too', async (t) => {
    const server = startServer(t, 'gated.js', { options: { ...patient, listen: `http://${ownLoopback()}:0` } });
    await server.waitForLine(/^loading in /);
    signal(server.pid, 'SIGKILL');
    writeFileSync(join(server.dir, 'go'), '');
    await server.ended;
    assert.deepEqual(server.processes(), []);
    assert.equal(await listens(await server.address()), false);
  });
});
