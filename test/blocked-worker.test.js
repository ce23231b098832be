// The holder of the accept lock is blocked by the application for 1.5 s: connections do not wait for it.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';
import { WebSocket } from 'ws';
import { cleanAfter } from './helpers/cleanup.js';
import { fetchOnce } from './helpers/connection.js';
import { descriptorsOf, listeningInode, lockHolder } from './helpers/kernel.js';
import { serve, workerOf } from './helpers/serve.js';
import { eventually } from './helpers/wait.js';

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
      connection.send('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nfirst');
      await server.waitForLine(/^request in/);
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

for (const [what, open] of Object.entries(BLOCKERS)) {
  test(`while ${what} blocks the holder of the lock, no new connection waits for it`, async (t) => {
    const { server, pids, target, connect } = await serve(t, 'blocking.js', { workers: 4 });
    const blockers = [];
    for (let i = 0; i < 8; i++) blockers.push(await open({ t, server, target, connect }));
    const holder = await lockHolder(server);
    await blockers.find(({ worker }) => worker === holder).block();
    await server.waitForLine(new RegExp(`^blocks ${holder}$`));
    const times = [];
    while (server.count(/^free again/) === 0) {
      const start = performance.now();
      await Promise.all(Array.from({ length: 3 }, () => fetchOnce(target)));
      times.push(performance.now() - start);
    }
    assert.ok(times.length > 3, `${times.length} rounds`);
    assert.ok(Math.max(...times) < 500, `the slowest took ${Math.max(...times)} ms`);
    // it had given the lock back
    assert.equal(server.count(new RegExp(`Worker ${holder} is stuck`)), 0);
    // and does not go on polling what another worker has taken over
    const inode = listeningInode(target.port);
    const polling = () => pids.filter((pid) => descriptorsOf(pid, inode) > 1);
    await eventually(
      () => polling().length === 1,
      () => `${polling()} poll`,
      10_000,
    );
    t.diagnostic(`the slowest of ${times.length} took ${Math.max(...times).toFixed()} ms`);
  });
}
