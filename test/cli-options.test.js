// Where the command's options come from: flags over environment over config file over defaults, each refused by its name.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { answers, project, runCommand, startCommand } from './helpers/command.js';

const CONFIG = `export default {
  app: './src/app.mjs',
  listen: 'http://127.0.0.1:0',
  workers: 1,
  pidFile: 'config.pid',
};`;

/** What the server says about itself. */
async function status(t, dir, pidFile) {
  const { code, stdout, stderr } = await runCommand(t, dir, ['status', '--json', '-P', pidFile]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

describe('options come from', () => {
  test('a config file, with an app that is relative to it', async (t) => {
    const dir = project(t, { 'prefork.config.mjs': CONFIG, 'src/app.mjs': answers('served') });
    const server = startCommand(t, dir, []);
    assert.equal((await server.get()).body, 'served');
    assert.equal((await status(t, dir, 'config.pid')).workers, 1);
    // the other commands read it, too
    assert.equal((await runCommand(t, dir, ['stop'])).code, 0);
  });

  test('a config file that --config names, in place of the one that is there', async (t) => {
    const dir = project(t, {
      'prefork.config.cjs': `throw new Error('not this one');`,
      'etc/own.mjs': `export default { app: '../app.mjs', listen: 'http://127.0.0.1:0', workers: 1 };`,
      'app.mjs': answers('served'),
    });
    const server = startCommand(t, dir, ['--config', 'etc/own.mjs']);
    assert.equal((await server.get()).body, 'served');
  });

  test('the environment, over the config file', async (t) => {
    const dir = project(t, { 'prefork.config.mjs': CONFIG, 'src/app.mjs': answers('served') });
    const env = { PREFORK_PID_FILE: 'env.pid', WEB_CONCURRENCY: '2', PORT: '0' };
    const server = startCommand(t, dir, [], { env });
    await server.waitForLine(/Listening at "http:\/\/\*:\d+"/);
    assert.equal((await server.get()).body, 'served');
    assert.equal((await status(t, dir, 'env.pid')).workers, 2);
  });

  test('flags, over all', async (t) => {
    const dir = project(t, {
      'prefork.config.mjs': CONFIG,
      'src/app.mjs': answers('config'),
      'b.mjs': answers('flag'),
    });
    const env = { PREFORK_PID_FILE: 'env.pid', PREFORK_WORKERS: '2', PREFORK_LISTEN: 'http://127.0.0.2:0' };
    const flags = ['b.mjs', '-w', '3', '-P', 'flag.pid', '-l', 'http://127.0.0.3:0', '-l', 'http://127.0.0.4:0'];
    const server = startCommand(t, dir, flags, { env });
    assert.equal((await server.get()).body, 'flag');
    const { workers, listen } = await status(t, dir, 'flag.pid');
    assert.equal(workers, 3);
    assert.deepEqual(
      listen.map((url) => new URL(url).hostname),
      ['127.0.0.3', '127.0.0.4'],
    );
  });

  test('both halves: a worker reads what its manager reads', async (t) => {
    const dir = project(t, {
      'prefork.config.mjs': `
        import http from 'node:http';
        export default {
          createServer: (listener) => http.createServer((req, res) => listener(req, res.setHeader('x-config', 'yes'))),
        };`,
      'app.mjs': answers('served'),
    });
    const server = startCommand(t, dir, ['app.mjs', '-w', '1', '-r', '1', '-l', 'http://127.0.0.1:0']);
    const { headers } = await server.get();
    assert.deepEqual([headers['x-config'], headers.connection], ['yes', 'close']);
  });
});

const BAD = {
  'a flag that is unknown': [['--worker', '2'], {}, 'Unknown flag `--worker`, did you mean `--workers`?'],
  'a value of a flag': [['-w', '-1'], {}, 'Expected --workers to be a non-negative integer, got `-1`'],
  'a listen location': [['-l', '8080'], {}, 'Invalid listen location `8080`: expected something like http://*:8080'],
  'a certificate that is missing': [['-l', 'https://*:0'], {}, 'https needs `cert` and `key`'],
  'a variable': [
    [],
    { PREFORK_GRACEFUL_TIMEOUT: 'soon' },
    'Expected the environment variable `PREFORK_GRACEFUL_TIMEOUT`',
  ],
  PORT: [[], { PORT: 'http' }, 'Expected the environment variable `PORT` to be an integer from 0 to 65535, got `http`'],
  WEB_CONCURRENCY: [[], { WEB_CONCURRENCY: 'x' }, 'Expected the environment variable `WEB_CONCURRENCY` to be'],
  'a config file that is missing': [['--config', 'none.js'], {}, "Can't find the config file "],
};

describe('the command ends with status 2 and one line, before it has done anything, for', () => {
  for (const [what, [flags, env, message]] of Object.entries(BAD)) {
    test(what, async (t) => {
      const dir = project(t, { 'app.mjs': `console.log('loaded');` });
      for (const more of [[], ['--check']]) await assertRefused(t, dir, ['app.mjs', ...flags, ...more], env, message);
    });
  }

  const CONFIGS = {
    'an option that is unknown': [`{ worker: 1 }`, 'Unknown option `worker`, did you mean `workers`?'],
    'a value': [`{ workers: -1 }`, 'Expected `workers` to be a non-negative integer, got `-1`'],
    'an app that was loaded': [`{ app() {} }`, 'to be a path: the manager never loads the app'],
    'no options': [`'app.mjs'`, 'to export an object of options as default'],
  };
  for (const [what, [content, message]] of Object.entries(CONFIGS)) {
    test(`a config file with ${what}`, async (t) => {
      const dir = project(t, { 'app.mjs': '', 'prefork.config.mjs': `export default ${content};` });
      await assertRefused(t, dir, ['app.mjs'], {}, message);
      await assertRefused(t, dir, ['app.mjs'], {}, join(dir, 'prefork.config.mjs'));
    });
  }

  async function assertRefused(t, dir, args, env, message) {
    const before = readdirSync(dir);
    const { code, stdout, stderr } = await runCommand(t, dir, args, { env });
    assert.deepEqual([code, stdout], [2, ''], stderr);
    assert.ok(stderr.startsWith('prefork: ') && stderr.includes(message), stderr);
    assert.equal(stderr.split('\n').length, 1, stderr);
    assert.deepEqual(readdirSync(dir), before);
  }
});

test('--help and --version need no app', async (t) => {
  const dir = project(t, {});
  const help = await runCommand(t, dir, ['--help']);
  assert.deepEqual([help.code, help.stderr], [0, '']);
  assert.match(help.stdout, /^Usage: prefork /);
  assert.equal((await runCommand(t, dir, ['reload', '-h'])).stdout, help.stdout);
  const version = await runCommand(t, dir, ['-v']);
  assert.match(version.stdout, /^\d+\.\d+\.\d+/);
});

test('a server that cannot start ends with status 1', async (t) => {
  const dir = project(t, { 'app.mjs': answers('served') });
  const first = startCommand(t, dir, ['app.mjs', '-w', '1', '-l', 'http://127.0.0.1:0']);
  const port = await first.port();
  const { code, stderr } = await runCommand(t, dir, ['app.mjs', '-P', 'b.pid', '-l', `http://127.0.0.1:${port}`]);
  assert.equal(code, 1);
  assert.match(stderr, /\[error\] listen EADDRINUSE/);
});
