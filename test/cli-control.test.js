// `prefork stop|reload|upgrade|resize|status`: they find the server by its PID file, and end when it is done.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createAuthority } from './helpers/certificate.js';
import { connect, listens } from './helpers/client.js';
import { answers, project, runCommand, startCommand } from './helpers/command.js';
import { isAlive, isStopped } from './helpers/processes.js';
import { signal, startServer } from './helpers/server.js';
import { eventually } from './helpers/wait.js';

const SERVER = `
  import { prefork } from '@prefork/core';
  import app from './app.mjs';
  prefork(app, { workers: 2 }).listen(0, '127.0.0.1');`;

/** The same server, started in both ways. */
const WAYS = {
  'the command has started': (t, dir) => startCommand(t, dir, ['app.mjs', '-w', '2', '-l', 'http://127.0.0.1:0']),
  'node has started': (t, dir) => startServer(t, join(dir, 'server.mjs'), { cwd: dir, dir }),
};

async function start(t, way = WAYS['the command has started']) {
  const dir = project(t, { 'app.mjs': answers('old'), 'server.mjs': SERVER });
  const server = way(t, dir);
  const change = (code) => writeFileSync(join(dir, 'app.mjs'), code);
  const run = (...args) => runCommand(t, dir, args);
  const status = async () => JSON.parse((await run('status', '--json')).stdout);
  await eventually(async () => {
    const { code, stdout } = await run('status', '--json');
    return code === 0 && JSON.parse(stdout).pool.filter(({ state }) => state === 'healthy').length === 2;
  });
  return { server, dir, change, run, status };
}

for (const [who, way] of Object.entries(WAYS)) {
  describe(`of a server that ${who}`, () => {
    test('status shows the manager, where it listens, and every worker', async (t) => {
      const { server, dir, run, status } = await start(t, way);
      const { host, port } = await server.address();
      await server.get();
      const shown = await status();
      assert.deepEqual(
        [shown.pid, shown.phase, shown.workers, shown.reloading, shown.listen, shown.pidFile],
        [server.pid, 'serving', 2, false, [`http://${host}:${port}`], join(dir, 'prefork.pid')],
      );
      assert.deepEqual(shown.pool.map(({ pid }) => pid).sort(), server.workers().sort());
      assert.equal(
        shown.pool.map(({ served }) => served).reduce((a, b) => a + b),
        1,
      );
      for (const age of [shown.uptime, ...shown.pool.map((worker) => worker.age)])
        assert.ok(age >= 0 && age < 600_000, `${age}`);

      const { code, stdout } = await run('status');
      assert.equal(code, 0);
      const [manager, listening, totals, durations, reloads, head, ...rows] = stdout.split('\n');
      assert.equal(totals, 'Connections 1, requests 1: 2xx 1');
      assert.match(durations, /^Durations p50 [\d.]+m?s, p90 [\d.]+m?s, p99 [\d.]+m?s$/);
      assert.equal(reloads, 'Reloads 0, upgrades 0, generation 0');
      assert.match(manager, new RegExp(`^Manager ${server.pid} is serving: 2 workers, up \\d+s, PID file ${dir}`));
      assert.equal(listening, `Listening at http://${host}:${port}`);
      assert.match(head, /^# +PID +STATE +GEN +AGE +BEAT +CONN +REQ +SERVED +LEFT +BUSY +DELAY +RSS +HEAP$/);
      for (const { pid } of shown.pool)
        assert.ok(rows.some((row) => new RegExp(`^\\d +${pid} +healthy +0 +\\d+s `).test(row)));
    });

    test('resize goes to a number, or up and down by one, and each worker counts', async (t) => {
      const { server, run, status } = await start(t, way);
      for (const [amount, before, after] of [
        ['6', 2, 6],
        ['-5', 6, 1],
        ['+2', 1, 3],
        ['3', 3, 3],
        ['-9', 3, 0],
        ['2', 0, 2],
      ]) {
        const { code, stdout } = await run('resize', amount);
        assert.deepEqual([code, stdout], [0, `Server ${server.pid} had ${before} workers and has ${after}`]);
        assert.equal((await status()).workers, after);
      }
    });

    test('reload ends when the new code serves', async (t) => {
      const { server, change, run } = await start(t, way);
      const before = server.workers();
      change(answers('new'));
      const { code, stdout } = await run('reload');
      assert.deepEqual([code, stdout], [0, `Server ${server.pid} has reloaded its workers`]);
      for (let i = 0; i < 4; i++) assert.equal((await server.get()).body, 'new');
      await eventually(() => !server.workers().some((pid) => before.includes(pid)));
    });

    test('reload and upgrade to broken code end with status 1 and the reason, and a later one works', async (t) => {
      const { server, change, run } = await start(t, way);
      change(`throw new Error('the new code is broken');`);
      const reload = await run('reload');
      assert.equal(reload.code, 1);
      assert.match(reload.stderr, /^prefork: Reload failed, worker \d+ did not come up; the server's log says more$/);
      const upgrade = await run('upgrade');
      assert.equal(upgrade.code, 1);
      assert.equal(
        upgrade.stderr,
        "prefork: Upgrade failed, the next manager did not come up; the server's log says more",
      );
      assert.equal((await server.get()).body, 'old');
      change(answers('new'));
      assert.equal((await run('reload')).code, 0);
      assert.equal((await server.get()).body, 'new');
    });

    test('upgrade ends when the next manager serves, which the commands then find', async (t) => {
      const { server, change, run, status } = await start(t, way);
      change(answers('new'));
      const { code, stdout } = await run('upgrade');
      const { pid, phase } = await status();
      assert.deepEqual([code, stdout, phase], [0, `Server ${server.pid} has handed over to ${pid}`, 'serving']);
      assert.notEqual(pid, server.pid);
      assert.equal((await server.get()).body, 'new');
      assert.equal((await run('reload')).code, 0);
      assert.equal((await run('stop')).code, 0);
      assert.equal(isAlive(pid), false);
      assert.deepEqual(await server.ended, { code: 0, signal: null });
    });

    test('stop ends when the server has gone', async (t) => {
      const { server, dir, run } = await start(t, way);
      const address = await server.address();
      const { code, stdout } = await run('stop');
      assert.deepEqual([code, stdout], [0, `Server ${server.pid} has stopped`]);
      assert.equal(isAlive(server.pid), false);
      assert.equal(await listens(address), false);
      assert.equal(existsSync(join(dir, 'prefork.pid')), false);
      assert.deepEqual(await server.ended, { code: 0, signal: null });
    });
  });
}

test('stop waits for what is in flight, and stop --now does not', async (t) => {
  const { server, dir, change, run } = await start(t);
  change(`export default (_request, response) => response.write('the beginning');`);
  assert.equal((await run('reload')).code, 0);
  const connection = await connect(t, await server.address());
  connection.request();
  await connection.receives(/the beginning/);
  const after = server.lines.length;
  const graceful = startCommand(t, dir, ['stop']);
  await server.waitForLine(/Trying to stop worker/, { after });
  assert.ok(isAlive(graceful.pid));
  const { code } = await run('stop', '--now');
  assert.equal(code, 0);
  assert.deepEqual(await graceful.exited, { code: 0, signal: null });
  assert.deepEqual(await server.ended, { code: 0, signal: null });
});

test('stop --now is immediate although TERM is graceful', async (t) => {
  const dir = project(t, { 'app.mjs': `export default (_request, response) => response.write('the beginning');` });
  const server = startCommand(t, dir, [
    'app.mjs',
    '-w',
    '1',
    '-l',
    'http://127.0.0.1:0',
    '--graceful-term',
    '--graceful-timeout',
    '50s',
  ]);
  const connection = await connect(t, await server.address());
  connection.request();
  await connection.receives(/the beginning/);
  const begun = performance.now();
  const { code } = await runCommand(t, dir, ['stop', '--now']);
  assert.equal(code, 0);
  assert.deepEqual(await server.ended, { code: 0, signal: null });
  // a graceful stop would wait for the response that never ends
  assert.ok(performance.now() - begun < 30_000);
});

test('a reload that is asked for while another one runs waits for one with the code as it is then', async (t) => {
  const { server, dir, change } = await start(t);
  change(`
    import { existsSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    console.log('loads the code between');
    while (!existsSync('go')) await sleep(10);
    ${answers('between')}`);
  signal(server.pid, 'SIGHUP');
  await server.waitForLine(/^loads the code between$/);
  change(answers('new'));
  const reload = startCommand(t, dir, ['reload']);
  // from then on it waits: the signal follows at once
  await eventually(() => hasOpen(reload.pid, 'memfd:prefork-scoreboard'));
  writeFileSync(join(dir, 'go'), '');
  assert.deepEqual(await reload.ended, { code: 0, signal: null }, reload.output);
  for (let i = 0; i < 4; i++) assert.equal((await server.get()).body, 'new');
});

function hasOpen(pid, name) {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).some((fd) => {
    try {
      return readlinkSync(join(folder, fd)).includes(name);
    } catch {
      return false; // closed meanwhile
    }
  });
}

test('a reload that could not even begin is told', async (t) => {
  const dir = project(t, { 'app.mjs': answers('old') });
  const { cert, key } = createAuthority(dir).issue('localhost');
  const query = new URLSearchParams({ cert, key });
  const server = startCommand(t, dir, ['app.mjs', '-w', '2', '-l', `https://127.0.0.1:0?${query}`]);
  // the second worker follows a healthy one
  await eventually(() => server.count(/Worker \d+ started/) === 2);
  rmSync(key);
  const { code, stderr } = await runCommand(t, dir, ['reload']);
  assert.deepEqual([code, stderr], [1, "prefork: Reload failed, it could not begin; the server's log says more"]);
});

test('without a server the commands end with status 1 and name the PID file', async (t) => {
  const dir = project(t, { 'stale.pid': `${process.pid}\n` });
  const path = join(dir, 'none.pid');
  for (const args of [['stop'], ['reload'], ['upgrade'], ['resize', '2'], ['status'], ['status', '--json']]) {
    const { code, stderr } = await runCommand(t, dir, [...args, '-P', path]);
    assert.equal(code, 1);
    assert.equal(stderr, `prefork: No server is running that holds the PID file ${path}; --pid-file names another`);
  }
  // who has the pid that a dead server left is not signalled
  const { code } = await runCommand(t, dir, ['stop', '--now', '-P', 'stale.pid']);
  assert.equal(code, 1);
});

test('resize without a number that can be is a mistake, whether there is a server or not', async (t) => {
  const dir = project(t, {});
  for (const amount of [[], ['many'], ['1.5'], ['2000'], ['++1']]) {
    const { code, stderr } = await runCommand(t, dir, ['resize', ...amount]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^prefork: Expected (4, \+1, -1 or the like after `prefork resize`|the number of workers)/);
  }
});

test('a server that has no healthy worker yet, or is suspended, is told', async (t) => {
  const dir = project(t, {
    'app.mjs': `console.log('loads'); await new Promise((resolve) => setTimeout(resolve, 1e6));`,
  });
  const server = startCommand(t, dir, ['app.mjs', '-w', '1', '-l', 'http://127.0.0.1:0']);
  await server.waitForLine(/^loads$/);
  for (const command of ['reload', 'upgrade']) {
    const { code, stderr } = await runCommand(t, dir, [command]);
    assert.deepEqual([code, stderr], [1, `prefork: Server ${server.pid} has no healthy worker yet`]);
  }
  signal(server.pid, 'SIGSTOP');
  await eventually(() => isStopped(server.pid));
  const { code, stderr } = await runCommand(t, dir, ['resize', '2']);
  assert.deepEqual([code, stderr], [1, `prefork: Server ${server.pid} does not react, is it suspended?`]);
});
