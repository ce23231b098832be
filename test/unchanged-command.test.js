// What the command offers for an exported app it offers for a file that listens itself: checks, watching, systemd's sockets,
// users, the inspector, events, and one process alone.

import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { get, ownLoopback } from './helpers/client.js';
import { HERE, project, runCommand, startCommand } from './helpers/command.js';
import { signal } from './helpers/server.js';
import { eventually } from './helpers/wait.js';

const SERVER = `
  import http from 'node:http';
  http.createServer((_req, res) => res.end('served by ' + process.pid)).listen(0, '127.0.0.1');`;

describe('--check', () => {
  test('is content with a file that listens, and binds nothing', async (t) => {
    const dir = project(t, {
      'server.mjs': `
        import http from 'node:http';
        const server = http.createServer().listen('never.sock', () => console.log('listening', server.address()));`,
    });
    const { code, stdout, stderr } = await runCommand(t, dir, ['--check', 'server.mjs']);
    assert.deepEqual([code, stderr], [0, ''], stdout);
    assert.match(stdout, /Everything looks good!$/);
    await assert.rejects(get(join(dir, 'never.sock')), { code: 'ENOENT' });
  });

  test('shows the stack of one that throws after it listened', async (t) => {
    const dir = project(t, {
      'server.cjs': `require('node:http').createServer().listen(0); throw new Error('too late');`,
    });
    const { code, stderr } = await runCommand(t, dir, ['--check', 'server.cjs']);
    assert.deepEqual([code, /Error: too late\n/.test(stderr)], [1, true], stderr);
  });
});

test('--watch reloads a file that listens, and waits while it does not boot', async (t) => {
  const dir = project(t, { 'server.mjs': SERVER });
  const server = startCommand(t, dir, ['server.mjs', '-w', '1', '--watch']);
  assert.match((await server.get()).body, /^served by/);
  writeFileSync(join(dir, 'server.mjs'), SERVER.replace('served', 'changed'));
  await eventually(async () => (await server.get()).body.startsWith('changed by'));
  signal(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
});

test('a worker tells its file of its end: finish, and drain, which is awaited; elsewhere there is none', async (t) => {
  const dir = project(t, {
    'server.mjs': `
      import http from 'node:http';
      import { setTimeout as sleep } from 'node:timers/promises';
      import { worker } from '@prefork/core';
      worker?.on('finish', (graceful) => console.log('finish', graceful));
      worker?.on('drain', async () => {
        await sleep(50);
        console.log('drained');
      });
      console.log('worker', worker === undefined ? 'none' : worker.constructor.name);
      http.createServer((_req, res) => res.end('served')).listen(0, '127.0.0.1');`,
  });
  const server = startCommand(t, dir, ['server.mjs', '-w', '1']);
  await server.get();
  signal(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
  assert.deepEqual(server.stdout, ['worker EventEmitter', 'finish true', 'drained']);
  const { startServer } = await import('./helpers/server.js');
  const node = startServer(t, join(dir, 'server.mjs'));
  await node.waitForLine(/^worker none$/);
});

test('a file that closes its server at TERM and then exits loses no request', async (t) => {
  const dir = project(t, {
    'server.mjs': `
      import http from 'node:http';
      const server = http.createServer((req, res) => {
        setTimeout(() => res.end('served by ' + process.pid), req.url === '/slow' ? 3000 : 0);
      });
      server.listen(0, '127.0.0.1');
      process.on('SIGTERM', () => server.close(() => setTimeout(() => {
        console.log('closed', process.pid);
        process.exit();
      }, 100)));`,
  });
  const server = startCommand(t, dir, ['server.mjs', '-w', '1']);
  const first = Number(/\d+/.exec((await server.get()).body)[0]);
  const slow = server.get('/slow');
  await eventually(
    async () => JSON.parse((await runCommand(t, dir, ['status', '--json'])).stdout).pool[0].requests === 1,
  );
  signal(first, 'SIGTERM');
  const answers = await Promise.all(Array.from({ length: 20 }, () => server.get()));
  assert.equal((await slow).body, `served by ${first}`);
  assert.ok(answers.every(({ status }) => status === 200));
  await server.waitForLine(new RegExp(`^closed ${first}$`));
  await server.waitForLine(new RegExp(`Worker ${first} stopped$`));
});

test('an Express app finds its prototypes in what its own server makes', async (t) => {
  const dir = project(t, {
    'server.cjs': `
      const app = require('express')();
      const listener = (req, res) => {
        res.setHeader('x-own', String(Object.getPrototypeOf(req) === app.request && Object.getPrototypeOf(res) === app.response));
        handle.call(app, req, res);
      };
      const handle = app.handle;
      app.handle = listener;
      app.get('/', (_req, res) => res.send('served'));
      app.listen(0, '127.0.0.1');`,
  });
  const server = startCommand(t, dir, ['server.cjs', '-w', '1']);
  const { headers, body } = await server.get();
  assert.deepEqual([headers['x-own'], body], ['true', 'served']);
});

test('systemd’s sockets go to the servers at their addresses, and by descriptor', async (t) => {
  const [web, metrics] = [`${ownLoopback()}:8080`, `${ownLoopback()}:9090`];
  const dir = project(t, {
    'server.mjs': `
      import http from 'node:http';
      const [host, port] = '${metrics}'.split(':');
      http.createServer((_req, res) => res.end('metrics')).listen(Number(port), host);
      http.createServer((_req, res) => res.end('web')).listen({ fd: 3 });`,
  });
  const keep = ['PREFORK_TEST', 'TMPDIR'].flatMap((name) => ['-E', name]);
  const via = ['systemd-socket-activate', ...keep, '-l', web, '-l', metrics];
  const server = startCommand(t, dir, ['server.mjs', '-w', '1'], { via });
  await server.waitForLine(/^Listening on .* as /);
  const target = (address) => ({ host: address.split(':')[0], port: Number(address.split(':')[1]) });
  assert.equal((await get(target(web))).body, 'web');
  assert.equal((await get(target(metrics))).body, 'metrics');
  assert.equal(server.count(/\] Listening at/), 2, server.output);
  signal(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.ended, { code: 0, signal: null });
});

test('workers of another user get what their file asks for', {
  skip: process.getuid() !== 0 && 'needs root',
}, async (t) => {
  const dir = project(t, {
    'server.mjs': `
      import http from 'node:http';
      http.createServer((_req, res) => res.end(String(process.getuid()))).listen(0, '127.0.0.1');`,
  });
  chmodSync(dir, 0o755);
  const server = startCommand(t, dir, ['server.mjs', '-w', '2', '--user', 'nobody']);
  assert.notEqual(Number((await server.get()).body), 0);
});

test('--inspect gives each worker a port of its own', async (t) => {
  const dir = project(t, { 'server.mjs': SERVER });
  const server = startCommand(t, dir, ['server.mjs', '-w', '2'], { execArgv: ['--inspect=127.0.0.1:0'] });
  await server.get();
  await eventually(
    () => server.count(/Debugger listening on ws:/) === 3,
    () => server.output,
  );
});

test('alone, the file runs as with node', async (t) => {
  const dir = project(t, {
    'server.cjs': `
      const server = require('node:http').createServer((_req, res) => res.end('served ' + (require.main === module)));
      server.listen(0, '127.0.0.1', () => console.log('Listening at "http://127.0.0.1:' + server.address().port + '"'));`,
  });
  const server = startCommand(t, dir, ['server.cjs', '--single']);
  assert.equal((await server.get()).body, 'served true');
  const { code, stderr } = await runCommand(t, dir, ['server.cjs', '--single', ...HERE]);
  assert.deepEqual([code, stderr.split('\n').length], [2, 1], stderr);
  assert.match(stderr, /^prefork: server\.cjs listens itself, and alone it listens where it says: leave out --listen/);
});
