// The ways to start a script: a worker is started in the same one.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { signal, startServer } from './helpers/server.js';

const ESM = `
  import { prefork } from '@prefork/core';
  import { self } from './self-answer.cjs';
  import { tell } from './tell.js';
  tell(prefork(self, { workers: 2 })).listen(0, '127.0.0.1');`;
const CJS = `
  const { prefork } = require('@prefork/core');
  const { self } = require('./self-answer.cjs');
  require('./tell.js').tell(prefork(self, { workers: 2 })).listen(0, '127.0.0.1');`;

const args = ['--port', '8080', 'a b', '', '--workers=2'];
const preload = ['--import', './preload.js', '--max-old-space-size=200'];

const SCRIPTS = {
  'an ES module': ['self.js', preload],
  'a CommonJS script with require()': ['self.cjs', preload],
  'node -e': [undefined, [...preload, '-e', CJS]],
  'node --eval with a module': [undefined, [...preload, '--input-type=module', '--eval', ESM]],
};

describe('workers are started as their manager was, with', () => {
  for (const [what, [fixture, execArgv]] of Object.entries(SCRIPTS)) {
    test(`${what}, its arguments and the flags of node`, async (t) => {
      const isEval = fixture === undefined;
      const server = startServer(t, fixture, { execArgv, args: isEval ? ['--', ...args] : args });
      const pids = await server.healthy(2);
      const told = JSON.parse((await server.get()).body);
      assert.ok(pids.includes(told.pid));
      assert.deepEqual(told.execArgv, execArgv);
      assert.equal(told.preloaded, 1);
      if (isEval) assert.deepEqual([told.script, ...told.args], args);
      else assert.deepEqual(told.args, args);
      if (!isEval) assert.equal(told.script, fileURLToPath(new URL(`fixtures/${fixture}`, import.meta.url)));
      // the number of the worker is the application's, and makes nobody a worker
      assert.deepEqual(told.marked, ['PREFORK_WORKER_ID'], 'a child of the application would pass for a worker');
      signal(server.pid, 'SIGQUIT');
      assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
    });
  }
});

test('NODE_OPTIONS of the manager are those of its workers, too', async (t) => {
  const server = startServer(t, 'self.js', { env: { NODE_OPTIONS: '--import ./preload.js' } });
  await server.healthy(2);
  assert.equal(JSON.parse((await server.get()).body).preloaded, 1);
});
