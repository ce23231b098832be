// `user` and `group`: the manager keeps what needs root, the workers run as somebody else.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tlsLocation } from './helpers/certificate.js';
import { get, ownLoopback } from './helpers/client.js';
import { fetchOnce } from './helpers/connection.js';
import { tempDir } from './helpers/files.js';
import { lockHolder } from './helpers/kernel.js';
import { startServer } from './helpers/server.js';

const isRoot = process.getuid() === 0;

test('without root `user` and `group` are one clear error, and nothing is left behind', async (t) => {
  for (const option of [{ user: 'nobody' }, { group: 'nobody' }]) {
    const server = start(t, option, ['unprivileged']);
    assert.deepEqual(await server.ended, { code: 1, signal: null });
    assertOneError(server, /Only root can start workers with another `user` or `group`$/);
  }
});

test('as root workers run as the user, in its group alone, and answer on a port below 1024', async (t) => {
  if (!isRoot) return t.diagnostic('this test runs without root, which only the test above is about');
  const host = ownLoopback();
  const server = start(t, { user: 'nobody', workers: 2, listen: `http://${host}:81` });
  const pids = await server.healthy(2);
  const { uid, gid } = nobody();
  assert.deepEqual(await whoServes({ host, port: 81 }), [uid, gid, '']);
  for (const pid of pids) assert.equal(statSync(`/proc/${pid}`).uid, uid);
  assert.equal(statSync(`/proc/${server.pid}`).uid, 0);
  assert.ok(pids.includes(await lockHolder(server)));
  process.kill(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.ended, { code: 0, signal: null });
  assert.deepEqual(readdirSync(server.dir), []);
});

test('as root a TLS key that only root can read is used', async (t) => {
  if (!isRoot) return t.diagnostic('this test runs without root, which only the first test is about');
  const folder = tempDir(t);
  const listen = tlsLocation(folder);
  chmodSync(join(folder, 'key.pem'), 0o400);
  const server = start(t, { user: 'nobody', workers: 1, listen });
  await server.healthy(1);
  const { body } = await fetchOnce({ port: await server.port(), tls: true });
  assert.equal(JSON.parse(body)[0], nobody().uid);
});

test('as root a group of its own, and numbers in place of names, count', async (t) => {
  if (!isRoot) return t.diagnostic('this test runs without root, which only the first test is about');
  const { uid, gid } = nobody();
  const [, , daemon] = getent('group', 'daemon').map(Number);
  for (const [option, expected] of [
    [{ user: 'nobody', group: 'daemon' }, [uid, daemon, '']],
    [{ user: uid, group: daemon }, [uid, daemon, '']],
    [{ user: uid }, [uid, gid, '']],
    [{ group: 'daemon' }, [0, daemon, '']],
  ]) {
    const server = start(t, { ...option, workers: 1 });
    await server.healthy(1);
    assert.deepEqual(await whoServes(await server.port()), expected);
  }
});

test('as root numbers without a name count, too', async (t) => {
  if (!isRoot) return t.diagnostic('this test runs without root, which only the first test is about');
  const server = start(t, { user: 54_321, group: 54_321, workers: 1 });
  await server.healthy(1);
  assert.deepEqual(await whoServes(await server.port()), [54_321, 54_321, '']);
});

test('an unknown user or group is one clear error, and nothing is left behind', async (t) => {
  if (!isRoot) return t.diagnostic('this test runs without root, which only the first test is about');
  for (const option of ['user', 'group']) {
    const server = start(t, { [option]: 'no-such-name' });
    assert.deepEqual(await server.ended, { code: 1, signal: null });
    assertOneError(server, new RegExp(`Expected \`${option}\` to exist, got \`no-such-name\`$`));
  }
});

test("as root a worker has the user's HOME, USER, LOGNAME and SHELL, and the rest of the environment", async (t) => {
  if (!isRoot) return t.diagnostic('this test runs without root, which only the first test is about');
  const [name, , , , , home, shell] = getent('passwd', 'daemon').map((field) => field.trim());
  for (const [option, expected] of [
    [{ user: 'daemon' }, [home, name, name, shell]],
    [{ user: Number(getent('passwd', 'daemon')[2]) }, [home, name, name, shell]],
    [{ user: 12_345, group: 12_345 }, ['/', '12345', '12345', '/bin/sh']],
    [{ group: 'daemon' }, ['/root-home', 'root-user', 'root-logname', 'root-shell']],
  ]) {
    const env = { HOME: '/root-home', USER: 'root-user', LOGNAME: 'root-logname', SHELL: 'root-shell', OTHER: 'kept' };
    const server = start(t, { ...option, workers: 1 }, [], env);
    await server.healthy(1);
    const { HOME, USER, LOGNAME, SHELL, OTHER } = JSON.parse((await get(await server.port(), '/env')).body);
    assert.deepEqual([HOME, USER, LOGNAME, SHELL, OTHER], [...expected, 'kept']);
  }
});

test('a name that looks like a flag, or like several lines, is a name', async (t) => {
  if (!isRoot) return t.diagnostic('this test runs without root, which only the first test is about');
  for (const [name, shown] of [
    ['--help', '--help'],
    ['-i', '-i'],
    ['a\nb\u001b[2J', 'a\\\\nb\\\\x1b\\[2J'],
  ]) {
    for (const option of ['user', 'group']) {
      const server = start(t, { [option]: name });
      assert.deepEqual(await server.ended, { code: 1, signal: null });
      assertOneError(server, new RegExp(`Expected \`${option}\` to exist, got \`${shown}\`$`));
    }
  }
});

/** In a folder that every user may enter, as the system's own is. */
function start(t, options, args = [], env = {}) {
  const dir = tempDir(t);
  chmodSync(dir, 0o755);
  return startServer(t, 'privileges.js', { options: { listen: 'http://127.0.0.1:0', ...options }, args, dir, env });
}

async function whoServes(target) {
  return JSON.parse((await get(target)).body);
}

function nobody() {
  const [, , uid, gid] = getent('passwd', 'nobody').map(Number);
  return { uid, gid };
}

function getent(database, name) {
  return execFileSync('getent', [database, name], { encoding: 'utf8' }).split(':');
}

function assertOneError(server, pattern) {
  assert.equal(server.count(pattern), 1, server.output);
  assert.equal(server.count(/\[error\]/), 1, server.output);
  assert.deepEqual(server.pids('spawn'), []);
  assert.deepEqual(readdirSync(server.dir), []);
}
