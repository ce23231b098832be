// USR2 that leads to nothing: the old manager carries on as if it had never come.

import assert from 'node:assert/strict';
import { readdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { listens } from './helpers/client.js';
import { signal, startServer } from './helpers/server.js';
import { assertUnchanged, assertUpgradeFails, startChanging, upgrade } from './helpers/upgrade.js';
import { eventually } from './helpers/wait.js';

/** A worker whose manager is killed while it loads is ended by the kernel: soon, with these. */
const SOON = { heartbeatInterval: 500, heartbeatTimeout: 8_000, gracefulTimeout: 500 };

const BROKEN = {
  'that throws': `throw new Error('the new code is broken');`,
  'that ends the process': 'process.exit(0);',
  'that never listens': 'setInterval(() => {}, 1000); await new Promise(() => {});',
  'that blocks': 'for (;;);',
};

describe('an upgrade to code', () => {
  for (const [what, code] of Object.entries(BROKEN)) {
    test(`${what} changes nothing, and a later one works`, async (t) => {
      const { server, change, write } = startChanging(t, { workers: 2, upgradeTimeout: 6_000 });
      const before = await server.healthy(2);
      write(code);
      await assertUpgradeFails(server, before);
      change('new');
      await upgrade(server);
      assert.deepEqual(await server.exited, { code: 0, signal: null });
      assert.equal((await server.get()).body, 'new');
    });
  }

  test('whose workers fail changes nothing', async (t) => {
    const { server, write, source } = startChanging(t, { workers: 2 });
    const before = await server.healthy(2);
    // the parent of the next manager is the old one
    write(`${source('new')}\nif (process.ppid !== ${server.pid}) throw new Error('the new code is broken');`);
    await assertUpgradeFails(server, before);
    assert.equal(server.count(/Worker \d+ stopped too early, shutting down/), 1, server.output);
  });

  test('whose workers never get healthy changes nothing, and leaves nothing', async (t) => {
    const { server, write, source } = startChanging(t, { workers: 2, upgradeTimeout: 6_000, ...SOON });
    const before = await server.healthy(2);
    write(
      `${source('new')}\nif (process.ppid !== ${server.pid}) await new Promise(() => setInterval(() => {}, 1000));`,
    );
    await assertUpgradeFails(server, before);
    assert.equal(server.count(/The next manager \d+ is not ready \(6 s\), stopping it/), 1, server.output);
  });
});

describe('while an upgrade runs', () => {
  /** A server with one worker, and an upgrade whose new worker loads until there is a file `go`. */
  async function startUpgrade(t) {
    const server = startServer(t, 'gated.js', { options: { workers: 1, listen: 'http://127.0.0.1:0', ...SOON } });
    const go = join(server.dir, 'go');
    writeFileSync(go, '');
    await server.healthy(1);
    unlinkSync(go);
    const after = server.lines.length;
    signal(server.pid, 'SIGUSR2');
    await server.waitForLine(/^loading in /, { after });
    return { server, go };
  }

  test('a second USR2 is ignored', async (t) => {
    const { server, go } = await startUpgrade(t);
    signal(server.pid, 'SIGUSR2');
    signal(server.pid, 'SIGUSR2');
    // whoever answers has heard of the signals before
    await server.waitForLine(/^heartbeat/, { after: server.lines.length });
    writeFileSync(go, '');
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    assert.equal(server.count(/Upgrading/), 1, server.output);
    assert.equal(server.count(/Upgrade finished/), 1, server.output);
    assert.equal((await server.get()).status, 200);
  });

  for (const name of ['SIGTERM', 'SIGQUIT', 'SIGINT']) {
    test(`${name} stops both managers and leaves nothing`, async (t) => {
      const { server } = await startUpgrade(t);
      signal(server.pid, name);
      assert.deepEqual(await server.exited, { code: 0, signal: null });
      await eventually(
        () => server.processes().length === 0,
        () => `processes ${server.processes()} are left\n${server.output}`,
      );
      assert.deepEqual(readdirSync(server.dir), []);
      assert.equal(await listens(await server.address()), false);
    });
  }

  test('a next manager that is killed changes nothing, and leaves nothing', async (t) => {
    const { server } = await startUpgrade(t);
    const before = server.pids('healthy');
    const [, next] = await server.waitForLine(/the next manager is (\d+)/);
    signal(Number(next), 'SIGKILL');
    await server.waitForLine(/Upgrade failed, this manager carries on/);
    assert.ok(before.includes(Number((await server.get()).body)));
    await assertUnchanged(server, before);
  });
});
