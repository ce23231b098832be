// `prefork server.js` for a file that listens itself: it is served as it is, by every worker, over reloads and upgrades.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { project, runCommand, startCommand } from './helpers/command.js';
import { signal } from './helpers/server.js';
import { eventually } from './helpers/wait.js';

const FILES = {
  'an Express app that listens, in CommonJS': {
    'server.cjs': `
      const app = require('express')();
      app.get('/', (_req, res) => res.send('served by ' + process.pid));
      app.listen(0, '127.0.0.1');`,
  },
  'an Express app that listens, in an ES module that awaits': {
    'server.mjs': `
      import { setTimeout as sleep } from 'node:timers/promises';
      import express from 'express';
      await sleep(10);
      express().get('/', (_req, res) => res.send('served by ' + process.pid)).listen(0, '127.0.0.1');`,
  },
  'an app that is exported, and listens under require.main': {
    'server.cjs': `
      const app = require('express')();
      app.get('/', (_req, res) => res.send('served by ' + process.pid));
      module.exports = app;
      if (require.main === module) app.listen(0, '127.0.0.1');`,
  },
  'a file that listens long after it was loaded': {
    'server.mjs': `
      import http from 'node:http';
      setTimeout(() => {
        http.createServer((_req, res) => res.end('served by ' + process.pid)).listen(0, '127.0.0.1');
      }, 200);`,
  },
};

const file = (files) => Object.keys(files)[0];

/** The worker that answered. */
const servedBy = async (server) => Number(/^served by (\d+)$/.exec((await server.get()).body)?.[1]);

describe('the command serves unchanged', () => {
  for (const [what, files] of Object.entries(FILES)) {
    test(what, async (t) => {
      const dir = project(t, files);
      const server = startCommand(t, dir, [file(files), '-w', '2']);
      const seen = new Set();
      await eventually(
        async () => seen.add(await servedBy(server)).size === 2,
        () => `only ${[...seen]}`,
      );
      assert.deepEqual([...seen].sort(), server.workers().sort());
      assert.equal(server.count(/Listening at/), 1);
      signal(server.pid, 'SIGQUIT');
      assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
    });
  }
});

test('a reload keeps the port that the kernel chose, and runs the file anew', async (t) => {
  const files = FILES['an Express app that listens, in CommonJS'];
  const dir = project(t, files);
  const server = startCommand(t, dir, [file(files), '-w', '2']);
  await servedBy(server);
  await eventually(
    () => server.workers().length === 2,
    () => server.output,
  );
  const before = server.workers();
  signal(server.pid, 'SIGHUP');
  await server.waitForLine(/Reload finished/);
  // an old worker may be about to leave still
  await eventually(async () => !before.includes(await servedBy(server)));
  assert.equal((await server.get()).status, 200);
  assert.equal(server.count(/Listening at/), 1);
});

test('an upgrade hands the socket over, and the next manager finds it when its workers ask', async (t) => {
  const files = FILES['an app that is exported, and listens under require.main'];
  const dir = project(t, files);
  const server = startCommand(t, dir, [file(files), '-w', '2']);
  await servedBy(server);
  const { code, stderr } = await runCommand(t, dir, ['upgrade']);
  assert.equal(code, 0, stderr);
  await server.waitForLine(new RegExp(`Manager ${server.pid} stopped`));
  assert.ok((await servedBy(server)) > 0);
  const urls = server.lines.flatMap((line) => /Listening at "(.*)"/.exec(line)?.[1] ?? []);
  assert.deepEqual([urls.length, new Set(urls).size], [2, 1], server.output);
});

test('with --listen the first server listens there, in place of its own address', async (t) => {
  const dir = project(t, {
    'server.mjs': `
      import http from 'node:http';
      const server = http.createServer((_req, res) => res.end(JSON.stringify(server.address())));
      server.listen(1, '127.0.0.9');`,
  });
  const server = startCommand(t, dir, ['server.mjs', '-w', '1', '-l', 'http://127.0.0.1:0']);
  const { port } = await server.address();
  assert.deepEqual(JSON.parse((await server.get()).body), { address: '127.0.0.1', family: 'IPv4', port });
});
