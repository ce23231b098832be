// Application code that fails in the manager: it is told once, and the pool serves on.

import assert from 'node:assert/strict';
import test from 'node:test';
import { signal, startServer } from './helpers/server.js';

const start = (t, way, options = {}) =>
  startServer(t, 'careless.js', { options: { workers: 1, ...options }, args: [way] });

/** A worker is killed, the pool heals, reloads, and stops as it should. */
async function assertLives(server) {
  const [pid] = await server.healthy(1);
  signal(pid, 'SIGKILL');
  await server.waitForLine(new RegExp(`^reap ${pid}$`));
  const [next] = await server.healthy(1);
  assert.equal((await server.get()).body, `${next}`);
  signal(server.pid, 'SIGHUP');
  await server.waitForLine(new RegExp(`^reap ${next}$`));
  assert.equal((await server.get()).status, 200);
  signal(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.ended, { code: 0, signal: null });
}

for (const [way, verb] of [
  ['listeners that throw', 'thrown'],
  ['listeners that reject', 'rejected'],
]) {
  test(`${way} are logged with their stack, and nothing else happens`, async (t) => {
    const server = start(t, way, { heartbeatInterval: 100 });
    await assertLives(server);
    for (const event of ['wait', 'spawn', 'healthy', 'heartbeat', 'listening', 'reap', 'reload', 'finish', 'server']) {
      const line = new RegExp(
        `\\[error\\] A listener of \`${event}\` failed: Error: ${verb} by ${event}; at .*careless\\.js`,
      );
      assert.ok(server.count(line) > 0, `${event} is not logged\n${server.output}`);
    }
  });
}

for (const way of ['a callback that throws', 'a callback that rejects']) {
  test(`${way} is logged with its stack, and nothing else happens`, async (t) => {
    const server = start(t, way);
    await assertLives(server);
    assert.equal(server.count(/\[error\] The callback of `listen` failed: Error: \w+ by the callback; at /), 1);
  });
}

for (const way of ['a log that throws', 'a log that rejects']) {
  test(`${way} loses its lines, and nothing else happens`, async (t) => {
    const server = start(t, way, { listen: 'http://127.0.0.1:0' });
    const [pid] = await server.healthy(1);
    signal(pid, 'SIGKILL');
    await server.waitForLine(new RegExp(`^reap ${pid}$`));
    await server.healthy(1);
    signal(server.pid, 'SIGQUIT');
    assert.deepEqual(await server.ended, { code: 0, signal: null });
    assert.equal(server.count(/broken log/), 0, server.output);
  });
}

for (const way of ['exceptions', 'rejections']) {
  test(`${way} without a handler in the manager are logged once for each place, with a hint`, async (t) => {
    const server = start(t, way);
    await server.waitForLine(
      /\[error\] Uncaught in the manager, which goes on .*isWorker.*: Error: connection lost; at /,
    );
    await assertLives(server);
    assert.equal(server.count(/Uncaught in the manager/), 1, server.output);
  });
}

test('an application that handles uncaught exceptions in the manager itself is left alone', async (t) => {
  const server = start(t, 'own handler');
  await server.waitForLine(/^handled connection lost$/);
  await assertLives(server);
  assert.equal(server.count(/Uncaught in the manager/), 0, server.output);
});

test('with --unhandled-rejections=warn Node warns of a rejection in the manager, and it goes on', async (t) => {
  const server = startServer(t, 'careless.js', {
    options: { workers: 1 },
    args: ['rejections'],
    execArgv: ['--unhandled-rejections=warn'],
  });
  await server.waitForLine(/UnhandledPromiseRejectionWarning: Error: connection lost/);
  await assertLives(server);
});

test('a script that gives up root in the callback of `listen` is refused, and no worker stays root', async (t) => {
  if (process.getuid() !== 0) return t.diagnostic('this test is about root');
  const server = start(t, 'setuid', { gracefulTimeout: 2000 });
  await server.waitForLine(
    /\[error\] The script changed the user of the manager \(from 0 to 65534\).*`user` and `group`/,
  );
  const { code } = await server.ended;
  assert.equal(code, 1, server.output);
  assert.deepEqual(server.processes(), []);
});
