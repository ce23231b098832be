// Whose config file the command runs: it is code, and a folder may be somebody else's.

import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { answers, HERE, project, runCommand, startCommand } from './helpers/command.js';
import { tempDir } from './helpers/files.js';
import { signal } from './helpers/server.js';
import { asUser, isRoot } from './helpers/users.js';

const NAME = 'prefork.config.mjs';

/** It shows that it ran, as whom. */
const CONFIG = `
  console.log('the config runs as ' + process.geteuid());
  export default { app: './app.mjs', pidFile: 'configured.pid' };`;

function prepare(t, mode = 0o755) {
  const dir = project(t, { [NAME]: CONFIG, 'app.mjs': answers('served') });
  chmodSync(dir, mode);
  return { dir, file: join(dir, NAME) };
}

async function assertRefused(t, dir, args, reason, settings) {
  const { code, stdout, stderr } = await runCommand(t, dir, args, settings);
  assert.equal(code, 2, `${stdout}\n${stderr}`);
  assert.match(stderr, /^prefork: Refusing to run the config file /);
  assert.match(stderr, reason);
  assert.doesNotMatch(stdout, /the config runs/);
}

/** It ran, and named the PID file. */
async function assertRun(t, dir, settings) {
  const { code, stdout, stderr } = await runCommand(t, dir, ['status'], settings);
  assert.equal(code, 1);
  assert.match(stdout, /the config runs/);
  assert.match(stderr, /No server is running that holds the PID file configured.pid/);
}

describe('a command that controls a server', () => {
  test('reads no config file where the PID file is named otherwise', async (t) => {
    const { dir } = prepare(t);
    for (const [args, env] of [
      [['-P', 'named.pid'], {}],
      [['--pid-file=named.pid'], {}],
      [[], { PREFORK_PID_FILE: 'named.pid' }],
    ]) {
      const { stdout, stderr } = await runCommand(t, dir, ['status', ...args], { env });
      assert.equal(stdout, '');
      assert.match(stderr, /No server is running that holds the PID file named.pid/);
    }
    await assertRun(t, dir);
  });

  test('refuses one that everybody may write, or that lies in a folder which everybody may write', async (t) => {
    for (const [mode, fileMode, reason] of [
      [0o777, 0o644, /: its folder \/\S+ can be written by every user;/],
      [0o1777, 0o644, /: its folder \/\S+ can be written by every user;/],
      [0o755, 0o666, /: it can be written by every user;/],
    ]) {
      const { dir, file } = prepare(t, mode);
      chmodSync(file, fileMode);
      await assertRefused(t, dir, ['status'], reason);
      await assertRefused(t, dir, ['stop', '--config', file], reason);
    }
  });

  test('refuses one below a folder that everybody may write, but for a sticky one', async (t) => {
    const open = tempDir(t);
    const dir = join(open, 'app');
    mkdirSync(dir);
    writeFileSync(join(dir, NAME), CONFIG);
    chmodSync(open, 0o1777);
    await assertRun(t, dir);
    chmodSync(open, 0o777);
    await assertRefused(t, dir, ['status'], /: the folder \/\S+ can be written by every user;/);
  });

  test("refuses one that is another user's or group's, also through a link, and his folder", async (t) => {
    if (!isRoot) return t.diagnostic('this test runs without root: it cannot be another user');
    const theirs = prepare(t);
    chownSync(theirs.file, 12_345, 12_345);
    await assertRefused(t, theirs.dir, ['status'], /: it belongs to user 12345;/);

    const linked = project(t, {});
    chmodSync(linked, 0o755);
    symlinkSync(theirs.file, join(linked, NAME));
    await assertRefused(t, linked, ['status'], /: it belongs to user 12345;/);

    const folder = prepare(t);
    chownSync(folder.dir, 12_345, 12_345);
    await assertRefused(t, folder.dir, ['status'], /: its folder \/\S+ belongs to user 12345;/);

    const group = prepare(t, 0o775);
    chownSync(group.dir, 0, 12_345);
    await assertRefused(t, group.dir, ['status'], /: its folder \/\S+ can be written by the group 12345;/);
  });

  test("runs root's for another user, and another user's for nobody else", async (t) => {
    if (!isRoot) return t.diagnostic('this test runs without root: it cannot be another user');
    const { dir, file } = prepare(t);
    await assertRun(t, dir, { via: asUser(12_345) });
    chownSync(file, 12_345, 12_345);
    await assertRun(t, dir, { via: asUser(12_345) });
    await assertRefused(t, dir, ['status'], /: it belongs to user 12345;/, { via: asUser(65_534) });
  });
});

describe('to serve,', () => {
  test("root refuses another user's config file, unless it is that of the app that is named", async (t) => {
    if (!isRoot) return t.diagnostic('this test runs without root: it cannot be another user');
    const { dir, file } = prepare(t);
    chownSync(file, 12_345, 12_345);
    await assertRefused(t, dir, HERE, /: it belongs to user 12345;/);
    await assertRefused(t, dir, ['app.mjs', ...HERE], /: it belongs to user 12345;/);
    await assertRefused(t, dir, ['--check', 'app.mjs'], /: it belongs to user 12345;/);
    chownSync(join(dir, 'app.mjs'), 12_345, 12_345);
    const server = startCommand(t, dir, ['app.mjs', '-w', '1', ...HERE]);
    assert.equal((await server.get()).body, 'served');
    assert.ok(existsSync(join(dir, 'configured.pid')));
    signal(server.pid, 'SIGTERM');
    await server.ended;
    await assertRefused(t, dir, HERE, /: it belongs to user 12345;/);
  });

  test('root refuses one in a folder that everybody may write', async (t) => {
    if (!isRoot) return t.diagnostic('this test runs without root: it may serve from such a folder');
    const { dir } = prepare(t, 0o1777);
    await assertRefused(t, dir, ['app.mjs', ...HERE], /: its folder \/\S+ can be written by every user;/);
  });

  test('a user takes the config file of the user that deploys, and none from a folder that everybody may write', async (t) => {
    if (!isRoot) return t.diagnostic('this test runs without root: it cannot be another user');
    const deployed = prepare(t);
    chownSync(deployed.file, 12_345, 12_345);
    const run = tempDir(t);
    chmodSync(run, 0o777);
    const server = startCommand(t, deployed.dir, ['-w', '1', ...HERE, '-P', join(run, 'app.pid')], {
      via: asUser(65_534),
      env: { TMPDIR: run },
    });
    assert.equal((await server.get()).body, 'served');
    assert.equal(server.count(/the config runs as 65534/), 2, server.output);

    const planted = prepare(t, 0o1777);
    chownSync(planted.file, 12_345, 12_345);
    await assertRefused(t, planted.dir, ['app.mjs', ...HERE], /belongs to user 12345;/, { via: asUser(65_534) });
  });
});
