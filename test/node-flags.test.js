// Flags by which Node gives a process less: each works, or ends the start with one sentence that names the flag.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { signal, startServer } from './helpers/server.js';

const flags = process.allowedNodeEnvironmentFlags;
// it has another name in Node 20
const permission = flags.has('--permission') ? '--permission' : '--experimental-permission';
const FILES = ['--allow-fs-read=*', '--allow-fs-write=*'];
const NET = flags.has('--allow-net') ? ['--allow-net'] : [];
const [CHILDREN, ADDONS] = ['--allow-child-process', '--allow-addons'];
// the first Node with a permission model can allow no addons
const cannotAllowAddons = flags.has(ADDONS) ? false : 'this Node has no --allow-addons';

const OPTIONS = { workers: 2, listen: ['http://127.0.0.1:0'] };
const start = (t, execArgv, options) => startServer(t, 'collect.js', { execArgv, options: { ...OPTIONS, ...options } });

describe('a pool serves, reloads and stops with', () => {
  for (const [title, execArgv, skip] of [
    ['--disable-proto=delete', ['--disable-proto=delete']],
    ['--disable-proto=throw', ['--disable-proto=throw']],
    ['--frozen-intrinsics', ['--frozen-intrinsics']],
    ['the permission model', [permission, ...FILES, ...NET, CHILDREN, ADDONS], cannotAllowAddons],
  ]) {
    test(title, { skip }, async (t) => {
      const server = start(t, execArgv);
      await server.healthy(2);
      assert.equal((await server.get()).status, 200);
      signal(server.pid, 'SIGHUP');
      await server.waitForLine(/Reload finished/);
      assert.equal((await server.get()).status, 200);
      signal(server.pid, 'SIGQUIT');
      assert.deepEqual(await server.ended, { code: 0, signal: null });
      assert.equal(server.count(/\[(warn|error)\]/), 0, server.output);
    });
  }
});

describe('a start that may not', () => {
  for (const [title, execArgv, message, skip] of [
    ['load native addons', ['--no-addons'], /leave out `--no-addons`, or add `--allow-addons` to `--permission`/],
    ['load them in the permission model', [permission, ...FILES, ...NET, CHILDREN], /`--allow-addons`/],
    ['start processes', [permission, ...FILES, ...NET, ADDONS], /--allow-child-process|restricted/, cannotAllowAddons],
  ]) {
    test(`${title} ends with a sentence that names the flag`, { skip }, async (t) => {
      const server = start(t, execArgv);
      assert.deepEqual(await server.ended, { code: 1, signal: null });
      assert.match(server.output, message);
      assert.equal(server.count(/^\s+at /), 0, server.output);
    });
  }

  test('load native addons serves alone with `single`, and warns', async (t) => {
    const server = start(t, ['--no-addons'], { single: true });
    assert.equal((await server.get()).status, 200);
    await server.waitForLine(/\[warn\] Can't share a listening socket here, Node may load no native addon/);
    signal(server.pid, 'SIGQUIT');
    assert.deepEqual(await server.ended, { code: 0, signal: null });
  });
});
