// Releases behind a symbolic link: `current -> releases/N`. New processes start where the link leads now, and in no folder that
// has gone.

import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { get, listens, ownLoopback } from './helpers/client.js';
import { runCommand } from './helpers/command.js';
import { deployment } from './helpers/releases.js';
import { signal, startServer } from './helpers/server.js';
import { upgrade } from './helpers/upgrade.js';
import { eventually } from './helpers/wait.js';

/** How the server is started: what `startServer` needs. */
const STARTS = {
  'from `cd current`': ({ current }) => ({ args: ['server.mjs', options()], cwd: current, env: { PWD: current } }),
  'from `cd current`, with relative flags of Node': ({ current }) => ({
    execArgv: ['--import', './preload.mjs', '--env-file=.env'],
    args: ['./server.mjs', options()],
    cwd: current,
    env: { PWD: current },
  }),
  'by an absolute path, from elsewhere': ({ root, current }) => ({
    args: [join(current, 'server.mjs'), options()],
    cwd: root,
    env: { PWD: root },
    folder: root,
  }),
  'by an absolute path, from `cd current`': ({ current }) => ({
    args: [join(current, 'server.mjs'), options()],
    cwd: current,
    env: { PWD: current },
  }),
  'with `directory` and no $PWD': ({ current }) => ({
    args: ['server.mjs', options({ directory: current })],
    cwd: current,
    env: { PWD: undefined },
  }),
  'with `directory` and a $PWD of somebody else': ({ current }) => ({
    args: ['server.mjs', options({ directory: current })],
    cwd: current,
    env: { PWD: '/' },
  }),
};

const RENEWALS = {
  HUP: async (server, manager) => {
    const after = server.lines.length;
    signal(manager, 'SIGHUP');
    await server.waitForLine(/^reload done$/, { after });
    return manager;
  },
  USR2: upgrade,
  '`prefork reload`': async (server, manager, t) => {
    const { code, stderr } = await runCommand(t, server.dir, ['reload', '-P', join(server.dir, 'prefork.pid')]);
    assert.equal(code, 0, stderr);
    return manager;
  },
};

const options = (more) => JSON.stringify({ workers: 2, ...more });

const FILES = { 'preload.mjs': 'globalThis.preloaded = RELEASE;', '.env': 'MARK=RELEASE\n' };

describe('three releases, the old ones deleted,', { concurrency: 2 }, () => {
  for (const [how, start] of Object.entries(STARTS)) {
    for (const [what, renew] of Object.entries(RENEWALS)) {
      test(`${how}: ${what} serves the new one in its own folder`, async (t) => {
        const releases = deployment(t, FILES);
        const { folder: fixed, ...settings } = start(releases);
        const server = startServer(t, undefined, settings);
        await server.healthy(2);
        const isFlagged = settings.execArgv !== undefined;
        let manager = server.pid;
        const serves = async (release) => {
          const { body } = await server.get();
          const flags = isFlagged ? { mark: String(release), preloaded: release } : {};
          assert.deepEqual(JSON.parse(body), { release, folder: fixed ?? releases.folder(release), ...flags });
        };
        await serves(1);
        for (const release of [2, 3]) {
          releases.write(release);
          releases.switchTo(release);
          manager = await renew(server, manager, t);
          releases.remove(release - 1);
          // those that drain may still answer
          await eventually(() => server.processes().length === 3);
          await serves(release);
        }
        // also for a worker that is replaced later
        const [worker] = server.processes().filter((pid) => pid !== manager);
        const after = server.lines.length;
        signal(worker, 'SIGKILL');
        await server.waitForLine(/^healthy \d+$/, { after });
        await serves(3);
      });
    }
  }
});

test('with `directory`, systemd-socket-activate and no $PWD, each release serves in its own folder', async (t) => {
  const releases = deployment(t);
  const address = { host: ownLoopback(), port: 8080 };
  const keep = ['PREFORK_TEST', 'TMPDIR'].flatMap((name) => ['-E', name]);
  const server = startServer(t, undefined, {
    via: ['systemd-socket-activate', ...keep, '-l', `${address.host}:${address.port}`],
    args: ['server.mjs', options({ directory: releases.current })],
    cwd: releases.current,
  });
  await server.waitForLine(/^Listening on /);
  const answer = async () => JSON.parse((await get(address)).body);
  assert.deepEqual(await answer(), { release: 1, folder: releases.folder(1) });
  await server.healthy(2);
  let manager = server.pid;
  for (const [release, renew] of [
    [2, RENEWALS.HUP],
    [3, RENEWALS.USR2],
  ]) {
    releases.write(release);
    releases.switchTo(release);
    manager = await renew(server, manager);
    releases.remove(release - 1);
    await eventually(() => server.processes().length === 3);
    assert.deepEqual(await answer(), { release, folder: releases.folder(release) });
  }
  signal(manager, 'SIGQUIT');
  await server.ended;
  assert.equal(await listens(address), false);
});

describe('a folder that has gone', { concurrency: 2 }, () => {
  test('is told in one line by HUP and by USR2, and the old workers stay', async (t) => {
    const { releases, server, before } = await startCurrent(t);
    renameSync(releases.current, `${releases.current}.away`);
    signal(server.pid, 'SIGHUP');
    const message = `Can't enter the folder "${releases.current}", in which new processes start (ENOENT)`;
    await server.waitForLine(/^reload Reload failed: Can't enter the folder/);
    assert.equal(count(server, `[error] Reload failed, ${message}`), 1, server.output);

    signal(server.pid, 'SIGUSR2');
    await server.waitForLine(/\[error\] Upgrade failed, /);
    assert.equal(count(server, `[error] Upgrade failed, can't start the next manager: ${message}`), 1, server.output);
    assert.deepEqual(await server.healthy(2), before);
    assert.equal((await server.get()).status, 200);

    renameSync(`${releases.current}.away`, releases.current);
    await RENEWALS.HUP(server, server.pid);
    await upgrade(server);
  });

  test('does not end a pool that loses a worker: it waits until the folder is back', async (t) => {
    const { releases, server, before } = await startCurrent(t);
    renameSync(releases.current, `${releases.current}.away`);
    signal(before[0], 'SIGKILL');
    await server.waitForLine(
      /\[error\] Can't start a worker: Can't enter the folder .*, in which new processes start \(ENOENT\)/,
    );
    await server.waitForLine(/\[warn\] .* the next one starts in /);
    assert.ok(server.count(/\[error\] Can't start a worker/) <= 3, server.output);
    assert.equal((await server.get()).status, 200);
    renameSync(`${releases.current}.away`, releases.current);
    await server.healthy(2);
  });

  test('ends a start, with a line that names it', async (t) => {
    const { root, folder } = deployment(t);
    const directory = join(root, 'none');
    const server = startServer(t, undefined, { args: ['server.mjs', options({ directory })], cwd: folder(1) });
    assert.deepEqual(await server.ended, { code: 1, signal: null });
    assert.equal(
      count(server, `[error] Can't enter the folder "${directory}", in which new processes start (ENOENT)`),
      1,
    );
    assert.deepEqual(server.pids('spawn'), []);
  });
});

/** How many lines have this text. */
function count(server, text) {
  return server.lines.filter((line) => line.includes(text)).length;
}

async function startCurrent(t) {
  const releases = deployment(t);
  const server = startServer(t, undefined, STARTS['from `cd current`'](releases));
  return { releases, server, before: await server.healthy(2) };
}
