// `?reuse=1` under a flood of new connections: whatever happens to the workers, clients that did nothing wrong lose nothing.

import assert from 'node:assert/strict';
import test from 'node:test';
import { assertNothingLost, flood } from './helpers/flood.js';
import { listeningInodes } from './helpers/kernel.js';
import { serve } from './helpers/serve.js';

const LISTEN = 'http://127.0.0.1:0?reuse=1';
const NEW_CONNECTIONS = { clients: 12, keepAlive: false };

/** Floods the server until `during` is over. */
async function floodWhile(target, during, options = {}) {
  let isOver = false;
  const work = during().finally(() => {
    isOver = true;
  });
  const tally = await flood(target, { ...NEW_CONNECTIONS, until: () => isOver, ...options });
  await work;
  return tally;
}

/** Sends the signal, waits for the line, and does so again. */
async function repeat(server, count, signal, line) {
  for (let i = 0; i < count; i++) {
    const after = server.lines.length;
    process.kill(server.pid, signal);
    await server.waitForLine(line, { after });
  }
}

test('back-to-back reloads lose nothing', async (t) => {
  const { server, pids, target } = await serve(t, 'collect.js', { workers: 3, listen: LISTEN });
  const inodes = listeningInodes(target.port);
  const tally = await floodWhile(target, () => repeat(server, 4, 'SIGHUP', /^reload done/));
  assertNothingLost(tally);
  assert.ok([...tally.workers.keys()].filter((pid) => !pids.includes(pid)).length >= 3);
  assert.deepEqual(listeningInodes(target.port), inodes);
});

test('50 recycles lose nothing, and no worker accepts more than its budget', async (t) => {
  const { server, target } = await serve(t, 'collect.js', { workers: 3, accepts: 20, listen: LISTEN });
  const until = () => server.pids('reap').length >= 50;
  const tally = await flood(target, { ...NEW_CONNECTIONS, until });
  assertNothingLost(tally);
  assert.ok(Math.max(...tally.workers.values()) <= 20, `lives of ${[...tally.workers.values()]}`);
});

test('killed workers lose what they had in hand, and nothing of what the kernel had for them', async (t) => {
  const { server, pids, target } = await serve(t, 'collect.js', { workers: 3, listen: LISTEN });
  const tally = await floodWhile(target, async () => {
    for (const [i, pid] of pids.entries()) {
      process.kill(pid, 'SIGKILL');
      await server.waitForLine(new RegExp(`^reap ${pid}$`));
      await server.healthy(3);
      assert.equal(server.pids('reap').length, i + 1);
    }
  });
  const { lost, sent, answered } = tally;
  // a client of this flood has one connection at a time, and each of the three may have had all of them in hand
  assert.ok(lost.length <= 3 * NEW_CONNECTIONS.clients, `${lost.length} were lost`);
  for (const { kind, message } of lost) assert.match(kind, /^(reset|closed)$/, message);
  assert.equal(answered + lost.length, sent);
});

test('a pool that shrinks and grows loses nothing', async (t) => {
  const { server, target } = await serve(t, 'collect.js', { workers: 3, listen: LISTEN });
  const tally = await floodWhile(target, async () => {
    for (let round = 0; round < 3; round++) {
      await repeat(server, 2, 'SIGTTOU', /Resizing the pool to/);
      await server.healthy(1);
      await repeat(server, 3, 'SIGTTIN', /Resizing the pool to/);
      await server.healthy(4);
      await repeat(server, 1, 'SIGTTOU', /Resizing the pool to/);
      await server.healthy(3);
    }
  });
  assertNothingLost(tally);
});

test('a pool without room loses nothing', async (t) => {
  const { target } = await serve(t, 'collect.js', { workers: 3, maxClients: 2, listen: LISTEN });
  assertNothingLost(await flood(target, { ...NEW_CONNECTIONS, requests: 1_000 }));
});

test('hot upgrades lose nothing, with more workers and with fewer', async (t) => {
  const { server, target } = await serve(t, 'collect.js', { workers: 3, listen: LISTEN });
  const inodes = listeningInodes(target.port);
  let manager = server.pid;
  const tally = await floodWhile(target, async () => {
    for (let i = 0; i < 3; i++) {
      const after = server.lines.length;
      process.kill(manager, 'SIGUSR2');
      const [, next] = await server.waitForLine(/Upgrade finished, manager (\d+) takes over/, { after });
      manager = Number(next);
    }
  });
  assertNothingLost(tally);
  assert.deepEqual(listeningInodes(target.port), inodes);
  process.kill(manager, 'SIGQUIT');
  await server.ended;
  assert.deepEqual(server.processes(), []);
});

test('beside a location that all share, both lose nothing over reloads, recycles and kept connections', async (t) => {
  const listen = ['http://127.0.0.1:0', LISTEN];
  const { server, target } = await serve(t, 'collect.js', { workers: 3, accepts: 100, listen });
  const [, reused] = server.lines.map((line) => /Listening at .*:(\d+)"/.exec(line)?.[1]).filter(Boolean);
  let isOver = false;
  const reloads = repeat(server, 3, 'SIGHUP', /^reload done/).finally(() => {
    isOver = true;
  });
  const options = { clients: 4, until: () => isOver };
  const tallies = await Promise.all(
    [target, { port: Number(reused) }].flatMap((to) =>
      [true, false].map((keepAlive) => flood(to, { ...options, keepAlive })),
    ),
  );
  await reloads;
  for (const tally of tallies) assertNothingLost(tally);
});

test('QUIT answers what was accepted and refuses the rest; at the most one connection of a client meets the end', async (t) => {
  const { server, target } = await serve(t, 'collect.js', { workers: 3, listen: LISTEN });
  const stopped = new AbortController();
  let isStopping = false;
  const until = ({ answered }) => {
    if (!isStopping && answered > 200) isStopping = process.kill(server.pid, 'SIGQUIT');
    return false;
  };
  const load = flood(target, { ...NEW_CONNECTIONS, requests: 0, until, signal: stopped.signal });
  assert.deepEqual(await server.exited, { code: 0, signal: null });
  stopped.abort();
  const { lost, sent, answered } = await load;
  // whose handshake ends between the last look at a queue and the end of the socket is reset by the kernel
  const reset = lost.filter(({ kind }) => kind === 'reset');
  assert.equal(new Set(reset.map(({ client }) => client)).size, reset.length);
  for (const { kind, message } of lost) assert.match(kind, /^(refused|reset)$/, message);
  assert.equal(answered + lost.length, sent);
});
