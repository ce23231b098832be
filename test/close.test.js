// `close`: of Node's servers in a worker, of the server as a whole, and as the libraries that end servers call it.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createAuthority } from './helpers/certificate.js';
import { get, listens } from './helpers/client.js';
import { open } from './helpers/connection.js';
import { tempDir } from './helpers/files.js';
import { signal, startServer } from './helpers/server.js';

/** Far less than anything would take that ends a worker by time. Milliseconds. */
const SOON = 3_000;

const HTTP = 'http://127.0.0.1:0';

function start(t, how, { protocol = 'http', ...options } = {}, settings = {}) {
  const dir = tempDir(t);
  const { cert, key } = protocol === 'http' ? {} : createAuthority(dir).issue('localhost');
  const listen = cert ? `https://127.0.0.1:0?cert=${cert}&key=${key}` : HTTP;
  const json = options.plain ? 'plain' : JSON.stringify({ listen, workers: 1, ...options });
  return startServer(t, 'closing.js', { args: [how, json, protocol], dir, ...settings });
}

describe("Node's own close() tells what it tells without Prefork", { concurrency: 2 }, () => {
  const told = [
    'listening false',
    'event close',
    'closed undefined, listening false',
    'closed again ERR_SERVER_NOT_RUNNING',
  ];
  const cases = {
    'in plain Node': { plain: true },
    'in a worker': {},
    'in a worker, of https': { protocol: 'https' },
    'in a worker, of http2': { protocol: 'http2' },
    'in a worker with `reuse`': { listen: `${HTTP}?reuse=1` },
    'in a worker without the accept lock': { acceptLock: false },
    'in the one process of `single`': { single: true },
  };
  for (const [where, options] of Object.entries(cases)) {
    test(where, async (t) => {
      const server = start(t, 'request', options);
      const [pid] = await server.healthy(1);
      const port = await server.port();
      const tls = options.protocol !== undefined;
      const connection = await open({ port, ...(tls ? { tls } : {}) });
      const { status } = await connection.request({ path: '/close' });
      assert.equal(status, 200);
      connection.close();
      for (const line of told) await server.waitForLine(new RegExp(`^${line} in ${pid}$`));
      const lines = server.lines.filter((line) => line.endsWith(` in ${pid}`));
      assert.deepEqual(
        lines,
        told.map((line) => `${line} in ${pid}`),
      );
    });
  }
});

test('a worker without an open server leaves, and another one takes its place', async (t) => {
  const server = start(t, 'request');
  const [pid] = await server.healthy(1);
  const address = await server.address();
  const before = performance.now();
  assert.equal((await get(address, '/close')).body, `${pid}`);
  await server.waitForLine(new RegExp(`\\[info\\] Worker ${pid} stopped$`));
  assert.ok(performance.now() - before < SOON);
  const [next] = await server.healthy(1);
  assert.equal((await get(address)).body, `${next}`);
});

test('a worker that has closed one of its servers serves the other one, and takes nothing for the first', async (t) => {
  const server = start(t, 'request', { listen: [HTTP, HTTP], workers: 2 });
  const [, first] = await server.waitForLine(/Listening at ".*:(\d+)"/);
  const [, second] = await server.waitForLine(/Listening at ".*:(\d+)"/, {
    after: server.lines.findIndex((line) => line.includes(first)) + 1,
  });
  await server.healthy(2);
  const pid = (await get(Number(second), '/close')).body;
  await server.waitForLine(new RegExp(`^closed undefined, listening false in ${pid}`));
  const ask = async (port) => (await get(Number(port))).body;
  const answers = { first: new Set(), second: new Set() };
  for (let i = 0; i < 20; i++) {
    answers.first.add(await ask(first));
    answers.second.add(await ask(second));
  }
  assert.equal(answers.first.has(pid), false);
  assert.equal(answers.second.has(pid), true);
  assert.equal(server.count(/^reap/), 0, server.output);
});

describe('an application that closes its server when TERM comes ends cleanly, and its request is answered', {
  concurrency: 2,
}, () => {
  const ways = {
    classic: [/^closed undefined in/],
    own: [],
    terminus: [/^onSignal in/, /^onShutdown in/],
    stoppable: [/^stopped undefined true in/],
    terminator: [/^terminated in/],
  };
  for (const [how, expected] of Object.entries(ways)) {
    for (const first of ['manager', 'workers']) {
      test(`${how}, TERM to the ${first} first`, async (t) => {
        const server = start(t, how, { workers: 2, gracefulTerm: true });
        const workers = await server.healthy(2);
        const address = await server.address();
        const answer = get(address, '/wait');
        const [, busy] = await server.waitForLine(/^waits in (\d+)/);
        for (const pid of first === 'manager' ? [server.pid, ...workers] : [...workers, server.pid])
          signal(pid, 'SIGTERM');
        await server.waitForLine(/^finish true/);
        writeFileSync(join(server.dir, 'go'), '');
        assert.equal((await answer).body, busy);
        const before = performance.now();
        assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
        assert.ok(performance.now() - before < SOON, server.output);
        for (const line of expected)
          for (const pid of workers) await server.waitForLine(new RegExp(`${line.source} ${pid}`));
        assert.equal(server.count(/SIGKILL|immediately|nobody told|rror/), 0, server.output);
        assert.equal(await listens(address), false);
      });
    }
  }

  test('classic, TERM to the manager alone, without gracefulTerm', async (t) => {
    const server = start(t, 'classic', { workers: 2 });
    await server.healthy(2);
    const answer = get(await server.address(), '/wait');
    const [, busy] = await server.waitForLine(/^waits in (\d+)/);
    signal(server.pid, 'SIGTERM');
    await server.waitForLine(/^finish true/);
    writeFileSync(join(server.dir, 'go'), '');
    assert.equal((await answer).body, busy);
    assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
    await server.waitForLine(new RegExp(`^closed undefined in ${server.pid}`));
  });

  test('classic, and a second TERM stops at once', async (t) => {
    const server = start(t, 'classic', { workers: 1 });
    await server.healthy(1);
    get(await server.address(), '/wait').catch(() => {});
    await server.waitForLine(/^waits in (\d+)/);
    signal(server.pid, 'SIGTERM');
    await server.waitForLine(/^finish true/);
    signal(server.pid, 'SIGTERM');
    const before = performance.now();
    assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
    assert.ok(performance.now() - before < SOON, server.output);
  });

  test('terminus, QUIT to the manager alone', async (t) => {
    const server = start(t, 'terminus', { workers: 2 });
    const workers = await server.healthy(2);
    signal(server.pid, 'SIGQUIT');
    assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
    for (const pid of workers) await server.waitForLine(new RegExp(`^onShutdown in ${pid}`));
    assert.equal(server.count(/SIGKILL|immediately|nobody told/), 0, server.output);
  });
});
