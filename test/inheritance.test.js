// What a new process inherits: the folder, the command line and the environment with which the manager was started, whatever the
// application has made of them.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { project } from './helpers/command.js';
import { signal, startServer } from './helpers/server.js';
import { upgrade } from './helpers/upgrade.js';
import { eventually } from './helpers/wait.js';

const TELL = new URL('./fixtures/tell.js', import.meta.url).href;

/** A server that answers with an expression. The head is run before `listen`. */
const esm = (head, answer) => `
  import { prefork } from '@prefork/core';
  import { tell } from '${TELL}';
  ${head}
  const answer = () => JSON.stringify(${answer});
  tell(prefork((_request, response) => response.end(answer()), { workers: 1 })).listen(0, '127.0.0.1');`;

const commonjs = (head, answer) => `
  ${head}
  const { prefork } = require('@prefork/core');
  const server = prefork((_request, response) => response.end(JSON.stringify(${answer})), { workers: 1 });
  if (server.isManager) server.on('healthy', (pid) => console.log('healthy ' + pid));
  if (server.isManager) server.on('reload', () => console.log('reload done'));
  server.listen(0, '127.0.0.1');`;

const RENEWALS = {
  HUP: async (server) => {
    const after = server.lines.length;
    signal(server.pid, 'SIGHUP');
    await server.waitForLine(/^reload done$/, { after });
  },
  USR2: (server) => upgrade(server),
};

/** Starts it, and returns what asks it, with a way to renew it and wait until nobody of before is left. */
async function serve(t, dir, args, settings) {
  const server = startServer(t, undefined, { args, cwd: dir, env: { PWD: dir }, ...settings });
  const ask = async () => JSON.parse((await server.get()).body);
  await server.waitForLine(/^healthy \d+$/);
  const before = await ask();
  const renewed = async (what) => {
    await RENEWALS[what](server);
    await eventually(() => server.processes().length === 2);
    return ask();
  };
  return { server, before, renewed };
}

describe('process.chdir() before listen', { concurrency: 2 }, () => {
  const WAYS = {
    'into a folder below': ['server.mjs', esm(`process.chdir('data');`, 'process.cwd()'), []],
    'before core is loaded': ['server.cjs', commonjs(`process.chdir('data');`, 'process.cwd()'), []],
    'with relative flags of Node': [
      'server.mjs',
      esm(`process.chdir('data');`, 'process.cwd()'),
      ['--import', './preload.mjs', '--env-file=.env'],
    ],
  };
  for (const [how, [name, code, execArgv]] of Object.entries(WAYS)) {
    for (const renewal of Object.keys(RENEWALS)) {
      test(`${how} breaks neither the start nor ${renewal}`, async (t) => {
        const files = { 'data/none': '', 'preload.mjs': '', '.env': 'A=1', [name]: code };
        const dir = project(t, files);
        const { before, renewed } = await serve(t, dir, [name], { execArgv });
        assert.equal(before, join(dir, 'data'));
        assert.equal(await renewed(renewal), join(dir, 'data'));
      });
    }
  }
});

describe('an edited .env is seen again', { concurrency: 2 }, () => {
  const DOTENV = `
    import { readFileSync } from 'node:fs';
    for (const line of readFileSync('.env', 'utf8').split('\\n')) {
      const [name, value] = line.split('=');
      if (name) process.env[name] ??= value;
    }`;
  const WAYS = {
    '--env-file': [['--env-file=.env'], ''],
    'process.loadEnvFile()': [[], `process.loadEnvFile();`],
    'code that overrides nothing, as dotenv': [[], DOTENV],
    'such code before the script, by --import': [['--import', './preload.mjs'], ''],
  };
  for (const [how, [execArgv, head]] of Object.entries(WAYS)) {
    for (const renewal of Object.keys(RENEWALS)) {
      test(`by ${renewal}, with ${how}`, async (t) => {
        const answer = '[process.env.MARK, process.env.GIVEN, process.env.PATH !== undefined]';
        const dir = project(t, {
          '.env': 'MARK=old\nGIVEN=file',
          'server.mjs': esm(head, answer),
          'preload.mjs': DOTENV,
        });
        const { before, renewed } = await serve(t, dir, ['server.mjs'], {
          execArgv,
          env: { PWD: dir, GIVEN: 'environment' },
        });
        assert.deepEqual(before, ['old', 'environment', true]);
        writeFileSync(join(dir, '.env'), 'MARK=new\nGIVEN=file');
        assert.deepEqual(await renewed(renewal), ['new', 'environment', true]);
      });
    }
  }
});

test('what the script sets is set in each worker, what it deletes or only the manager sets is not handed on', async (t) => {
  const head = `
    const given = process.env.GIVEN;
    delete process.env.GIVEN;
    process.env.SET = 'by the script';
    process.argv.splice(2, 1);
    process.execArgv.push('--no-such-flag');
    if (process.env.PREFORK_TEST_WORKER === undefined) process.env.PREFORK_TEST_WORKER = 'set in ' + process.pid;`;
  const answer = `[given, process.env.SET, process.env.PREFORK_TEST_WORKER === 'set in ' + process.pid, process.argv.slice(2)]`;
  const dir = project(t, { 'server.mjs': esm(head, answer) });
  const { before, renewed } = await serve(t, dir, ['server.mjs', 'first', 'second'], {
    env: { PWD: dir, GIVEN: 'given' },
  });
  assert.deepEqual(before, ['given', 'by the script', true, ['second']]);
  assert.deepEqual(await renewed('HUP'), before);
  assert.deepEqual(await renewed('USR2'), before);
});

test('a server that another program watches by IPC hands nothing of it on, and a worker names its folder in $PWD', async (t) => {
  const names = `Object.keys(process.env).filter((name) => /^(NODE_CHANNEL|NODE_UNIQUE|PREFORK_(WORKER|KOFFI|UPGRADE)$)/.test(name))`;
  const dir = project(t, {
    'server.mjs': esm('', `[${names}, process.env.PWD, typeof process.send]`),
    'parent.mjs': `
      import { fork } from 'node:child_process';
      fork('server.mjs');`,
  });
  const { before } = await serve(t, dir, ['parent.mjs'], { env: { PWD: '/' } });
  assert.deepEqual(before, [[], dir, 'undefined']);
});
