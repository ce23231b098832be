// `prefork app.js`: what a module may export, and what is said about one that exports something else.

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { answers, HERE, project, runCommand, startCommand } from './helpers/command.js';
import { signal } from './helpers/server.js';

const APPS = {
  'an Express app, the default export of an ES module': {
    'app.js': `
      import express from 'express';
      export default express().get('/', (_req, res) => res.send('served'));`,
  },
  'an Express 4 app, module.exports of a CommonJS module': {
    'app.cjs': `
      module.exports = require('express4')();
      module.exports.get('/', (_req, res) => res.send('served'));`,
  },
  'a Koa app': {
    'app.mjs': `
      import Koa from 'koa';
      export default new Koa().use((ctx) => { ctx.body = 'served'; });`,
  },
  'a Koa 2 app, exports.app of a CommonJS module': {
    'app.cjs': `
      const Koa = require('koa2');
      exports.app = new Koa().use((ctx) => { ctx.body = 'served'; });`,
  },
  'a listener': { 'app.mjs': answers('served') },
  'the named export app': { 'app.mjs': `export const app = (_request, response) => response.end('served');` },
  'a promise of an app': {
    'app.mjs': `export default Promise.resolve((_request, response) => response.end('served'));`,
  },
  'a default export that was compiled to CommonJS': {
    'app.cjs': `
      Object.defineProperty(exports, '__esModule', { value: true });
      exports.default = (_request, response) => response.end('served');`,
  },
  'an ES module that awaits': {
    'app.mjs': `
      import { setTimeout as sleep } from 'node:timers/promises';
      await sleep(10);
      export default (_request, response) => response.end('served');`,
  },
};

describe('the command serves', () => {
  for (const [what, files] of Object.entries(APPS)) {
    test(what, async (t) => {
      const [app] = Object.keys(files);
      const dir = project(t, { 'package.json': '{ "type": "module" }', ...files });
      const server = startCommand(t, dir, [app, '-w', '1', ...HERE]);
      assert.equal((await server.get()).body, 'served');
      signal(server.pid, 'SIGQUIT');
      assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
    });
  }

  test('a TypeScript module, where Node can, and with a loader that NODE_OPTIONS names', async (t) => {
    const dir = project(t, {
      'app.ts': `
        import type { ServerResponse } from 'node:http';
        export default (_request: unknown, response: ServerResponse) => response.end('served');`,
      // stands for tsx and the like
      'loader.mjs': `import { register } from 'node:module'; register('./hooks.mjs', import.meta.url);`,
      'hooks.mjs': `
        import { readFileSync } from 'node:fs';
        export function load(url, context, next) {
          if (!url.endsWith('.ts')) return next(url, context);
          const source = readFileSync(new URL(url), 'utf8').replace(/^ *import type.*$/m, '').replace(/: \\w+/g, '');
          return { format: 'module', source, shortCircuit: true };
        }`,
    });
    const loaders = [`--import ${join(dir, 'loader.mjs')}`, ...(process.features.typescript ? [undefined] : [])];
    for (const NODE_OPTIONS of loaders) {
      const server = startCommand(t, dir, ['app.ts', '-w', '1', ...HERE], { env: { NODE_OPTIONS } });
      assert.equal((await server.get()).body, 'served');
      signal(server.pid, 'SIGQUIT');
      await server.ended;
    }
  });

  test('an app whose path Node completes: without extension, a folder, outside of the working folder', async (t) => {
    const dir = project(t, {
      'app.cjs': '',
      'index.js': `module.exports = (_request, response) => response.end('served');`,
      'work/none.txt': '',
    });
    for (const [app, cwd] of [
      ['index', dir],
      ['.', dir],
      [join(dir, 'index.js'), join(dir, 'work')],
    ]) {
      const server = startCommand(t, dir, [app, '-w', '1', ...HERE], { cwd });
      assert.equal((await server.get()).body, 'served', app);
      signal(server.pid, 'SIGQUIT');
      assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
    }
  });

  test('and loads the app in workers only, which see the arguments after --', async (t) => {
    const dir = project(t, {
      'app.mjs': `
        console.log('loaded by', process.pid);
        const args = process.argv.slice(2).join(' ');
        export default (_request, response) => response.end(args);`,
    });
    const server = startCommand(t, dir, ['app.mjs', '-w', '2', ...HERE, '--', '-w', 'more']);
    assert.equal((await server.get()).body, '-w more');
    const [, first] = await server.waitForLine(/^loaded by (\d+)$/);
    const after = server.lines.indexOf(`loaded by ${first}`) + 1;
    const [, second] = await server.waitForLine(/^loaded by (\d+)$/, { after });
    assert.deepEqual([first, second].map(Number).sort(), server.workers().sort());
  });
});

const MISTAKES = {
  'nothing, and never listens': [
    `require('node:http').createServer().unref();`,
    'no app: add `export default app`, or `module.exports = app`; or call `listen`, which it has not done',
  ],
  'something else': [
    `module.exports = 'app';`,
    "`'app'`, which is no Express app, no Koa app and no (req, res) function",
  ],
  'the express module': [
    `module.exports = require('express');`,
    'the express module: call it, `const app = express()`',
  ],
  'an Express router': [`module.exports = require('express').Router();`, 'an Express router: mount it with `app.use('],
  'the Koa class': [`module.exports = require('koa');`, 'the Koa class: make an app of it, `const app = new Koa()`'],
  'a server': [`module.exports = require('node:http').createServer();`, 'a server: the command makes its own; `export'],
  'a server of Prefork': [
    `module.exports = require('@prefork/core').prefork(() => {});`,
    'a server of Prefork: the command makes its own; `export',
  ],
  'an object with fetch': [
    'module.exports = { fetch() {} };',
    'an object with `fetch`, made for other runtimes: export `getRequestListener(app.fetch)` of @hono/node-server',
  ],
};

describe('an app file that exports', () => {
  for (const [what, [code, message]] of Object.entries(MISTAKES)) {
    test(`${what} is told the fix, in one line, by the command and by --check`, async (t) => {
      const dir = project(t, { 'app.cjs': code });
      const checked = await runCommand(t, dir, ['app.cjs', '--check']);
      assert.equal(checked.code, 1);
      assert.ok(checked.stderr.startsWith(`prefork: ${join(dir, 'app.cjs')} exports ${message}`), checked.stderr);
      assert.equal(checked.stderr.split('\n').length, 1, checked.stderr);

      const served = await runCommand(t, dir, ['app.cjs', ...HERE]);
      assert.equal(served.code, 1);
      assert.ok(served.stderr.includes(checked.stderr), served.stderr);
      assert.match(served.stderr, /Worker \d+ stopped too early, shutting down/);
      assert.deepEqual(filesOf(dir), ['app.cjs']);
    });
  }
});

test('an app file that starts a server itself is told to run it with node', async (t) => {
  for (const call of ['listen(0)', 'run()']) {
    const dir = project(t, {
      'app.mjs': `
        import { prefork } from '@prefork/core';
        await prefork(() => {}).${call};
        export default () => {};`,
    });
    const message = 'app.mjs starts a server itself: run `node app.mjs`, or export the app';
    for (const flags of [['--check'], HERE]) {
      const { code, stderr } = await runCommand(t, dir, ['app.mjs', ...flags]);
      assert.equal(code, 1);
      assert.ok(stderr.includes(message), stderr);
    }
    assert.deepEqual(filesOf(dir), ['app.mjs']);
  }
});

test('an app file that throws shows its own stack, and nothing is left', async (t) => {
  const dir = project(t, { 'app.mjs': `throw new Error('the app is broken');` });
  for (const flags of [['--check'], HERE]) {
    const { code, stderr } = await runCommand(t, dir, ['app.mjs', ...flags]);
    assert.equal(code, 1);
    assert.match(stderr, /Error: the app is broken\n {4}at file:.*app\.mjs:1:7/);
  }
  assert.deepEqual(filesOf(dir), ['app.mjs']);
});

test('an app file that is not there is told before anything is bound', async (t) => {
  const dir = project(t, {});
  const { code, stderr } = await runCommand(t, dir, ['src/app.js', ...HERE]);
  assert.deepEqual([code, stderr], [2, `prefork: Can't find the app ${join(dir, 'src/app.js')}`]);
  const typo = await runCommand(t, dir, ['reolad']);
  assert.deepEqual([typo.code, typo.stderr.endsWith('reolad, did you mean `reload`?')], [2, true], typo.stderr);
  const none = await runCommand(t, dir, []);
  assert.deepEqual([none.code, none.stderr], [2, 'prefork: Name the app, `prefork app.js`; see `prefork --help`']);
  assert.deepEqual(filesOf(dir), []);
});

test('--check says that everything looks good, and starts nothing', async (t) => {
  const dir = project(t, {
    'app.mjs': `
      import { writeFileSync } from 'node:fs';
      writeFileSync('loaded', '');
      setInterval(() => {}, 1000);
      export default () => {};`,
  });
  const { code, stdout, stderr } = await runCommand(t, dir, ['--check', 'app.mjs', ...HERE]);
  assert.deepEqual([code, stdout, stderr], [0, 'Everything looks good!', '']);
  assert.ok(existsSync(join(dir, 'loaded')));
  assert.deepEqual(filesOf(dir), ['app.mjs', 'loaded']);
});

function filesOf(dir) {
  return readdirSync(dir).filter((name) => name !== 'node_modules');
}
