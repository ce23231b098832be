// The accept queues of real listening sockets, as the manager looks at them.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Queues } from '../dist/manager/queues.js';
import { shutDown, waitingAt } from '../dist/posix/queue.js';
import { boundAddress, listenSocket } from '../dist/posix/sockets.js';
import { SCOREBOARD_BYTES, Scoreboard, State } from '../dist/scoreboard.js';
import { fakeLog } from './helpers/log.js';
import { worker } from './helpers/records.js';

const LOOPBACK = { address: '127.0.0.1', port: 0, family: 4 };
const SOCKET_OPTIONS = { backlog: 8, ipv6Only: false, reusePort: false };

let fd;
let address;
let clients;

beforeEach(() => {
  fd = listenSocket(LOOPBACK, SOCKET_OPTIONS);
  address = boundAddress(fd);
  clients = [];
});

afterEach(() => {
  for (const client of clients) client.destroy();
  fs.closeSync(fd);
});

async function connect() {
  const client = net.connect(address.port, '127.0.0.1');
  clients.push(client);
  await once(client, 'connect');
}

function create({ acceptLock = true, reuse = false } = {}) {
  const log = fakeLog();
  const board = new Scoreboard(new Uint32Array(SCOREBOARD_BYTES / 4));
  const location = { url: 'http://127.0.0.1:0', reuse, backlog: 8, address };
  const sockets = [{ fds: [fd], location }];
  const queues = new Queues({ acceptLock, maxClients: 3, log }, board, sockets);
  const calls = [];
  const pool = {
    workers: [],
    wakeWaiter: () => calls.push('waiter'),
    wakeAll: () => calls.push('all'),
    wakeEveryone: () => calls.push('everyone'),
  };
  return { log, board, queues, pool, calls, sockets };
}

describe('a look', () => {
  it('wakes nobody while the queue is empty and a worker holds the lock', () => {
    const { board, queues, pool, calls } = create();
    board.holder = 0;
    queues.wake(pool, 0);
    assert.deepEqual(calls, []);
  });

  it('wakes one worker where connections wait, and all of them after half a second', async () => {
    const { board, queues, pool, calls } = create();
    board.holder = 0;
    await connect();
    queues.wake(pool, 0);
    queues.wake(pool, 499);
    assert.deepEqual(calls, ['waiter', 'waiter']);
    queues.wake(pool, 500);
    assert.deepEqual(calls.slice(2), ['everyone']);
  });

  it('wakes all at their seats where a worker has died', () => {
    const { queues, pool, calls } = create({ reuse: true });
    queues.wake(pool, 0);
    queues.lost();
    queues.wake(pool, 1);
    queues.wake(pool, 2);
    assert.deepEqual(calls, ['all']);
  });

  it('tells how long each queue is', async () => {
    const { queues } = create();
    assert.deepEqual(queues.locations, [{ url: 'http://127.0.0.1:0', waiting: 0 }]);
    await connect();
    await connect();
    assert.deepEqual(queues.locations, [{ url: 'http://127.0.0.1:0', waiting: 2 }]);
  });

  it('sees other sockets once it was told of them', async () => {
    const { queues } = create();
    await connect();
    queues.watch([]);
    assert.deepEqual(queues.locations, []);
    assert.equal(queues.isDeserted([]), false);
  });

  it('warns once when all that serve are full and connections wait', async () => {
    const { board, queues, pool, log } = create();
    await connect();
    const full = worker('healthy', { slot: 0 });
    pool.workers = [full, worker('draining', { slot: 1 })];
    board.claim(0);
    board.setState(0, State.full);
    board.setConnections(0, 3);
    queues.wake(pool, 0);
    queues.wake(pool, 100);
    assert.equal(log.lines.length, 1);
    assert.match(log.lines[0], /^warn: All workers are full, with 3 connections each \(maxClients\).*: 1$/);
  });
});

describe('a queue', () => {
  it('is deserted when connections wait and no worker accepts', async () => {
    const { board, queues } = create();
    const one = worker('healthy', { slot: 0 });
    board.claim(0);
    board.setState(0, State.ready);
    assert.equal(queues.isDeserted([]), false);
    await connect();
    assert.equal(queues.isDeserted([one]), false);
    assert.equal(queues.isDeserted([worker('starting', { slot: 1 })]), true);
    board.setState(0, State.draining);
    assert.equal(queues.isDeserted([one]), true);
  });
});

describe('a socket that was shut down', () => {
  it('listens again, and that is an error in the log', async () => {
    // a port that was asked for stays with its socket
    fs.closeSync(fd);
    fd = listenSocket({ ...LOOPBACK, port: address.port }, SOCKET_OPTIONS);
    const { queues, log } = create();
    assert.equal(queues.repair(), undefined);
    assert.deepEqual(log.lines, []);
    shutDown(fd);
    assert.equal(queues.repair(), undefined);
    assert.match(
      log.lines[0],
      /^error: The listening socket of http:\/\/127.0.0.1:0 was shut down, .*; listening again$/,
    );
    await connect();
    assert.equal(waitingAt([fd]), 1);
    assert.equal(queues.repair(), undefined);
    assert.equal(log.lines.length, 1);
  });

  it('and has lost the port that the kernel chose is the reason to stop', () => {
    const { queues, log } = create();
    shutDown(fd);
    const failure = queues.repair();
    assert.equal(failure?.code, 'ERR_PREFORK_SHUT_DOWN');
    assert.equal(failure.message, `Can't listen at http://127.0.0.1:0 again: port ${address.port} is lost`);
    assert.equal(log.lines.at(-1), `error: ${failure.message}; stopping`);
  });
});
