// What the server tells systemd, on a real datagram socket.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { tlsLocation } from './helpers/certificate.js';
import { tempDir } from './helpers/files.js';
import { notifySocket } from './helpers/notify.js';
import { signal, startServer } from './helpers/server.js';
import { startChanging, upgrade } from './helpers/upgrade.js';
import { eventually } from './helpers/wait.js';

async function startNotifying(t, fixture, { env, ...settings }) {
  const systemd = await notifySocket(t, join(tempDir(t), 'notify'));
  const server = startServer(t, fixture, { ...settings, env: { NOTIFY_SOCKET: systemd.address, ...env } });
  return { server, systemd };
}

const ADDRESSES = { 'a path': (t) => join(tempDir(t), 'notify'), 'an abstract name': () => `@prefork-${randomUUID()}` };

for (const [what, address] of Object.entries(ADDRESSES)) {
  test(`systemd, at ${what}, hears when the server is ready, how the pool is, and that it stops`, async (t) => {
    const systemd = await notifySocket(t, address(t));
    const env = { NOTIFY_SOCKET: systemd.address };
    const server = startServer(t, 'echo.js', { options: { workers: 2 }, env });
    const [first] = await server.healthy(2);
    await systemd.receives(/^READY=1$/m);
    await systemd.receives(/^STATUS=2 of 2 workers$/m);
    const after = systemd.messages.length;
    signal(server.pid, 'SIGTTIN');
    await systemd.receives(/^STATUS=3 of 3 workers$/, { after });
    signal(first, 'SIGKILL');
    await systemd.receives(/^STATUS=2 of 3 workers$/, { after });
    signal(server.pid, 'SIGQUIT');
    await systemd.receives(/^STOPPING=1\nSTATUS=Stopping, workers left: [23]$/, { after });
    assert.deepEqual(await server.exited, { code: 0, signal: null });

    assert.equal(systemd.count(/READY=1/), 1);
    assert.equal(systemd.count(/STOPPING=1/), 1);
    assert.equal(systemd.count(/WATCHDOG/), 0);
    for (const { pid } of systemd.messages) assert.equal(pid, server.pid);
  });
}

test('READY does not come before the first worker is healthy', async (t) => {
  const options = { workers: 1, listen: 'http://127.0.0.1:0' };
  const { server, systemd } = await startNotifying(t, 'gated.js', { options });
  await server.waitForLine(/^loading in /);
  await systemd.receives(/^STATUS=0 of 1 workers$/);
  assert.equal(systemd.count(/READY/), 0);
  writeFileSync(join(server.dir, 'go'), '');
  await systemd.receives(/^READY=1\nSTATUS=1 of 1 workers$/);
});

test('a status is sent when it has changed, not with each heartbeat', async (t) => {
  const options = { workers: 1, heartbeatInterval: 50 };
  const { server, systemd } = await startNotifying(t, 'echo.js', { options });
  await eventually(() => server.pids('heartbeat').length > 20);
  const texts = systemd.messages.map(({ text }) => text);
  assert.equal(new Set(texts).size, texts.length, JSON.stringify(texts));
});

test('why a server could not start is its last status', async (t) => {
  const { server, systemd } = await startNotifying(t, 'fails-to-boot.js', { options: {}, args: ['throws'] });
  assert.deepEqual(await server.ended, { code: 1, signal: null });
  await systemd.receives(/^STATUS=Worker \d+ stopped before its first heartbeat$/);
  assert.equal(systemd.count(/READY/), 0);
});

describe('a reload', () => {
  test('is told with the time at which it began, and when it is over', async (t) => {
    const { server, systemd } = await startNotifying(t, 'echo.js', { options: { workers: 2 } });
    await server.healthy(2);
    const asked = process.hrtime.bigint() / 1000n;
    signal(server.pid, 'SIGHUP');
    await server.waitForLine(/^reload done$/);
    const { text } = await systemd.receives(/^RELOADING=1$/m);
    const began = BigInt(/^RELOADING=1\nMONOTONIC_USEC=(\d+)\nSTATUS=Reloading, 2 of 2 workers$/.exec(text)[1]);
    assert.ok(began >= asked && began <= process.hrtime.bigint() / 1000n, `${asked}, ${began}`);
    await eventually(() => systemd.count(/READY=1/) === 2);
    assert.equal(systemd.count(/RELOADING/), 1);
  });

  test('that fails is over, too, and the status says why until one succeeds', async (t) => {
    const systemd = await notifySocket(t, join(tempDir(t), 'notify'));
    const { server, write, source } = startChanging(t, { workers: 1 }, { NOTIFY_SOCKET: systemd.address });
    await server.healthy(1);
    write(`${source('new')}\nthrow new Error('the new code is broken');`);
    signal(server.pid, 'SIGHUP');
    await systemd.receives(/^READY=1\nSTATUS=1 of 1 workers, reload failed: worker \d+ stopped too early$/);
    write(source('new'));
    const after = systemd.messages.length;
    signal(server.pid, 'SIGHUP');
    await systemd.receives(/^RELOADING=1$/m, { after });
    await systemd.receives(/^READY=1\nSTATUS=[12] of 1 workers$/, { after });
  });

  test('of an empty pool begins and is over', async (t) => {
    const { server, systemd } = await startNotifying(t, 'echo.js', { options: { workers: 1 } });
    await server.healthy(1);
    signal(server.pid, 'SIGTTOU');
    await systemd.receives(/^STATUS=0 of 0 workers$/);
    const after = systemd.messages.length;
    signal(server.pid, 'SIGHUP');
    await systemd.receives(/^READY=1$/m, { after });
    const states = systemd.messages.slice(after).map(({ text }) => text.split('=')[0]);
    assert.deepEqual(states.slice(0, 2), ['RELOADING', 'READY']);
  });
});

test('an upgrade names the next manager as the main process, which speaks from then on', async (t) => {
  const systemd = await notifySocket(t, join(tempDir(t), 'notify'));
  const env = { NOTIFY_SOCKET: systemd.address, WATCHDOG_USEC: '200000', WATCHDOG_PID: undefined };
  const { server } = startChanging(t, { workers: 2 }, env);
  await server.healthy(2);
  let main = server.pid;
  for (let i = 0; i < 2; i++) {
    const after = systemd.messages.length;
    const next = await upgrade(server, main);
    await systemd.receives(new RegExp(`^MAINPID=${next}$`, 'm'), { after });
    await systemd.receives(/^READY=1$/m, { after });
    const at = systemd.messages.length;
    await systemd.receives(/^WATCHDOG=1$/, { after: at });
    main = next;
  }
  // systemd hears nobody but the main process
  let heard = server.pid;
  for (const { pid, text } of systemd.messages) {
    assert.equal(pid, heard, JSON.stringify(systemd.messages));
    heard = Number(/^MAINPID=(\d+)$/m.exec(text)?.[1] ?? heard);
  }
  assert.equal(heard, main);
  assert.equal(systemd.count(/STOPPING/), 0);
  signal(main, 'SIGQUIT');
  await server.ended;
  assert.equal((await systemd.receives(/^STOPPING=1$/m)).pid, main);
});

describe('the watchdog', () => {
  const WATCHDOG_USEC = '200000';

  test('is fed while the pool is healthy, and starves while it hangs', async (t) => {
    const options = { workers: 1, heartbeatInterval: 100, heartbeatTimeout: 1_000, gracefulTimeout: 300_000 };
    const { server, systemd } = await startNotifying(t, 'gated.js', {
      options: { ...options, listen: 'http://127.0.0.1:0' },
      env: { WATCHDOG_USEC },
    });
    const go = join(server.dir, 'go');
    writeFileSync(go, '');
    const [worker] = await server.healthy(1);
    await eventually(() => systemd.count(/^WATCHDOG=1$/) >= 3);
    // what replaces it loads for ever, and is replaced
    unlinkSync(go);
    const after = systemd.messages.length;
    signal(worker, 'SIGSTOP');
    await server.waitForLine(new RegExp(`Worker ${worker} has no heartbeat`));
    await systemd.receives(/^STATUS=0 of 1 workers$/, { after });
    const fed = systemd.count(/^WATCHDOG=1$/);
    await eventually(() => server.count(/has no heartbeat/) >= 3);
    assert.equal(systemd.count(/^WATCHDOG=1$/), fed);
    writeFileSync(go, '');
    await eventually(() => systemd.count(/^WATCHDOG=1$/) > fed);
  });

  test('of another process is not ours', async (t) => {
    const { server, systemd } = await startNotifying(t, 'echo.js', {
      options: { workers: 1, heartbeatInterval: 50 },
      env: { WATCHDOG_USEC: '1000', WATCHDOG_PID: '1' },
    });
    await systemd.receives(/^READY=1$/m);
    await eventually(() => server.pids('heartbeat').length > 5);
    assert.equal(systemd.count(/WATCHDOG/), 0);
  });

  test('is fed on while the server drains', async (t) => {
    const { server, systemd } = await startNotifying(t, 'echo.js', { options: { workers: 1 }, env: { WATCHDOG_USEC } });
    await server.healthy(1);
    const answer = server.get('/wait');
    await server.waitForLine(/^waits in /);
    signal(server.pid, 'SIGQUIT');
    await systemd.receives(/^STOPPING=1$/m);
    await systemd.receives(/^WATCHDOG=1$/, { after: systemd.messages.length });
    writeFileSync(join(server.dir, 'go'), '');
    await answer;
    assert.deepEqual(await server.exited, { code: 0, signal: null });
  });
});

test('neither workers nor children of the application find the variables', async (t) => {
  const { server } = await startNotifying(t, 'variables.js', {
    options: { workers: 1 },
    args: ['"http://127.0.0.1:0"'],
    env: { WATCHDOG_USEC: '10000000' },
  });
  assert.deepEqual(JSON.parse((await server.get()).body).variables, []);
  await server.waitForLine(/^manager has \[\]$/);
});

test('a notify socket that is missing, goes away, or is never read does no harm', async (t) => {
  const address = join(tempDir(t), 'notify');
  const server = startServer(t, 'echo.js', { options: { workers: 1 }, env: { NOTIFY_SOCKET: address } });
  await server.healthy(1);
  assert.equal((await server.get()).status, 200);
  const systemd = await notifySocket(t, address);
  signal(server.pid, 'SIGTTIN');
  await systemd.receives(/^STATUS=2 of 2 workers$/);
  await systemd.end();
  signal(server.pid, 'SIGTTIN');
  await server.healthy(3);
  signal(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.ended, { code: 0, signal: null });
  assert.equal(server.count(/\[warn\] Can't notify systemd: sendto ENOENT/), 1, server.output);
});

test('without a notify socket nothing is sent and nothing said', async (t) => {
  const server = startServer(t, 'echo.js', {
    options: { workers: 1 },
    env: { NOTIFY_SOCKET: undefined, DEBUG: 'prefork:manager' },
  });
  await server.healthy(1);
  assert.equal(server.count(/notify/), 0, server.output);
});

test('a path with line breaks adds no line to a datagram', async (t) => {
  const folder = join(tempDir(t), 'a\nMAINPID=1\nb');
  mkdirSync(folder);
  const listen = tlsLocation(folder);
  const { server, systemd } = await startNotifying(t, 'echo.js', { options: { workers: 1, listen } });
  await systemd.receives(/^READY=1$/m);
  rmSync(join(folder, 'key.pem'));
  signal(server.pid, 'SIGHUP');
  await systemd.receives(/reload failed: .*key\.pem/);
  assert.equal(systemd.count(/^MAINPID=/m), 0);
  await server.waitForLine(/\[error\].*a\\nMAINPID=1\\nb/);
  assert.equal(server.count(/^MAINPID/), 0, server.output);
});
