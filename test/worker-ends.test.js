// The log says how each worker has ended: as it should, by a signal, with a status, and whether anybody asked for it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { get } from './helpers/client.js';
import { signal, startServer } from './helpers/server.js';

const HOW = {
  '/exit': ['warn', 'exit status 0', ', nobody told it to'],
  '/exit?3': ['warn', 'exit status 3', ', nobody told it to'],
  '/throw': ['warn', 'exit status 1', ', nobody told it to'],
  '/kill?SIGKILL': ['warn', 'SIGKILL', ''],
  '/kill?SIGTERM': ['warn', 'SIGTERM', ''],
};

function start(t, options = {}) {
  return startServer(t, 'ending.js', { options: { workers: 1, listen: 'http://127.0.0.1:0', ...options } });
}

describe('a worker that ends in a request', { concurrency: 2 }, () => {
  for (const [path, [level, how, why]] of Object.entries(HOW)) {
    test(`${path}: "(${how})${why}"`, async (t) => {
      const server = start(t);
      const [pid] = await server.healthy(1);
      await assert.rejects(get(await server.address(), path));
      const [line] = await server.waitForLine(new RegExp(`\\[\\w+\\] Worker ${pid} stopped.*`));
      assert.equal(line, `[${level}] Worker ${pid} stopped (${how})${why}`);
      await server.healthy(1);
    });
  }
});

describe('a worker that was told to leave', { concurrency: 2 }, () => {
  const line = (pid, rest) => new RegExp(`\\[info\\] Worker ${pid} stopped${rest}$`);

  test('and does so: nothing more is said', async (t) => {
    const server = start(t);
    const [pid] = await server.healthy(1);
    signal(pid, 'SIGQUIT');
    await server.waitForLine(line(pid, ''));
  });

  test('and exits with another status: the status', async (t) => {
    const server = start(t);
    const [pid] = await server.healthy(1);
    await get(await server.address(), '/status?7');
    signal(pid, 'SIGQUIT');
    await server.waitForLine(line(pid, ' \\(exit status 7\\)'));
  });

  test('and blocks until it is killed: SIGKILL', async (t) => {
    const server = start(t, { gracefulTimeout: 500 });
    const [pid] = await server.healthy(1);
    get(await server.address(), '/block').catch(() => {});
    await server.waitForLine(/^blocks in/);
    signal(server.pid, 'SIGHUP');
    await server.waitForLine(new RegExp(`Stopping worker ${pid} immediately`));
    await server.waitForLine(line(pid, ' \\(SIGKILL\\)'));
  });

  test('and ends itself at once, by stop({ graceful: false }): nothing more is said', async (t) => {
    const server = start(t);
    const [pid] = await server.healthy(1);
    await assert.rejects(get(await server.address(), '/stop'));
    await server.waitForLine(line(pid, ''));
  });
});
