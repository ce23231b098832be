// Descriptors, shared memory, zombies and files, as the kernel counts them, over TCP, UNIX and TLS at once.

import { readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { tlsLocation } from './helpers/certificate.js';
import { tempDir } from './helpers/files.js';
import { descriptors } from './helpers/kernel.js';
import { startChanging } from './helpers/upgrade.js';
import { eventually } from './helpers/wait.js';

const HELLO = Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1]);

async function start(t) {
  const dir = tempDir(t);
  const path = join(dir, 'app.sock');
  const listen = ['http://127.0.0.1:0', `http+unix://${encodeURIComponent(path)}`, tlsLocation(dir)];
  const changing = startChanging(t, { workers: 2, listen });
  const { server } = changing;
  await server.healthy(2);
  const [, port] = await server.waitForLine(/Listening at "https:.*:(\d+)/);
  const [, clear] = await server.waitForLine(/Listening at "http:.*:(\d+)/);
  return { ...changing, targets: [{ port: Number(clear) }, { path }, { port: Number(port) }] };
}

function countsOf(pid) {
  const kinds = descriptors(pid).map((what) => what.replace(/\d+/g, 'N'));
  const shared = readFileSync(`/proc/${pid}/maps`, 'utf8').match(/memfd:prefork-/g) ?? [];
  return { kinds: kinds.toSorted(), shared: shared.length };
}

function zombiesOf(manager) {
  return readdirSync('/proc').filter((name) => {
    try {
      const stat = /^\d/.test(name) ? readFileSync(`/proc/${name}/stat`, 'latin1') : '';
      return stat.slice(stat.lastIndexOf(')') + 2).startsWith(`Z ${manager} `);
    } catch {
      return false; // it has gone
    }
  }).length;
}

function state(server, manager) {
  try {
    const workers = server.processes().filter((pid) => pid !== manager);
    const counts = workers.map((pid) => JSON.stringify(countsOf(pid))).toSorted();
    const files = readdirSync(server.dir).toSorted();
    return JSON.stringify({ manager: countsOf(manager), counts, zombies: zombiesOf(manager), files }, null, 1);
  } catch (error) {
    return error.message; // one of them has just gone
  }
}

/** The state once it has been the same for a while. */
async function idle(server) {
  let last = '';
  let since = 0;
  await eventually(() => {
    const now = state(server, server.pid);
    since = now === last ? since + 1 : 0;
    last = now;
    return since > 50;
  });
  return last;
}

function same(server, before) {
  return eventually(
    () => state(server, server.pid) === before,
    () => `before ${before}\nafter ${state(server, server.pid)}`,
    20_000,
  );
}

test('nothing is left of three reloads', async (t) => {
  const { server } = await start(t);
  const before = await idle(server);
  for (let i = 1; i <= 3; i++) {
    process.kill(server.pid, 'SIGHUP');
    await eventually(
      () => server.count(/^reload done/) === i,
      () => server.output,
      20_000,
    );
  }
  await same(server, before);
});

test('nothing is left of three upgrades that fail', async (t) => {
  const { server, write } = await start(t);
  const before = await idle(server);
  write(`throw new Error('the new code is broken');`);
  for (let i = 1; i <= 3; i++) {
    process.kill(server.pid, 'SIGUSR2');
    await eventually(
      () => server.count(/Upgrade failed, this/) === i,
      () => server.output,
      20_000,
    );
  }
  await same(server, before);
});

test('nothing is left of a hundred handshakes that go nowhere', async (t) => {
  const { server, targets } = await start(t);
  const before = await idle(server);
  for (let i = 0; i < 100; i++) {
    const socket = net.connect(targets[i % 3]).on('error', () => {});
    await new Promise((resolve) => socket.once('connect', resolve));
    if (i % 2) socket.write(HELLO);
    if (i % 4 < 2 || i % 3 === 1) socket.destroy();
    else socket.resetAndDestroy();
  }
  await same(server, before);
});
