// The holder of the accept lock is blocked by the application for 1.5 s: connections do not wait for it.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';
import { WebSocket } from 'ws';
import { best } from './helpers/attempts.js';
import { cleanAfter } from './helpers/cleanup.js';
import { fetchOnce } from './helpers/connection.js';
import { descriptorsOf, listeningInode, lockHolder } from './helpers/kernel.js';
import { serve, workerOf } from './helpers/serve.js';
import { eventually } from './helpers/wait.js';

/** Milliseconds. */
const LIMIT = 500;

/** Each opens a connection, and says to which worker and how that is blocked through it. */
const BLOCKERS = {
  'a request': async ({ connect }) => {
    const connection = await connect();
    const worker = workerOf(await connection.request());
    return { worker, block: () => connection.send('GET /block HTTP/1.1\r\nHost: localhost\r\n\r\n') };
  },
  'the end of a body': async ({ server, connect }) => {
    const connection = await connect();
    const worker = workerOf(await connection.request());
    const block = async () => {
      const after = server.lines.length;
      connection.send('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nfirst');
      await server.waitForLine(new RegExp(`^request in ${worker}$`), { after });
      connection.send('after');
    };
    return { worker, block };
  },
  'a WebSocket message': async ({ t, target }) => {
    const socket = new WebSocket(`ws://127.0.0.1:${target.port}`);
    cleanAfter(t, () => socket.terminate());
    const [pid] = await once(socket, 'message');
    return { worker: Number(pid), block: () => socket.send('block') };
  },
};

async function timeOf(count, target) {
  const start = performance.now();
  await Promise.all(Array.from({ length: count }, () => fetchOnce(target)));
  return performance.now() - start;
}

for (const [what, open] of Object.entries(BLOCKERS)) {
  test(`while ${what} blocks the holder of the lock, no new connection waits for it`, async (t) => {
    const { server, pids, target, connect } = await serve(t, 'blocking.js', { workers: 4 });
    const blockers = [];
    for (let i = 0; i < 8; i++) blockers.push(await open({ t, server, target, connect }));
    // nor does anybody need the manager for it
    process.kill(server.pid, 'SIGSTOP');
    const slowest = await best(LIMIT, async () => {
      const holder = await lockHolder(server);
      const after = server.lines.length;
      await blockers.find(({ worker }) => worker === holder).block();
      await server.waitForLine(new RegExp(`^blocks ${holder}$`), { after });
      const times = [];
      while (server.count(/^free again/) < server.count(/^blocks/)) times.push(await timeOf(3, target));
      assert.ok(times.length > 1, `${times.length} rounds`);
      // it had given the lock back
      assert.equal(server.count(new RegExp(`Worker ${holder} is stuck`)), 0);
      return Math.max(...times);
    });
    assert.ok(slowest < LIMIT, `the slowest took ${slowest} ms`);
    // nobody goes on polling what another worker has taken over
    const inode = listeningInode(target.port);
    const polling = () => pids.filter((pid) => descriptorsOf(pid, inode) > 1);
    await eventually(
      () => polling().length === 1,
      () => `${polling()} poll`,
      10_000,
    );
    t.diagnostic(`the slowest took ${slowest.toFixed()} ms`);
  });
}
