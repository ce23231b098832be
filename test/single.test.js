// `single`: one process that serves with what workers serve with; all there is where there is no Linux.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { tlsLocation } from './helpers/certificate.js';
import { cleanAfter } from './helpers/cleanup.js';
import { connect, get, ownLoopback } from './helpers/client.js';
import { open } from './helpers/connection.js';
import { tempDir } from './helpers/files.js';
import { signal, startServer } from './helpers/server.js';
import { eventually } from './helpers/wait.js';

/** Where nothing but Node's own `listen` is there, too. */
const PLATFORMS = { linux: {}, win32: faked('win32'), darwin: faked('darwin') };

for (const [platform, settings] of Object.entries(PLATFORMS)) {
  describe(`on ${platform}`, () => {
    test('the script serves itself, starts no process, and says so', async (t) => {
      const server = startSingle(t, {}, settings);
      const answer = await server.get();
      assert.equal(answer.body, String(server.pid));
      assert.deepEqual(server.workers(), []);
      assert.equal(server.count(/\[info\] Serving from this process alone, \d+$/), 1, server.output);
      assert.equal(
        server.count(/^Preforking not available for Windows\.$/),
        platform === 'win32' ? 1 : 0,
        server.output,
      );
      await server.waitForLine(/^callback 1$/);
      const told = server.stdout.filter((line) => !line.startsWith('Preforking'));
      assert.deepEqual(told, ['manager true worker true', 'server true', 'listening', 'callback 1']);
    });

    test('QUIT answers what is in flight, refuses newcomers, and exits 0', async (t) => {
      const server = startSingle(t, {}, settings);
      const target = await server.address();
      const busy = await connect(t, target);
      const idle = await connect(t, target);
      busy.request('/slow');
      idle.request();
      await idle.receives(/200 OK/);
      signal(server.pid, 'SIGQUIT');
      await server.waitForLine(/^finish true$/);
      await busy.receives(/^HTTP\/1\.1 200 [\s\S]*Connection: close[\s\S]*slow$/i);
      await assert.rejects(get(target));
      idle.socket.destroy();
      assert.deepEqual(await server.ended, { code: 0, signal: null });
      assert.equal(server.count(/^drain$/), 1, server.output);
      assert.deepEqual(readdirSync(server.dir), []);
    });

    test('TERM exits 0 at once, whatever is in flight', async (t) => {
      const server = startSingle(t, {}, settings);
      const client = await connect(t, await server.address());
      client.request('/hang');
      await server.waitForLine(/^hangs$/);
      signal(server.pid, 'SIGTERM');
      assert.deepEqual(await server.ended, { code: 0, signal: null });
      assert.equal(server.count(/^finish false$/), 1, server.output);
      assert.deepEqual(readdirSync(server.dir), []);
    });

    test('run() is over when it has stopped, and the process goes on to its end', async (t) => {
      const server = startSingle(t, {}, { ...settings, args: ['run'] });
      const client = await connect(t, await server.address());
      client.request('/hang');
      await server.waitForLine(/^hangs$/);
      signal(server.pid, 'SIGINT');
      await server.waitForLine(/^run\(\) is over$/);
      assert.deepEqual(await server.ended, { code: 0, signal: null });
    });

    test('an address in use is one error, and status 1', async (t) => {
      const host = ownLoopback();
      const other = createServer().listen(0, host);
      cleanAfter(t, () => other.close());
      await once(other, 'listening');
      const server = startSingle(t, { listen: `http://${host}:${other.address().port}` }, settings);
      assert.deepEqual(await server.ended, { code: 1, signal: null });
      assert.equal(server.count(/^callback .*EADDRINUSE/), 1, server.output);
      assert.equal(server.count(/\[error\].*EADDRINUSE/), 1, server.output);
    });

    test('more than `maxClients` connections are not served at once', async (t) => {
      const server = startSingle(t, { maxClients: 1 }, settings);
      const target = await server.address();
      const first = await connect(t, target);
      first.request();
      await first.receives(/200 OK/);
      const second = get(target).catch((error) => error.code);
      first.socket.destroy();
      const outcome = await second;
      assert.ok(outcome === 'ECONNREFUSED' || outcome === 'ECONNRESET' || outcome.status === 200, String(outcome));
      const answer = await eventually(() => get(target).catch(() => undefined));
      assert.equal(answer.body, String(server.pid));
    });

    test('serves TLS', async (t) => {
      const dir = tempDir(t);
      const server = startSingle(t, { listen: tlsLocation(dir) }, settings);
      const { host, port } = await server.address();
      const client = await open({ host, port, tls: true });
      const { body } = await client.request();
      assert.equal(String(body), String(server.pid));
      client.close();
    });
  });
}

test('it holds PID file and lock file as a manager does', async (t) => {
  const server = startSingle(t);
  await server.get();
  assert.deepEqual(readdirSync(server.dir).sort(), ['prefork.pid']);
  signal(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.ended, { code: 0, signal: null });
  assert.ok(!existsSync(join(server.dir, 'prefork.pid')));
});

test('`gracefulTimeout` ends what does not end by itself', async (t) => {
  const server = startSingle(t, { gracefulTimeout: 300 });
  const client = await connect(t, await server.address());
  client.request('/hang');
  await server.waitForLine(/^hangs$/);
  signal(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.ended, { code: 0, signal: null });
});

test('signals that are about workers are ignored, with a word', async (t) => {
  const server = startSingle(t);
  await server.get();
  for (const name of ['SIGHUP', 'SIGUSR2', 'SIGTTIN', 'SIGTTOU']) {
    signal(server.pid, name);
    await server.waitForLine(new RegExp(`\\[warn\\] Ignoring ${name}: this process serves alone`));
  }
  assert.equal((await server.get()).body, String(server.pid));
});

function faked(platform) {
  return { execArgv: ['--import', './platform.js'], env: { PLATFORM: platform } };
}

function startSingle(t, options = {}, settings = {}) {
  return startServer(t, 'single.js', { options: { listen: 'http://127.0.0.1:0', ...options }, ...settings });
}
