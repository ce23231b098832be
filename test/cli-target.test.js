// `prefork stop|reload|upgrade|resize|status`: which process they look at and signal. They delete nothing, and believe no file
// that somebody else can have made.

import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { answers, HERE, project, runCommand, startCommand } from './helpers/command.js';
import { tempDir } from './helpers/files.js';
import { isAlive } from './helpers/processes.js';
import { signal, startServer } from './helpers/server.js';
import { ATTACKERS, asUser, isRoot } from './helpers/users.js';

const COMMANDS = [['status'], ['reload'], ['upgrade'], ['resize', '2'], ['stop'], ['stop', '--now']];

/** A server of the command with a PID file of its own, in the project's folder. */
async function serve(t, dir, pidFile) {
  const server = startCommand(t, dir, ['app.mjs', '-w', '1', ...HERE, '-P', pidFile]);
  await server.waitForLine(/Worker \d+ started/);
  assert.equal((await server.get()).body, 'served');
  return server;
}

/** All commands at once: `[{ code, stdout, stderr }]`. */
const runAll = (t, dir, pidFile, settings, commands = COMMANDS) =>
  Promise.all(commands.map((command) => runCommand(t, dir, [...command, '-P', pidFile], settings)));

async function assertLives(server) {
  assert.ok(isAlive(server.pid));
  assert.equal((await server.get()).body, 'served');
  assert.equal(server.count(/Stopping|Reload|Upgrad|Resiz/), 0, server.output);
}

describe('a reading command deletes nothing:', () => {
  const FILES = {
    'a stale PID file': [
      (path) => writeFileSync(path, '999999\n'),
      /^prefork: No server is running that holds the PID file /,
    ],
    'an empty file': [(path) => writeFileSync(path, ''), /^prefork: No server is running/],
    'a database': [
      (path) => writeFileSync(path, Buffer.from('SQLite format 3\0\x01\x02')),
      / is no PID file: it holds something else/,
    ],
    'a file of settings': [
      (path) => writeFileSync(path, '{ "port": 80 }\n'),
      / is no PID file: it holds something else/,
    ],
    'a number in a sparse file of 4 GiB': [
      (path) => {
        writeFileSync(path, '1\n');
        truncateSync(path, 2 ** 32);
      },
      / is no PID file: it holds something else/,
    ],
    'a symbolic link': [
      (path) => symlinkSync('/etc/hostname', path),
      / is no PID file: it is a symbolic link, name the file itself/,
    ],
    'a folder': [(path) => mkdirSync(path), / is no PID file: it is not a regular file/],
  };
  for (const [what, [make, expected]] of Object.entries(FILES)) {
    test(what, async (t) => {
      const dir = project(t, {});
      const path = join(dir, 'data.db');
      make(path);
      const before = lstatSync(path, { bigint: true });
      for (const { code, stderr } of await runAll(t, dir, path)) {
        assert.equal(code, 1);
        assert.match(stderr, expected);
        assert.ok(stderr.includes(path), stderr);
        assert.equal(stderr.split('\n').length, 1, stderr);
      }
      const { ino, size, mtimeNs } = lstatSync(path, { bigint: true });
      assert.deepEqual([ino, size, mtimeNs], [before.ino, before.size, before.mtimeNs]);
    });
  }
});

test('a locked file that names another server is believed by no command', async (t) => {
  const dir = project(t, { 'app.mjs': answers('served') });
  const server = await serve(t, dir, 'server.pid');
  const path = join(dir, 'lure.pid');
  const squatter = startServer(t, 'squatter.js', { args: [JSON.stringify({ path, text: `${server.pid}\n` })] });
  await squatter.waitForLine(/^holds it$/);
  for (const { code, stderr } of await runAll(t, dir, path)) {
    assert.equal(code, 1);
    assert.match(
      stderr,
      new RegExp(`^prefork: The PID file ${path} names process ${server.pid}, which does not have it open`),
    );
  }
  await assertLives(server);
});

test('a locked file that holds no pid is one clear error', async (t) => {
  const dir = project(t, {});
  const path = join(dir, 'some.pid');
  for (const [text, size, expected] of [
    ['', undefined, / is locked, and names no process: try again$/],
    ['1\n', 2 ** 32, / is no PID file: it holds something else than a process id$/],
    ['2147483646\n', undefined, / names process 2147483646, which does not have it open/],
  ]) {
    const squatter = startServer(t, 'squatter.js', { args: [JSON.stringify({ path, text, size })] });
    await squatter.waitForLine(/^holds it$/);
    const { code, stderr } = await runCommand(t, dir, ['status', '-P', path]);
    assert.equal(code, 1);
    assert.match(stderr, expected);
    await squatter.kill();
  }
});

for (const uid of ATTACKERS) {
  describe(`user ${uid}`, () => {
    test("cannot lure root's commands to another server by a locked file of his", async (t) => {
      if (!isRoot) return t.diagnostic('this test runs without root: it cannot be another user');
      const dir = project(t, { 'app.mjs': answers('served') });
      const server = await serve(t, dir, 'server.pid');
      const open = tempDir(t);
      chmodSync(open, 0o1777);
      const path = join(open, 'prefork.pid');
      const text = `${server.pid}\n`;
      const squatter = startServer(t, 'squatter.js', { args: [JSON.stringify({ path, text })], via: asUser(uid) });
      await squatter.waitForLine(/^holds it$/);
      for (const { code, stderr } of await runAll(t, dir, path)) {
        assert.equal(code, 1);
        assert.match(
          stderr,
          new RegExp(`^prefork: The PID file ${path} belongs to user ${uid}, neither to you nor to root`),
        );
      }
      await assertLives(server);
    });

    test("cannot wait for the lock of root's server, which starts again after a crash", async (t) => {
      if (!isRoot) return t.diagnostic('this test runs without root: it cannot be another user');
      const dir = tempDir(t);
      chmodSync(dir, 0o755);
      const options = { workers: 1, pidFile: join(dir, 'server.pid'), user: uid, group: uid };
      const first = startServer(t, 'echo.js', { options, dir });
      await first.healthy(1);
      const waiter = startServer(t, 'waits-for-lock.js', { args: [options.pidFile], via: asUser(uid) });
      await waiter.waitForLine(/^EACCES$/);
      signal(first.pid, 'SIGKILL');
      await first.exited;
      const second = startServer(t, 'echo.js', { options, dir });
      await second.healthy(1);
      assert.equal(second.count(/\[warn\]|\[error\]/), 0, second.output);
      assert.equal(waiter.count(/^has it$/), 0, waiter.output);
    });

    test('gets a clear answer where the server is not his', async (t) => {
      if (!isRoot) return t.diagnostic('this test runs without root: it cannot be another user');
      const dir = project(t, { 'app.mjs': answers('served') });
      chmodSync(dir, 0o755);
      const server = await serve(t, dir, 'server.pid');
      for (const { code, stderr } of await runAll(t, dir, 'server.pid', { via: asUser(uid) })) {
        assert.equal(code, 1);
        assert.match(
          stderr,
          /^prefork: Can't look at the PID file server.pid: EACCES.*; run the command as the server's user, or as root$/,
        );
      }
      await assertLives(server);
    });

    test('may look at and stop a server of his own, which root refuses to do through his file', async (t) => {
      if (!isRoot) return t.diagnostic('this test runs without root: it cannot be another user');
      const dir = project(t, { 'app.mjs': answers('served') });
      chmodSync(dir, 0o755);
      const own = join(dir, 'own');
      mkdirSync(own);
      chownSync(own, uid, uid);
      const path = join(own, 'server.pid');
      const server = startCommand(t, dir, ['app.mjs', '-w', '1', ...HERE, '-P', path], {
        via: asUser(uid),
        env: { TMPDIR: own },
      });
      await server.waitForLine(/Worker \d+ started/);
      const { stderr } = await runCommand(t, dir, ['stop', '-P', path]);
      assert.match(stderr, new RegExp(`belongs to user ${uid}`));
      assert.equal((await runCommand(t, dir, ['status', '-P', path], { via: asUser(uid) })).code, 0);
      assert.equal((await runCommand(t, dir, ['stop', '-P', path], { via: asUser(uid) })).code, 0);
      assert.deepEqual(await server.ended, { code: 0, signal: null });
    });
  });
}

describe('a process that poses as a server', () => {
  async function pose(t, settings) {
    const dir = project(t, {});
    const path = join(dir, 'poser.pid');
    const poser = startServer(t, 'poser.js', { args: [JSON.stringify({ path, ...settings })] });
    await poser.waitForLine(/^poses$/);
    return { poser, run: (...args) => runCommand(t, dir, [...args, '-P', path]) };
  }

  test('puts no control character on the terminal', async (t) => {
    const url = 'http://\u001b[2J\u001b]0;gotcha\u0007\r\n\u009b31m\u007f:80';
    const { run } = await pose(t, { phase: 1, facts: JSON.stringify({ locations: [{ url }], onDemand: [url] }) });
    for (const flags of [[], ['--json']]) {
      const { code, stdout } = await run('status', ...flags);
      assert.equal(code, 0);
      assert.doesNotMatch(stdout.replaceAll('\n', ''), /\p{Cc}/u);
      if (flags.length > 0) assert.deepEqual(JSON.parse(stdout).listen, [url, url]);
      else assert.match(stdout, /Listening at http:\/\/\\x1b\[2J\\x1b\]0;gotcha\\x07\\r\\n\\x9b31m\\x7f:80/);
    }
  });

  test('with facts that are none is one clear error', async (t) => {
    for (const facts of [
      '',
      'junk',
      'null',
      '[]',
      '{"locations":7}',
      '{"locations":[null]}',
      '{"locations":[{"url":{}}]}',
    ]) {
      const { run, poser } = await pose(t, { phase: 1, facts });
      const { code, stdout, stderr } = await run('status');
      // an empty list is one
      if (facts === '[]') assert.equal(code, 0);
      else assert.deepEqual([code, stdout], [1, '']);
      if (facts !== '[]') assert.match(stderr, /^prefork: Can't read where server \d+ listens: .*$/);
      await poser.kill();
    }
  });

  test('that says it stops, and does not, makes `prefork stop` wait for as long as it said and no longer', async (t) => {
    const { run, poser } = await pose(t, { phase: 2, stopTakes: 1_000, facts: '{"locations":[]}' });
    const start = performance.now();
    const [slow, now] = await Promise.all([run('stop'), run('stop', '--now')]);
    const took = performance.now() - start;
    const late = `prefork: Server ${poser.pid} stops, and has not ended in the time that it said: is it suspended?`;
    assert.deepEqual([slow.code, slow.stderr], [1, `${late} \`prefork stop --now\` does not wait`]);
    assert.deepEqual([now.code, now.stderr], [1, `${late} \`kill -KILL ${poser.pid}\` ends it`]);
    // its second, and ten of patience
    assert.ok(took >= 11_000 && took < 20_000, `${took} ms`);
  });

  test('with a scoreboard of junk makes no command wait for ever', async (t) => {
    const { run, poser } = await pose(t, { facts: '{"locations":[]}' });
    const status = await run('status');
    assert.equal(status.code, 0, status.stderr);
    const outcomes = await Promise.all([run('stop'), run('reload'), run('upgrade'), run('resize', '1')]);
    for (const { code, stderr } of outcomes) {
      assert.equal(code, 1);
      assert.match(stderr, /^prefork: Server \d+ (does not react, is it suspended\?|stops)$/);
    }
    assert.match(outcomes[0].stderr, /does not react/);
    assert.ok(isAlive(poser.pid));
  });
});

describe('two servers in one script', () => {
  const SCRIPT = `
    import { prefork } from '@prefork/core';
    const [own, admin] = ['public', 'admin'].map((name, i) =>
      prefork((request, response) => response.end(name), { workers: 2 - i, pidFile: name + '.pid' }));
    own.listen(0, '127.0.0.1');
    admin.listen(0, '127.0.0.1');`;

  test('are told apart by their PID files, and a signal that would reach both is refused', async (t) => {
    const dir = project(t, { 'server.mjs': SCRIPT });
    const server = startServer(t, join(dir, 'server.mjs'), { cwd: dir, dir });
    for (let i = 0; i < 3; i++) await server.waitForLine(/Worker \d+ started/, { after: i });
    const [, first] = await server.waitForLine(/Listening at "(.*)"/);
    const listening = () => server.lines.flatMap((line) => /Listening at "(.*)"/.exec(line)?.[1] ?? []);
    await server.waitForLine(/Listening at/, { after: server.lines.findIndex((line) => line.includes(first)) + 1 });
    const shown = {};
    for (const name of ['public', 'admin']) {
      const { code, stdout, stderr } = await runCommand(t, dir, ['status', '--json', '-P', `${name}.pid`]);
      assert.equal(code, 0, stderr);
      shown[name] = JSON.parse(stdout);
      for (const command of COMMANDS.slice(1)) {
        const refused = await runCommand(t, dir, [...command, '-P', `${name}.pid`]);
        assert.equal(refused.code, 1);
        assert.match(
          refused.stderr,
          new RegExp(`^prefork: Process ${server.pid} runs 2 servers, and a signal reaches all of them: `),
        );
      }
    }
    assert.deepEqual([shown.public.workers, shown.admin.workers], [2, 1]);
    assert.deepEqual([...shown.public.listen, ...shown.admin.listen].sort(), listening().sort());
    for (const { listen } of Object.values(shown)) assert.equal(listen.length, 1);
    assert.equal(await (await fetch(shown.admin.listen[0])).text(), 'admin');
    assert.equal(await (await fetch(shown.public.listen[0])).text(), 'public');
    signal(server.pid, 'SIGQUIT');
    await server.ended;
    assert.equal(existsSync(join(dir, 'admin.pid')), false);
    assert.throws(() => readFileSync(join(dir, 'public.pid')));
  });
});
