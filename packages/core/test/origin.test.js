// What a process can know of its own start.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { originOf } from '../dist/manager/origin.js';

/** /srv/current -> /srv/releases/1 */
const PATHS = {
  real: (path) => (path.startsWith('/none') ? undefined : path.replace(/^\/srv\/current/, '/srv/releases/1')),
  isSame: (a, b) => PATHS.real(a) === PATHS.real(b),
};

const RELEASE = '/srv/releases/1';

/** A process that was started as `node <words>` in the release, with argv[1] as Node makes it. */
function start(words, { PWD = '/srv/current', cwd = RELEASE, script = `${RELEASE}/server.mjs`, ...more } = {}) {
  const list = (text) => text.split(' ').filter(Boolean);
  const execArgv = list(more.flags ?? '');
  const rest = more.rest ?? list(words).slice(1);
  return originOf(
    {
      environ: PWD === undefined ? 'A=1\0' : `A=1\0PWD=${PWD}\0`,
      cmdline: more.cmdline ?? `${['node', ...execArgv, ...list(words)].join('\0')}\0`,
      argv: ['/usr/bin/node', ...(script === null ? [] : [script]), ...rest],
      execArgv,
      env: { B: '2' },
      cwd,
      ...more.started,
    },
    PATHS,
  );
}

const seen = ({ folder, args }) => [folder, args.join(' ')];

describe('the folder of the start', () => {
  it('is called as in $PWD, if that names it', () => {
    assert.deepEqual(seen(start('server.mjs a b')), ['/srv/current', 'server.mjs a b']);
  });

  for (const [what, PWD] of Object.entries({
    'is not there': undefined,
    'is empty': '',
    'names another folder': '/srv',
    'names none': '/none/of/these',
    'is relative': '.',
  })) {
    it(`is called as the kernel does where $PWD ${what}`, () => {
      const { folder } = originOf(
        {
          environ: `A=1\0${PWD === undefined ? '' : `PWD=${PWD}\0`}`,
          cmdline: 'node\0server.mjs\0',
          argv: ['node', `${RELEASE}/server.mjs`],
          execArgv: [],
          env: {},
          cwd: RELEASE,
        },
        PATHS,
      );
      assert.equal(folder, RELEASE);
    });
  }

  it('is found where the application has left it before core was loaded', () => {
    assert.deepEqual(seen(start('server.mjs', { cwd: `${RELEASE}/data` })), ['/srv/current', 'server.mjs']);
    assert.deepEqual(seen(start('./bin/../server.mjs', { cwd: '/data', PWD: '/srv' })), [
      RELEASE,
      './bin/../server.mjs',
    ]);
    const above = start('../server.mjs', { cwd: '/data', PWD: '/srv/current/bin' });
    assert.deepEqual(seen(above), ['/srv/current/bin', '../server.mjs']);
  });
});

describe('the command line', () => {
  it('has the script as it was typed, and no flag of Node', () => {
    assert.equal(
      seen(start('-- ./server.mjs --flag', { flags: '--import ./a.mjs', rest: ['--flag'] }))[1],
      './server.mjs --flag',
    );
    assert.deepEqual(start('server.mjs', { flags: '--import server.mjs' }).execArgv, ['--import', 'server.mjs']);
    assert.equal(
      seen(start('/srv/current/server.mjs', { script: '/srv/current/server.mjs' }))[1],
      '/srv/current/server.mjs',
    );
  });

  it('is that of the start, whatever the application has made of it since', () => {
    assert.equal(seen(start('server.mjs a b', { rest: ['a'] }))[1], 'server.mjs a b');
  });

  it('is that of Node where a title has overwritten it, with a script in the folder looked up there', () => {
    const cmdline = 'my title\0\0\0\0';
    assert.equal(seen(start('server.mjs a', { cmdline }))[1], 'server.mjs a');
    assert.equal(seen(start('server.mjs a', { cmdline, PWD: '/' }))[1], `${RELEASE}/server.mjs a`);
    assert.equal(seen(start('x a', { cmdline, script: '/opt/server.mjs' }))[1], '/opt/server.mjs a');
    assert.equal(seen(start('x a', { cmdline: '' }))[1], 'server.mjs a');
  });

  it('is that of Node where another program has put another script there, as PM2 does', () => {
    const pm2 = start('/pm2/container.js', { script: '/srv/app.js', cwd: '/srv', PWD: '/srv' });
    assert.deepEqual(seen(pm2), ['/srv', '/srv/app.js']);
  });

  it('may have no script', () => {
    const { args } = start('', { script: null, flags: '--eval x' });
    assert.deepEqual(args, []);
    assert.deepEqual(start('{"a":1}', { script: '{"a":1}', flags: '--eval x' }).args, ['{"a":1}']);
  });
});

describe('the environment', () => {
  const env = (environ) => start('server.mjs', { started: { environ } }).env;

  it('is that of the start', () => {
    assert.deepEqual({ ...env('A=1\0B==x=\0C=\0') }, { A: '1', B: '=x=', C: '' });
  });

  it('has the first value of a name that comes twice, as getenv(3)', () => {
    assert.deepEqual({ ...env('A=1\0A=2\0') }, { A: '1' });
  });

  it('leaves out what is no variable', () => {
    assert.deepEqual({ ...env('A=1\0nonsense\0=x\0\0') }, { A: '1' });
    assert.ok(Object.hasOwn(env('A=1\0__proto__=x\0'), '__proto__'));
  });

  it('is that of the moment where the other cannot be read', () => {
    assert.deepEqual({ ...env('') }, { B: '2' });
  });
});
