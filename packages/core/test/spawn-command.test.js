// With which command, environment and descriptors a process is started, and what of them is kept from it.

import assert from 'node:assert/strict';
import childProcess from 'node:child_process';
import { EventEmitter } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { afterEach, describe, it } from 'node:test';
import { takeVariables } from '../dist/manager/environment.js';
import { origin } from '../dist/manager/origin.js';
import { spawnManager, spawnWorker } from '../dist/manager/spawn.js';

let call;

childProcess.spawn = (command, args, options) => {
  call = { command, args, ...options };
  return Object.assign(new EventEmitter(), { pid: 4711, stdio: [null, null, null, new EventEmitter()] });
};
syncBuiltinESMExports();

const { execArgv, env, args } = origin();
const [flags, variables] = [[...execArgv], { ...env }];

function given({ own = [], ...more }) {
  execArgv.splice(0, Number.POSITIVE_INFINITY, ...own);
  Object.assign(env, more);
}

afterEach(() => {
  execArgv.splice(0, Number.POSITIVE_INFINITY, ...flags);
  for (const name of Object.keys(env)) delete env[name];
  Object.assign(env, variables);
});

const worker = (options = {}) => {
  spawnWorker(
    { manager: 7, run: 1, slot: 2, id: 5, patience: 30_000 },
    { descriptors: [20, 21], ...options },
    assert.fail,
  );
  return call;
};

const manager = (options = {}) => {
  spawnManager({ manager: 7, run: 1 }, { descriptors: [20], ...options }, assert.fail);
  return call;
};

describe('a worker', () => {
  it('is this script with these arguments and flags, a pipe, and the descriptors in order', () => {
    given({ own: ['--enable-source-maps'] });
    const { command, args: words, stdio, cwd } = worker();
    assert.equal(command, process.execPath);
    assert.deepEqual(words, ['--enable-source-maps', '--', ...args]);
    assert.deepEqual(stdio, ['ignore', 'inherit', 'inherit', 'pipe', 20, 21]);
    assert.equal(cwd, origin().folder);
  });

  it('is told which it is, and gets nothing that was meant for its manager', () => {
    given({
      NODE_CHANNEL_FD: '3',
      NODE_UNIQUE_ID: '1',
      NODE_CHANNEL_SERIALIZATION_MODE: 'json',
      PREFORK_UPGRADE: '1:2',
      MINE: 'x',
    });
    process.env.PREFORK_TEST = 'set since';
    const own = worker({ variables: { HOME: '/home/app' } }).env;
    delete process.env.PREFORK_TEST;
    assert.equal(own.PREFORK_WORKER, '7:1:2:30000');
    assert.equal(own.PREFORK_WORKER_ID, '5');
    assert.deepEqual([own.MINE, own.HOME, own.PWD], ['x', '/home/app', origin().folder]);
    for (const name of [
      'NODE_CHANNEL_FD',
      'NODE_UNIQUE_ID',
      'NODE_CHANNEL_SERIALIZATION_MODE',
      'PREFORK_UPGRADE',
      'PREFORK_TEST',
    ])
      assert.equal(own[name], undefined, name);
  });

  it('runs as another user only if it is asked for', () => {
    const plain = worker();
    assert.deepEqual(['uid' in plain, 'gid' in plain], [false, false]);
    const { uid, gid } = worker({ uid: 0, gid: 0 });
    assert.deepEqual([uid, gid], [0, 0]);
  });

  it('starts in the folder that was named', () => {
    const { cwd, env: own } = worker({ directory: tmpdir() });
    assert.deepEqual([cwd, own.PWD], [tmpdir(), tmpdir()]);
  });

  it('is not started in a folder that is not there: the reason comes later', async () => {
    const failures = [];
    call = undefined;
    const started = spawnWorker({}, { descriptors: [], directory: '/nowhere' }, (error) => failures.push(error.code));
    await new Promise(setImmediate);
    assert.deepEqual([started, call, failures], [undefined, undefined, ['ERR_PREFORK_DIRECTORY']]);
  });

  const port = process.debugPort + 1 + 2;
  for (const [own, options, expected] of [
    [['--inspect'], {}, ['--inspect', `--inspect-port=${port}`]],
    [['--inspect-brk=127.0.0.1:9229'], {}, ['--inspect=127.0.0.1:9229', `--inspect-port=${port}`]],
    [['--inspect-wait'], {}, ['--inspect', `--inspect-port=${port}`]],
    [['--inspect=0'], {}, ['--inspect=0', '--inspect-port=0']],
    [['--inspect=127.0.0.1:0'], {}, ['--inspect=127.0.0.1:0', '--inspect-port=0']],
    [['--inspect=127.0.0.1:9230'], {}, ['--inspect=127.0.0.1:9230', `--inspect-port=${port}`]],
    [['--inspect-publish-uid=http'], {}, ['--inspect-publish-uid=http']],
    [['--inspect-port=7000'], {}, ['--inspect-port=7000']],
    [[], { hangReport: true }, ['--inspect-port=127.0.0.1:0']],
    [['--inspect'], { hangReport: true }, ['--inspect', `--inspect-port=${port}`]],
  ]) {
    it(`with ${own.join(' ') || 'no flags'}${options.hangReport ? ' and hang reports' : ''} gets ${expected.join(' ')}`, () => {
      given({ own });
      assert.deepEqual(worker(options).args, [...expected, '--', ...args]);
    });
  }

  it('has an inspector of its own also when NODE_OPTIONS asks for one', () => {
    given({ NODE_OPTIONS: '--inspect' });
    assert.deepEqual(worker().args, [`--inspect-port=${port}`, '--', ...args]);
  });
});

describe('the next manager', () => {
  it('is found on PATH as this one was, has its terminal, and keeps the flags as they are', () => {
    given({ own: ['--inspect-brk'] });
    const { command, args: words, stdio, env: own } = manager();
    assert.equal(command, process.argv0);
    assert.deepEqual(words, ['--inspect-brk', '--', ...args]);
    assert.deepEqual(stdio, ['inherit', 'inherit', 'inherit', 'pipe', 20]);
    assert.deepEqual([own.PREFORK_UPGRADE, own.PREFORK_WORKER], ['7:1', undefined]);
  });

  it('gets what systemd gave, without what names this pid; workers get none of it', () => {
    const names = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID', 'LISTEN_PID'];
    for (const name of names) env[name] = process.env[name] = `${name} of systemd`;
    const giveBack = takeVariables([...names, 'PREFORK_NOT_THERE']);
    assert.deepEqual(
      names.map((name) => process.env[name]),
      names.map(() => undefined),
    );
    const next = manager().env;
    const own = worker().env;
    giveBack();
    assert.deepEqual(
      names.map((name) => next[name]),
      ['NOTIFY_SOCKET of systemd', 'WATCHDOG_USEC of systemd', undefined, undefined],
    );
    assert.deepEqual(
      names.map((name) => own[name]),
      names.map(() => undefined),
    );
    assert.equal(process.env.WATCHDOG_PID, 'WATCHDOG_PID of systemd');
    assert.equal('PREFORK_NOT_THERE' in process.env, false);
    for (const name of names) delete process.env[name];
    assert.equal(manager().env.NOTIFY_SOCKET, undefined, 'given back, it is not kept');
  });
});
