// What the manager and its workers have, before and after: descriptors by kind, shared memory, zombies and files, as the kernel counts
// them, and timers and listeners, as Node does. The server listens on TCP, a UNIX socket and TLS at once.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { tlsLocation } from './helpers/certificate.js';
import { tempDir } from './helpers/files.js';
import { descriptors } from './helpers/kernel.js';
import { zombiesOf } from './helpers/processes.js';
import { signal, startServer } from './helpers/server.js';
import { upgrade } from './helpers/upgrade.js';
import { eventually } from './helpers/wait.js';

const WORKERS = 2;
const HALF_A_HELLO = Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1]);

async function start(t) {
  const dir = tempDir(t);
  const path = join(dir, 'app.sock');
  const broken = join(dir, 'broken');
  const listen = ['http://127.0.0.1:0', `http+unix://${encodeURIComponent(path)}`, tlsLocation(dir)];
  const server = startServer(t, 'leaks.js', { dir, options: { workers: WORKERS, listen }, args: [broken] });
  await server.healthy(WORKERS);
  const portOf = async (scheme) =>
    Number((await server.waitForLine(new RegExp(`Listening at "${scheme}:.*:(\\d+)`)))[1]);
  return { server, broken, targets: [{ port: await portOf('http') }, { path }, { port: await portOf('https') }] };
}

/** What Node counts in a process, by its own word. */
async function ownCounts(server, pid) {
  const after = server.lines.length;
  signal(pid, 'SIGWINCH');
  return JSON.parse((await server.waitForLine(new RegExp(`^counts ${pid} (.*)$`), { after }))[1]);
}

async function countsOf(server, pid) {
  const kinds = {};
  // numbers of pipes and sockets differ, and so does the memory of each manager
  for (const link of descriptors(pid)) {
    const kind = link.replace(/\d+/g, 'N');
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  const shared = readFileSync(`/proc/${pid}/maps`, 'utf8').match(/memfd:prefork-/g)?.length;
  return { kinds: Object.fromEntries(Object.entries(kinds).sort()), shared, ...(await ownCounts(server, pid)) };
}

/** Once there are no other processes than the manager and its workers. */
async function stateOf(server, manager = server.pid) {
  await eventually(
    () => server.processes().length === WORKERS + 1,
    () => `processes ${server.processes()} run\n${server.output}`,
    20_000,
  );
  const workers = [];
  for (const pid of server.processes()) if (pid !== manager) workers.push(await countsOf(server, pid));
  workers.sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
  return {
    manager: await countsOf(server, manager),
    workers,
    zombies: zombiesOf(manager),
    files: readdirSync(server.dir).toSorted(),
  };
}

/** It comes to this within a few seconds, and stays there. */
async function assertSame(server, before, manager) {
  const text = JSON.stringify(before);
  let after;
  const isSame = async () => {
    after = await stateOf(server, manager);
    return JSON.stringify(after) === text;
  };
  for (const end = performance.now() + 10_000; performance.now() < end && !(await isSame()); ) await sleep(200);
  assert.deepEqual(after, before);
  await sleep(500);
  assert.deepEqual(await stateOf(server, manager), before);
}

test('nothing is left of three reloads', async (t) => {
  const { server } = await start(t);
  const before = await stateOf(server);
  for (let i = 0; i < 3; i++) {
    const after = server.lines.length;
    process.kill(server.pid, 'SIGHUP');
    await server.waitForLine(/Reload finished/, { after });
  }
  await assertSame(server, before);
});

test('nothing is left of three upgrades that succeed', async (t) => {
  const { server } = await start(t);
  // a next manager has another parent and another history than the first one: it is compared with its own kind
  let manager = await upgrade(server);
  const before = await stateOf(server, manager);
  for (let i = 0; i < 3; i++) manager = await upgrade(server, manager);
  await assertSame(server, before, manager);
});

test('nothing is left of three upgrades that fail', async (t) => {
  const { server, broken } = await start(t);
  const before = await stateOf(server);
  writeFileSync(broken, '');
  for (let i = 0; i < 3; i++) {
    const after = server.lines.length;
    process.kill(server.pid, 'SIGUSR2');
    await server.waitForLine(/Upgrade failed, this manager carries on/, { after });
  }
  rmSync(broken);
  await assertSame(server, before);
});

test('nothing is left of a hundred handshakes that go nowhere', async (t) => {
  const { server, targets } = await start(t);
  const before = await stateOf(server);
  for (let i = 0; i < 102; i++) {
    const socket = net.connect(targets[i % 3]).on('error', () => {});
    await once(socket, 'connect');
    if (i % 2 === 0) await new Promise((resolve) => socket.write(HALF_A_HELLO, resolve));
    if (i % 4 < 2 || targets[i % 3].path) socket.destroy();
    else socket.resetAndDestroy();
  }
  // one that comes after them is answered, so they have been accepted
  assert.equal((await server.get()).status, 200);
  await assertSame(server, before);
});
