// A log that cannot be written: the lines are lost, the server is not.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { cleanAfter } from './helpers/cleanup.js';
import { get } from './helpers/client.js';
import { tempDir } from './helpers/files.js';
import { isAlive } from './helpers/processes.js';
import { eventually, within } from './helpers/wait.js';

const FIXTURE = fileURLToPath(new URL('./fixtures/echo.js', import.meta.url));

/** Starts a server whose stderr is this; stdout tells of its workers. */
async function start(t, stderr, env = {}) {
  const options = { workers: 1, gracefulTimeout: 2000, pidFile: `${tempDir(t)}/pid` };
  const socket = `${tempDir(t)}/socket`;
  const listen = [`http+unix://${encodeURIComponent(socket)}`];
  const child = spawn(process.execPath, [FIXTURE, JSON.stringify({ ...options, listen })], {
    stdio: ['ignore', 'pipe', stderr],
    env: { ...process.env, ...env, TMPDIR: tempDir(t) },
  });
  const exited = once(child, 'exit');
  cleanAfter(t, async () => {
    child.kill('SIGKILL');
    await exited;
    // the worker drains when its manager has gone
    await eventually(() => !isAlive(pid));
  });
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  const healthy = (nth) =>
    eventually(
      () => [...output.matchAll(/^healthy (\d+)$/gm)][nth]?.[1],
      () => `no healthy worker: ${output}`,
    );
  const pid = Number(await healthy(0));
  return { child, exited, socket, pid, healthy };
}

async function assertLives({ child, exited, socket, pid, healthy }) {
  process.kill(pid, 'SIGKILL');
  const next = await healthy(1);
  assert.equal((await get(socket)).body, next);
  child.kill('SIGQUIT');
  const [code] = await within(exited, 'the manager has not exited');
  assert.equal(code, 0);
}

test('the reader of stderr has gone', async (t) => {
  const server = await start(t, 'pipe');
  server.child.stderr.destroy();
  await assertLives(server);
});

test('the reader of stderr has gone, and DEBUG is set', async (t) => {
  const server = await start(t, 'pipe', { DEBUG: 'prefork:*' });
  server.child.stderr.destroy();
  await assertLives(server);
});

test('the disk of stderr is full from the start', async (t) => {
  const full = openSync('/dev/full', 'w');
  cleanAfter(t, () => closeSync(full));
  await assertLives(await start(t, full));
});

test('stderr is a full pipe without a reader', async (t) => {
  const server = await start(t, 'pipe', { DEBUG: 'prefork:*' });
  server.child.stderr.pause();
  // each request is several lines of trace
  for (let i = 0; i < 2000; i++) await get(server.socket);
  await assertLives(server);
});
