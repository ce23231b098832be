// System calls that fail under the manager: it lives, says so, and the pool heals by itself.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { get } from './helpers/client.js';
import { inject } from './helpers/faults.js';
import { tempDir } from './helpers/files.js';
import { flood } from './helpers/flood.js';
import { serve } from './helpers/serve.js';
import { signal, startServer } from './helpers/server.js';
import { assertUpgradeFails, startChanging, upgrade } from './helpers/upgrade.js';
import { within } from './helpers/wait.js';

/** A worker whose manager is killed while it loads is ended by the kernel: soon, with these. */
const SOON = { heartbeatInterval: 500, heartbeatTimeout: 8_000, gracefulTimeout: 500 };

/** How long the pool may take to heal once the fault is over. Milliseconds. */
const HEALED = 15_000;

for (const [call, error] of [
  ['clone,clone3,vfork,fork', 'ENOMEM'],
  ['clone,clone3,vfork,fork', 'EAGAIN'],
  ['clone,clone3,vfork,fork', 'EPERM'],
  ['socketpair', 'EMFILE'],
  ['socketpair', 'ENFILE'],
  ['socketpair', 'ENOBUFS'],
  ['pipe2', 'ENFILE'],
]) {
  test(`a worker that cannot be started, ${call.split(',')[0]} ${error}: told, and started later`, async (t) => {
    const { server, pids, target } = await serve(t, 'collect.js', { workers: 2 });
    const [victim, other] = pids;
    const fault = await inject(t, server.pid, call, error, 3);
    let isHealed = false;
    const load = flood(target, { clients: 4, until: () => isHealed });
    signal(victim, 'SIGKILL');
    await server.waitForLine(new RegExp(`\\[error\\] Can't start a worker: .*${error}`));
    const healthy = await within(server.healthy(2), () => `the pool does not heal\n${server.output}`, HEALED);
    isHealed = true;
    const { lost } = await load;
    assert.equal(fault.count(), 3);
    assert.ok(healthy.includes(other));
    // what the killed worker had, and nothing else
    assert.deepEqual(
      lost.filter(({ worker }) => worker !== victim),
      [],
    );
  });
}

for (const [call, error] of [
  ['clone,clone3,vfork,fork', 'ENOMEM'],
  ['socketpair', 'EMFILE'],
  ['memfd_create', 'EMFILE'],
]) {
  test(`a next manager that cannot be started, ${call.split(',')[0]} ${error}: nothing has changed`, async (t) => {
    const { server, change } = startChanging(t, { workers: 1 });
    const [before] = await server.healthy(1);
    const fault = await inject(t, server.pid, call, error);
    signal(server.pid, 'SIGUSR2');
    await server.waitForLine(new RegExp(`\\[error\\] Upgrade failed, can't start the next manager: .*${error}`));
    await fault.stop();
    assert.equal((await server.get()).status, 200);
    assert.deepEqual(server.workers(), [before]);
    change('new');
    await upgrade(server);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
  });
}

test('a UNIX socket that cannot be removed at the stop is told, and all else is tidied', async (t) => {
  const socket = join(tempDir(t), 'app.sock');
  const listen = `http+unix://${encodeURIComponent(socket)}`;
  const server = startServer(t, 'echo.js', { options: { workers: 1, listen } });
  await server.healthy(1);
  const fault = await inject(t, server.pid, 'unlink', 'EROFS', 1);
  signal(server.pid, 'SIGQUIT');
  await server.waitForLine(/\[error\] Can't tidy up http\+unix:\/\/.*app\.sock: EROFS/);
  assert.deepEqual(await server.ended, { code: 0, signal: null });
  assert.equal(fault.count(), 1);
  assert.deepEqual(readdirSync(server.dir), []);
});

for (const where of ['that throws', 'that comes up late']) {
  test(`an upgrade to code ${where} keeps the path of a UNIX socket`, async (t) => {
    const socket = join(tempDir(t), 'app.sock');
    const listen = ['http://127.0.0.1:0', `http+unix://${encodeURIComponent(socket)}`];
    const { server, write, source } = startChanging(t, { workers: 1, upgradeTimeout: 3000, listen, ...SOON });
    const before = await server.healthy(1);
    const late = `if (process.ppid !== ${server.pid}) await new Promise(() => setInterval(() => {}, 1000));`;
    write(where === 'that throws' ? `throw new Error('the new code is broken');` : `${source('new')}\n${late}`);
    await assertUpgradeFails(server, before);
    assert.equal((await get(socket)).status, 200);
  });
}
