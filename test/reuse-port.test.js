// `?reuse=1`: a listening socket for each worker, and none that nobody looks after.

import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { get } from './helpers/client.js';
import { fetchOnce } from './helpers/connection.js';
import { descriptors, descriptorsOf, listeningInode, listeningInodes, lockHolders } from './helpers/kernel.js';
import { isStopped } from './helpers/processes.js';
import { beginUpload, quit, serve, workerOf } from './helpers/serve.js';
import { signal, startServer } from './helpers/server.js';
import { startChanging, upgrade } from './helpers/upgrade.js';
import { eventually } from './helpers/wait.js';

const LISTEN = 'http://127.0.0.1:0?reuse=1';
/** So many, that the kernel puts some of them at each of a few sockets. */
const MANY = 40;

/** Who polls each of the sockets: a worker has one descriptor more of what it polls. */
function pollers(port, pids) {
  return listeningInodes(port).map((inode) => pids.filter((pid) => descriptorsOf(pid, inode) === 2));
}

/** Waits until the sockets are polled by these workers, one each, in any order. */
async function assertSeated(port, pids, expected) {
  const sorted = (lists) => JSON.stringify(lists.map((list) => list.toSorted()).toSorted());
  await eventually(
    () => sorted(pollers(port, pids)) === sorted(expected),
    () => `sockets are polled by ${JSON.stringify(pollers(port, pids))}, not by ${JSON.stringify(expected)}`,
  );
}

test('each worker polls a listening socket of its own, and all serve', async (t) => {
  const { server, pids, target } = await serve(t, 'collect.js', { workers: 3, listen: LISTEN });
  const inodes = listeningInodes(target.port);
  assert.equal(inodes.length, 3);
  await assertSeated(
    target.port,
    pids,
    pids.map((pid) => [pid]),
  );
  const holders = [];
  const sampler = setInterval(() => holders.push(...lockHolders(server)));
  const answers = await Promise.all(Array.from({ length: 2 * MANY }, () => fetchOnce(target)));
  clearInterval(sampler);
  assert.deepEqual(new Set(answers.map(workerOf)), new Set(pids));
  assert.deepEqual(holders, [], 'nobody locks');
});

test('an application sees the port that the kernel chose, and IPv4 and IPv6 share it', async (t) => {
  const server = startServer(t, 'echo.js', { options: { workers: 2, listen: 'http://*:0?reuse=1' } });
  const pids = await server.healthy(2);
  const port = await server.port();
  for (const host of ['127.0.0.1', '::1']) assert.ok(pids.includes(Number((await get({ host, port })).body)));
  assert.equal(server.count(/Listening/), 1, server.output);
});

test('a killed worker leaves its socket to the others, before its replacement is there', async (t) => {
  const server = startServer(t, 'gated.js', { options: { workers: 2, listen: LISTEN } });
  const go = join(server.dir, 'go');
  writeFileSync(go, '');
  const [victim, survivor] = await server.healthy(2);
  const port = await server.port();
  rmSync(go);
  signal(victim, 'SIGKILL');
  await server.waitForLine(new RegExp(`^reap ${victim}$`));
  const answers = await Promise.all(Array.from({ length: MANY }, () => get(port)));
  for (const { body } of answers) assert.equal(Number(body), survivor);
  assert.equal(server.pids('healthy').length, 2, server.output);
});

test('what waits at the socket of a killed worker is answered', async (t) => {
  const { server, pids, connect } = await serve(t, 'collect.js', { workers: 2, listen: LISTEN });
  for (const pid of pids) await stop(pid);
  const connections = await Promise.all(Array.from({ length: MANY }, connect));
  const answers = connections.map((connection) => connection.request({ body: 'patience' }));
  signal(pids[0], 'SIGKILL');
  signal(pids[1], 'SIGCONT');
  for (const { body } of await Promise.all(answers)) assert.equal(body.toString(), 'patience');
  assert.deepEqual(server.pids('reap'), [pids[0]]);
});

test('what waits at the socket of a stuck worker is taken by others after `lockTimeout`', async (t) => {
  const { pids, target } = await serve(t, 'collect.js', { workers: 3, listen: LISTEN, lockTimeout: 50 });
  await stop(pids[1]);
  const answers = await Promise.all(Array.from({ length: MANY }, () => fetchOnce(target)));
  assert.deepEqual([...new Set(answers.map(workerOf))].toSorted(), [pids[0], pids[2]].toSorted());
});

test('a worker that drains leaves its socket to the others at once', async (t) => {
  const { server, pids, target, connect } = await serve(t, 'pipe.js', { workers: 2, spare: 0, listen: LISTEN });
  const kept = await connect();
  const worker = workerOf(await kept.request());
  await beginUpload(kept);
  await quit(server, worker);
  const other = pids.find((pid) => pid !== worker);
  await assertSeated(target.port, pids, [[other], [other]]);
  kept.send('after');
  assert.equal((await kept.response()).body.toString(), 'firstafter');
});

test('a worker that is full leaves its socket to the one that has room, and comes back to it', async (t) => {
  const { pids, target, connect } = await serve(t, 'collect.js', { workers: 2, listen: LISTEN, maxClients: 5 });
  const kept = new Map(pids.map((pid) => [pid, []]));
  for (let i = 0; i < 10; i++) {
    const connection = await connect();
    kept.get(workerOf(await connection.request())).push(connection);
    const room = pids.filter((pid) => kept.get(pid).length < 5);
    if (room.length === 1) await assertSeated(target.port, pids, [room, room]);
  }
  const [first, second] = pids.map((pid) => kept.get(pid));
  assert.deepEqual([first.length, second.length], [5, 5]);
  await assertSeated(target.port, pids, [[], []]);
  const waiting = await connect();
  const answer = waiting.request();
  first.pop().close();
  assert.equal(workerOf(await answer), pids[0]);
  for (const connection of second) connection.close();
  await assertSeated(target.port, pids, [[pids[1]], [pids[1]]]);
  for (const connection of [...first, waiting]) connection.close();
  await eventually(() => pollers(target.port, pids).some((list) => list.includes(pids[0])));
});

test('a worker never has more than `maxClients` connections open', async (t) => {
  const { target } = await serve(t, 'crowd.js', { workers: 2, listen: LISTEN, maxClients: 3 });
  const answers = await Promise.all(Array.from({ length: MANY }, () => fetchOnce(target)));
  assert.equal(Math.max(...answers.map(({ headers }) => Number(headers['x-most']))), 3);
});

test('a pool that is resized keeps its sockets, and looks after all of them', async (t) => {
  const { server, pids, target } = await serve(t, 'collect.js', { workers: 2, listen: LISTEN });
  const inodes = listeningInodes(target.port);
  await resize(server, 'SIGTTOU', 1);
  const [left] = await server.healthy(1);
  await assertSeated(target.port, [left], [[left], [left]]);
  await resize(server, 'SIGTTIN', 2);
  await resize(server, 'SIGTTIN', 3);
  const three = await server.healthy(3);
  await eventually(() => pollers(target.port, three).flat().length === 3);
  assert.ok(pids.includes(left));
  assert.deepEqual(listeningInodes(target.port), inodes);
});

test('connections wait while the pool has no worker', async (t) => {
  const { server, pids, target, connect } = await serve(t, 'collect.js', { workers: 2, listen: LISTEN });
  await resize(server, 'SIGTTOU', 1);
  await resize(server, 'SIGTTOU', 0);
  for (const pid of pids) await server.waitForLine(new RegExp(`^reap ${pid}$`));
  const connections = await Promise.all(Array.from({ length: MANY }, connect));
  const answers = connections.map((connection) => connection.request({ body: 'patience' }));
  await resize(server, 'SIGTTIN', 1);
  const [pid] = await server.healthy(1);
  for (const answer of await Promise.all(answers)) assert.equal(workerOf(answer), pid);
  await assertSeated(target.port, [pid], [[pid], [pid]]);
});

test('connections that wait when the server stops are answered', async (t) => {
  // one by one: QUIT comes before the last of them
  const options = { workers: 2, multiAccept: 1, listen: LISTEN };
  const { server, pids, connect } = await serve(t, 'pipe.js', options);
  for (const pid of pids) await stop(pid);
  const connections = await Promise.all(Array.from({ length: MANY }, connect));
  const answers = connections.map((connection) => connection.request({ body: 'just in time' }));
  signal(server.pid, 'SIGQUIT');
  await server.waitForLine(/^finish true/);
  for (const pid of pids) signal(pid, 'SIGCONT');
  for (const { body } of await Promise.all(answers)) assert.equal(body.toString(), 'just in time');
  // who was answered before QUIT is kept otherwise
  for (const connection of connections) connection.close();
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});

test('beside a location that all share, under the accept lock, each keeps to its own way', async (t) => {
  const listen = ['http://127.0.0.1:0', LISTEN];
  const { server, pids } = await serve(t, 'collect.js', { workers: 2, listen });
  const ports = server.lines.map((line) => /Listening at .*:(\d+)"/.exec(line)?.[1]).filter(Boolean);
  const [shared, reused] = ports.map(Number);
  assert.deepEqual(
    [shared, reused].map(listeningInodes).map(({ length }) => length),
    [1, 2],
  );
  await assertSeated(
    reused,
    pids,
    pids.map((pid) => [pid]),
  );
  for (const port of [shared, reused]) {
    const answers = await Promise.all(Array.from({ length: MANY }, () => fetchOnce({ port })));
    assert.deepEqual(new Set(answers.map(workerOf)), new Set(pids));
  }
  await eventually(() => lockHolders(server).length === 1);
  const inode = listeningInode(shared);
  await eventually(() => pids.filter((pid) => descriptorsOf(pid, inode) === 2).length === 1);

  signal(pids[0], 'SIGKILL');
  await server.waitForLine(new RegExp(`^reap ${pids[0]}$`));
  for (const port of [shared, reused]) await fetchOnce({ port });
});

describe('an upgrade', () => {
  test('keeps all the sockets, also for a pool of another size', async (t) => {
    const { server, change } = startChanging(t, { workers: 3, listen: LISTEN });
    await server.healthy(3);
    const port = await server.port();
    const inodes = listeningInodes(port);
    assert.equal(inodes.length, 3);
    let manager = server.pid;
    for (const workers of [1, 4]) {
      change('new', { workers });
      manager = await upgrade(server, manager);
      const pids = await server.healthy(workers);
      await eventually(() => pollers(port, pids).every((list) => list.length > 0));
      assert.deepEqual(listeningInodes(port), inodes);
      assert.equal((await server.get()).body, 'new');
    }
  });

  test('from sockets for each worker to one for all, and back, leaves none behind', async (t) => {
    const { server, change } = startChanging(t, { workers: 2, listen: LISTEN });
    await server.healthy(2);
    const port = await server.port();
    const inodes = listeningInodes(port);
    let manager = server.pid;
    for (const listen of ['http://127.0.0.1:0', LISTEN]) {
      change('new', { listen });
      manager = await upgrade(server, manager);
      await server.healthy(2);
      const answers = await Promise.all(Array.from({ length: MANY }, () => get(port)));
      for (const { body } of answers) assert.equal(body, 'new');
      assert.deepEqual(listeningInodes(port), inodes);
    }
  });
});

describe('an address', () => {
  test('that a server has without `reuse` is in use', async (t) => {
    const { target } = await serve(t, 'collect.js');
    const listen = `http://127.0.0.1:${target.port}?reuse=1`;
    const second = startServer(t, 'collect.js', { options: { workers: 2, listen } });
    assert.deepEqual(await second.ended, { code: 1, signal: null });
    assert.equal(second.count(/EADDRINUSE/), 1, second.output);
  });

  test('can be shared by several servers of a user', async (t) => {
    const { server, pids, target } = await serve(t, 'collect.js', { workers: 1, listen: LISTEN });
    const listen = `http://127.0.0.1:${target.port}?reuse=1`;
    const second = await serve(t, 'collect.js', { workers: 1, listen });
    const answers = await Promise.all(Array.from({ length: MANY }, () => fetchOnce(target)));
    assert.deepEqual(new Set(answers.map(workerOf)), new Set([...pids, ...second.pids]));
    signal(server.pid, 'SIGQUIT');
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    for (const answer of await Promise.all(Array.from({ length: MANY }, () => fetchOnce(target)))) {
      assert.equal(workerOf(answer), second.pids[0]);
    }
  });
});

test('no worker and no manager has a descriptor left of a socket that it does not need', async (t) => {
  const { server, pids, target } = await serve(t, 'collect.js', { workers: 2, listen: LISTEN });
  const inodes = listeningInodes(target.port);
  await assertSeated(
    target.port,
    pids,
    pids.map((pid) => [pid]),
  );
  const count = (pid) => descriptors(pid).filter((what) => inodes.some((inode) => what === `socket:[${inode}]`)).length;
  assert.deepEqual([server.pid, ...pids].map(count), [2, 3, 3]);
});

async function stop(pid) {
  signal(pid, 'SIGSTOP');
  await eventually(() => isStopped(pid));
}

/** Sends the signal and waits until the manager has understood: two that are sent at once may arrive as one. */
async function resize(server, name, workers) {
  const after = server.lines.length;
  signal(server.pid, name);
  await server.waitForLine(new RegExp(`Resizing the pool to ${workers} `), { after });
}
