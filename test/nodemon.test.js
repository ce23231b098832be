// The real nodemon restarts by USR2, which is a hot upgrade elsewhere; and flags of Node that have taken USR2.

import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { project } from './helpers/command.js';
import { isAlive } from './helpers/processes.js';
import { signal, startServer } from './helpers/server.js';
import { eventually } from './helpers/wait.js';

const NODEMON = fileURLToPath(new URL('../node_modules/nodemon/bin/nodemon.js', import.meta.url));

const source = (text, options) => `
  import { prefork } from '@prefork/core';
  const server = prefork((_request, response) => response.end('${text}'), { workers: 2, ...${JSON.stringify(options)} });
  server.on('listening', () => console.log('serves ${text}'));
  server.listen(0, '127.0.0.1');`;

/** The answer of the server that listens last. */
async function answer(server) {
  const ports = server.lines.map((line) => /Listening at "http:.*:(\d+)"/.exec(line)?.[1]).filter(Boolean);
  const response = await fetch(`http://127.0.0.1:${ports.at(-1)}/`, { headers: { connection: 'close' } });
  return response.text();
}

describe('under nodemon', () => {
  for (const [what, flags, options] of [
    ['each change restarts the server', [], {}],
    ['each change restarts the server behind a shell', ['--exec', 'node --no-warnings'], {}],
    ['each change restarts a server that serves alone', [], { single: true }],
    ['each change restarts the server by another signal', ['--signal', 'SIGHUP'], {}],
  ]) {
    test(`${what}, and nothing is left in the end`, async (t) => {
      const dir = project(t, { 'server.mjs': source('0', options) });
      const args = ['--quiet', '--watch', join(dir, 'server.mjs'), ...flags, 'server.mjs'];
      const server = startServer(t, NODEMON, { args, cwd: dir, env: { PWD: dir } });
      for (let change = 0; change < 3; change++) {
        await server.waitForLine(new RegExp(`^serves ${change}$`));
        assert.equal(await answer(server), String(change));
        writeFileSync(join(dir, 'server.mjs'), source(String(change + 1), options));
        await server.waitForLine(/\[info\] Stopping for nodemon \d+, which restarts the server by (USR2|HUP)/);
      }
      await server.waitForLine(/^serves 3$/);
      assert.equal(server.count(/EADDRINUSE|Upgrading|runs already|is running already/), 0, server.output);
      signal(server.pid, 'SIGINT');
      await server.ended;
      await eventually(
        () => server.processes().length === 0,
        () => `processes ${server.processes()} are left`,
      );
    });
  }
});

describe('USR2 that Node has taken', { concurrency: 2 }, () => {
  for (const [flag, what, { execArgv = [], NODE_OPTIONS }] of [
    ['--report-on-signal', 'by --report-on-signal', { execArgv: ['--report-on-signal', '--report-compact'] }],
    ['--report-on-signal', 'by NODE_OPTIONS', { NODE_OPTIONS: '--report-on-signal --report-compact' }],
    ['--heapsnapshot-signal', 'by --heapsnapshot-signal', { execArgv: ['--heapsnapshot-signal=SIGUSR2'] }],
  ]) {
    test(`${what} is left to it, and said`, async (t) => {
      const dir = project(t, { 'server.mjs': source('served', {}) });
      const settings = { args: ['server.mjs'], cwd: dir, execArgv, env: { PWD: dir, NODE_OPTIONS } };
      const server = startServer(t, undefined, settings);
      await server.waitForLine(/^serves /);
      signal(server.pid, 'SIGUSR2');
      await server.waitForLine(
        new RegExp(`\\[warn\\] Ignoring USR2: Node has taken it by ${flag}, name another signal there`),
      );
      assert.ok(
        readdirSync(dir).some((name) => /\.(json|heapsnapshot)$/.test(name)),
        server.output,
      );
      assert.equal(server.count(/Upgrading/), 0);
      assert.ok(isAlive(server.pid));
      assert.equal(await answer(server), 'served');
    });
  }

  test('for another signal upgrades as ever', async (t) => {
    const dir = project(t, { 'server.mjs': source('served', {}) });
    const execArgv = ['--report-on-signal', '--report-signal=SIGPROF', '--report-compact'];
    const server = startServer(t, undefined, { args: ['server.mjs'], cwd: dir, execArgv, env: { PWD: dir } });
    await server.waitForLine(/^serves /);
    signal(server.pid, 'SIGUSR2');
    await server.waitForLine(/Upgrade finished/);
  });
});
