// Signals to the manager that stop it, and signals to a worker.

import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connect, listens, ownLoopback } from './helpers/client.js';
import { signal, startServer } from './helpers/server.js';

/** TERM after QUIT, contract 3. Milliseconds. */
const AT_ONCE = 1_500;

const STOPS = { SIGINT: false, SIGTERM: false, SIGQUIT: true };

describe('a server that serves', () => {
  for (const [name, graceful] of Object.entries(STOPS)) {
    test(`stops ${graceful ? 'gracefully' : 'immediately'} on ${name}, with status 0, and leaves nothing`, async (t) => {
      const server = startServer(t, 'echo.js', { options: { workers: 2, listen: `http://${ownLoopback()}:0` } });
      await server.healthy(2);
      signal(server.pid, name);
      assert.deepEqual(await server.ended, { code: 0, signal: null });
      assert.equal(server.count(/^finish/), 1);
      assert.equal(server.count(new RegExp(`^finish ${graceful}$`)), 1, server.output);
      assert.deepEqual(server.pids('reap').toSorted(), server.pids('spawn').toSorted());
      await assertNothingLeft(server);
    });
  }
});

describe('a server whose first worker still boots', () => {
  for (const [name, graceful] of Object.entries(STOPS)) {
    test(`stops on ${name}, with status 0, and leaves nothing`, async (t) => {
      const server = startServer(t, 'gated.js', { options: { workers: 2, listen: `http://${ownLoopback()}:0` } });
      await server.waitForLine(/^loading in /);
      signal(server.pid, name);
      assert.deepEqual(await server.ended, { code: 0, signal: null });
      assert.equal(server.count(new RegExp(`^finish ${graceful}$`)), 1, server.output);
      assert.equal(server.count(/too early/), 0, server.output);
      assert.equal(server.pids('spawn').length, 1);
      await assertNothingLeft(server);
    });
  }
});

describe('a server that stops gracefully and waits for a request', () => {
  for (const name of ['SIGTERM', 'SIGINT']) {
    test(`waits no more after ${name}, and finishes once`, async (t) => {
      const server = startServer(t, 'echo.js', { options: { workers: 2 } });
      await server.healthy(2);
      await hangingRequest(t, server);
      signal(server.pid, 'SIGQUIT');
      await server.waitForLine(/^finish true$/);
      const before = performance.now();
      signal(server.pid, name);
      assert.deepEqual(await server.exited, { code: 0, signal: null });
      assert.ok(performance.now() - before < AT_ONCE);
      await server.ended;
      assert.equal(server.count(/^finish/), 1, server.output);
    });
  }

  test('that QUIT and TERM tell at once waits for nothing, and finishes once', async (t) => {
    const server = startServer(t, 'echo.js', { options: { workers: 1 } });
    await server.healthy(1);
    await hangingRequest(t, server);
    signal(server.pid, 'SIGTERM');
    signal(server.pid, 'SIGQUIT');
    assert.deepEqual(await server.ended, { code: 0, signal: null });
    assert.equal(server.count(/^finish/), 1, server.output);
  });

  test('ends what is left shortly before gracefulTimeout, with status 0 and without a kill', async (t) => {
    const server = startServer(t, 'echo.js', { options: { workers: 1, gracefulTimeout: 1000 } });
    await server.healthy(1);
    await hangingRequest(t, server);
    signal(server.pid, 'SIGQUIT');
    assert.deepEqual(await server.ended, { code: 0, signal: null });
    assert.equal(server.count(/Ending connections that are still open \(1\)/), 1, server.output);
    assert.equal(server.count(/Stopping worker \d+ immediately/), 0, server.output);
  });

  test('kills a worker that blocks after gracefulTimeout, with status 0', async (t) => {
    const server = startServer(t, 'echo.js', { options: { workers: 1, gracefulTimeout: 200 } });
    const [pid] = await server.healthy(1);
    const connection = await connect(t, await server.address());
    connection.request('/block');
    await server.waitForLine(/^blocks in/);
    signal(server.pid, 'SIGQUIT');
    assert.deepEqual(await server.ended, { code: 0, signal: null });
    assert.equal(server.count(new RegExp(`Stopping worker ${pid} immediately`)), 1, server.output);
  });
});

describe('with gracefulTerm', () => {
  const options = { workers: 2, gracefulTerm: true };

  test('TERM lets requests end', async (t) => {
    const server = startServer(t, 'echo.js', { options });
    await server.healthy(2);
    const answer = server.get('/wait');
    await server.waitForLine(/^waits in /);
    signal(server.pid, 'SIGTERM');
    await server.waitForLine(/^finish true$/);
    writeFileSync(join(server.dir, 'go'), '');
    assert.equal((await answer).status, 200);
    assert.deepEqual(await server.ended, { code: 0, signal: null });
  });

  test('a second TERM stops immediately', async (t) => {
    const server = startServer(t, 'echo.js', { options });
    await server.healthy(2);
    await hangingRequest(t, server);
    signal(server.pid, 'SIGTERM');
    await server.waitForLine(/^finish true$/);
    const before = performance.now();
    signal(server.pid, 'SIGTERM');
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    assert.ok(performance.now() - before < AT_ONCE);
    assert.equal(server.count(/^finish/), 1, server.output);
  });

  test('INT still stops immediately', async (t) => {
    const server = startServer(t, 'echo.js', { options });
    await server.healthy(2);
    await hangingRequest(t, server);
    signal(server.pid, 'SIGINT');
    assert.deepEqual(await server.ended, { code: 0, signal: null });
    assert.equal(server.count(/^finish false$/), 1, server.output);
  });
});

describe('a worker', () => {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGKILL']) {
    test(`dies at once of ${name}, with its requests, and is replaced`, async (t) => {
      const server = startServer(t, 'echo.js', { options: { workers: 2 } });
      await server.healthy(2);
      const { pid, connection } = await hangingRequest(t, server);
      signal(pid, name);
      await connection.closes();
      await server.waitForLine(new RegExp(`^reap ${pid}$`));
      const pids = await server.healthy(2);
      assert.ok(!pids.includes(pid));
      assert.equal(server.count(/Trying to stop|immediately/), 0, server.output);
      assert.ok(pids.includes(Number((await server.get()).body)));
    });
  }

  test('ends its request on QUIT, exits, and is replaced', async (t) => {
    const server = startServer(t, 'echo.js', { options: { workers: 2 } });
    await server.healthy(2);
    const answer = server.get('/wait');
    const [, text] = await server.waitForLine(/^waits in (\d+)$/);
    const pid = Number(text);
    signal(pid, 'SIGQUIT');
    // its replacement is spare: it comes while the old one drains
    await server.healthy(3);
    writeFileSync(join(server.dir, 'go'), '');
    assert.equal((await answer).body, text);
    await server.waitForLine(new RegExp(`^reap ${pid}$`));
    assert.equal((await server.healthy(2)).includes(pid), false);
    assert.equal(server.count(/immediately|has no heartbeat/), 0, server.output);
  });
});

describe('a worker that drains already', () => {
  test('gets no QUIT when it said so itself', async (t) => {
    const server = startServer(t, 'counts-quit.js', { options: { workers: 1, accepts: 1 } });
    const [drained] = await server.healthy(1);
    const answer = server.get('/wait'); // the one connection that it accepts
    const pids = await server.healthy(2);
    assert.equal(pids[0], drained);
    signal(server.pid, 'SIGQUIT');
    await server.waitForLine(new RegExp(`^QUIT reached ${pids[1]}$`));
    await server.waitForLine(new RegExp(`^reap ${pids[1]}$`));
    writeFileSync(join(server.dir, 'go'), '');
    assert.equal((await answer).body, `${drained}`);
    assert.deepEqual(await server.ended, { code: 0, signal: null });
    assert.equal(server.count(new RegExp(`^QUIT reached ${drained}$`)), 0, server.output);
    assert.equal(server.count(new RegExp(`Trying to stop worker ${drained}`)), 0, server.output);
  });

  test('gets no second QUIT', async (t) => {
    const server = startServer(t, 'counts-quit.js', { options: { workers: 2, gracefulTimeout: 1_000 } });
    const pids = await server.healthy(2);
    const { pid } = await hangingRequest(t, server);
    signal(server.pid, 'SIGQUIT');
    await server.waitForLine(new RegExp(`^QUIT reached ${pid}$`));
    signal(server.pid, 'SIGQUIT');
    assert.deepEqual(await server.ended, { code: 0, signal: null });
    for (const each of pids) assert.equal(server.count(new RegExp(`^QUIT reached ${each}$`)), 1, server.output);
  });
});

/** A request that never ends, and the worker that has it. */
async function hangingRequest(t, server) {
  const connection = await connect(t, await server.address());
  connection.request('/hang');
  const [, pid] = await server.waitForLine(/^hangs in (\d+)$/);
  return { connection, pid: Number(pid) };
}

async function assertNothingLeft(server) {
  assert.deepEqual(server.processes(), []);
  assert.deepEqual(readdirSync(server.dir), []);
  assert.equal(await listens(await server.address()), false);
}
