// What is wrong with a file that listens itself, or with what the command was told for it: one clear line, status 1, and
// nothing left behind.

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { tlsLocation } from './helpers/certificate.js';
import { cleanAfter } from './helpers/cleanup.js';
import { get, listens, ownLoopback } from './helpers/client.js';
import { HERE, project, runCommand, startCommand } from './helpers/command.js';
import { signal } from './helpers/server.js';
import { eventually } from './helpers/wait.js';

const LISTENS = `require('node:http').createServer((_req, res) => res.end('served')).listen(0, '127.0.0.1');`;

/** What is in the folder beside what was put there. */
const left = (dir, ...files) => readdirSync(dir).filter((name) => !['node_modules', ...files].includes(name));

/** Lines that are no line of the manager's log. */
const said = (stderr) => stderr.split('\n').filter((line) => !/^\[.*\] \[(info|warn|error)\]/.test(line));

async function occupied(t) {
  const server = net.createServer().listen(0, ownLoopback());
  cleanAfter(t, () => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  return server.address();
}

describe('the command ends with one line and status 1', () => {
  test('when the address is in use and there is no listener for the error', async (t) => {
    const { address, port } = await occupied(t);
    const dir = project(t, { 'server.cjs': `require('node:http').createServer().listen(${port}, '${address}');` });
    const { code, stderr } = await runCommand(t, dir, ['server.cjs', '-w', '2']);
    assert.equal(code, 1, stderr);
    assert.deepEqual(said(stderr), [`prefork: listen EADDRINUSE: address already in use ${address}:${port}`]);
    assert.match(stderr, /Worker \d+ stopped too early, shutting down/);
    assert.deepEqual(left(dir, 'server.cjs'), []);
  });

  test('when the file hears of the error and does nothing about it', async (t) => {
    const { address, port } = await occupied(t);
    const dir = project(t, {
      'server.cjs': `require('node:http').createServer().on('error', () => {}).listen(${port}, '${address}');`,
    });
    const { code, stderr } = await runCommand(t, dir, ['server.cjs', '-w', '2']);
    assert.equal(code, 1, stderr);
    assert.deepEqual(said(stderr), [
      `prefork: ${join(dir, 'server.cjs')} could not listen: listen EADDRINUSE: address already in use ${address}:${port}`,
    ]);
  });

  test('when an exported app has no address to be served at', async (t) => {
    const { port } = await new Promise((resolve) => {
      const server = net.createServer().listen(0, () => resolve(server.address()));
      cleanAfter(t, () => server.close());
    });
    const dir = project(t, { 'app.mjs': 'export default () => {};' });
    const { code, stderr } = await runCommand(t, dir, ['app.mjs', '-w', '2'], { env: { PORT: `${port}` } });
    assert.equal(code, 1, stderr);
    assert.deepEqual(said(stderr), [`prefork: listen EADDRINUSE: address already in use [::]:${port}`]);
  });

  const cases = {
    'when --listen was given twice': [
      LISTENS,
      [...HERE, '-l', 'http://127.0.0.2:0'],
      /^prefork: server\.cjs listens itself, and its first server takes one location: give --listen once, got http:\/\/127\.0\.0\.1:\d+, http:\/\/127\.0\.0\.2:\d+$/,
    ],
    'when it closes its server at once': [
      `const server = require('node:http').createServer().listen(0, '127.0.0.1', () => server.close());`,
      [],
      /^prefork: server\.cjs closes its server at once: let it listen until it is told to stop$/,
    ],
    'when it neither listens nor exports an app': [
      'setInterval(() => {}, 1000);',
      ['--heartbeat-interval', '1s', '--heartbeat-timeout', '1s'],
      /^prefork: .*server\.cjs exports no app: add `export default app`, or `module\.exports = app`; or call `listen`, which it has not done$/,
    ],
  };
  for (const [what, [code, flags, message]] of Object.entries(cases)) {
    test(what, async (t) => {
      const dir = project(t, { 'server.cjs': code });
      const { code: status, stderr } = await runCommand(t, dir, ['server.cjs', '-w', '2', ...flags]);
      assert.equal(status, 1, stderr);
      assert.equal(said(stderr).length, 1, stderr);
      assert.match(said(stderr)[0], message);
      assert.deepEqual(left(dir, 'server.cjs'), []);
    });
  }

  test('when --listen has a certificate', async (t) => {
    const dir = project(t, { 'server.cjs': LISTENS });
    const { code, stderr } = await runCommand(t, dir, ['server.cjs', '-w', '2', '-l', tlsLocation(dir)]);
    assert.equal(code, 1, stderr);
    const [line, ...more] = said(stderr);
    assert.deepEqual(more, []);
    assert.match(
      line,
      /^prefork: server\.cjs listens itself, and its own server knows no `cert` and `key`: give --listen http:/,
    );
  });
});

test('a file that throws right after it listened has failed to boot, with its own stack', async (t) => {
  const path = 'thrown.sock';
  const dir = project(t, {
    'server.cjs': `require('node:http').createServer().listen('${path}'); throw new Error('after it listened');`,
  });
  const { code, stderr } = await runCommand(t, dir, ['server.cjs', '-w', '2']);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /Error: after it listened\n {4}at Object\.<anonymous>/);
  assert.match(stderr, /Worker \d+ stopped too early, shutting down/);
  assert.deepEqual(left(dir, 'server.cjs'), []);
});

test("a UNIX path that another pool has is refused, as the server's error, and stays that pool's", async (t) => {
  const path = join(project(t, {}), 'app.sock');
  const code = (answer) => `require('node:http').createServer((_req, res) => res.end('${answer}')).listen('${path}');`;
  const first = startCommand(t, project(t, { 'server.cjs': code('first') }), ['server.cjs', '-w', '1']);
  await eventually(async () => existsSync(path) && (await listens(path)));
  const dir = project(t, { 'server.cjs': code('second') });
  const { code: status, stderr } = await runCommand(t, dir, ['server.cjs', '-w', '1']);
  assert.equal(status, 1, stderr);
  assert.deepEqual(said(stderr), [`prefork: listen EADDRINUSE: address already in use ${path}`]);
  assert.equal((await get(path)).body, 'first');
  signal(first.pid, 'SIGQUIT');
  assert.deepEqual(await first.ended, { code: 0, signal: null });
  assert.ok(!existsSync(path));
});

test('a reload to a file whose address is in use fails, and the old workers stay', async (t) => {
  const { address, port } = await occupied(t);
  const dir = project(t, {
    'port.json': '[0, "127.0.0.1"]',
    'server.mjs': `
      import { readFileSync } from 'node:fs';
      import http from 'node:http';
      const where = JSON.parse(readFileSync('port.json', 'utf8'));
      http.createServer((_req, res) => res.end('served')).listen(...where);`,
  });
  const { writeFileSync } = await import('node:fs');
  const server = startCommand(t, dir, ['server.mjs', '-w', '2']);
  assert.equal((await server.get()).body, 'served');
  await eventually(async () => (await runCommand(t, dir, ['status'])).stdout.split('healthy').length === 3);
  writeFileSync(join(dir, 'port.json'), JSON.stringify([port, address]));
  const { code, stderr } = await runCommand(t, dir, ['reload']);
  assert.deepEqual([code, /Reload failed/.test(stderr)], [1, true], stderr);
  assert.match(server.output, /prefork: listen EADDRINUSE/);
  assert.equal((await server.get()).body, 'served');
});
