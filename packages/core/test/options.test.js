// What a user may set, and how a mistake is named.

import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { DEFAULTS, MAX_WORKERS, resolveOptions } from '../dist/options.js';
import { usableProcessors } from '../dist/processors.js';

const LONGEST = 2 ** 31 - 1;
const log = { info() {}, warn() {}, error() {} };

beforeEach(() => {
  delete process.env.WEB_CONCURRENCY;
});

/** What an option of a kind takes, what has the wrong type, and what has the wrong value. */
const KINDS = {
  boolean: { good: [true, false], wrongType: ['true', 1, null], wrongValue: [] },
  count: {
    good: [0, 1, LONGEST],
    wrongType: ['1', true, null, [1], 1n],
    wrongValue: [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, LONGEST + 1],
  },
  delay: { good: [0, 1, LONGEST], wrongType: ['1', null], wrongValue: [-1, 0.5, Number.NaN, LONGEST + 1] },
  positive: { good: [1, LONGEST], wrongType: ['1', null], wrongValue: [0, -1, 1.5, Number.NaN, LONGEST + 1] },
  duration: {
    good: [1, 0.5, LONGEST],
    wrongType: ['1000', null, {}],
    wrongValue: [0, -1, Number.NaN, Number.POSITIVE_INFINITY, LONGEST + 1],
  },
  function: { good: [() => {}], wrongType: ['listener', {}, null], wrongValue: [] },
  identity: { good: ['nobody', 0, 65_534], wrongType: [true, null, {}], wrongValue: ['', -1, 1.5, Number.NaN] },
  log: { good: [log, console], wrongType: [null, 'stderr', {}, { info() {}, warn() {} }], wrongValue: [] },
  folder: { good: ['/srv/current', '/'], wrongType: [1, null], wrongValue: ['', 'current', './a', '/a\0b'] },
  memory: {
    good: [0, 1, 2 ** 40],
    wrongType: [null, true, {}, 1n],
    wrongValue: [-1, 0.5, Number.NaN, '0%', '80 %', '5XB'],
  },
  period: {
    good: [0, 5_000, 0.5],
    wrongType: [null, true, {}],
    wrongValue: [-1, Number.NaN, LONGEST + 1, '5 s', '-1s', 'soon', '5d'],
  },
  path: { good: ['/tmp/a', 'a'], wrongType: [1, null, Buffer.from('a')], wrongValue: ['', 'a\0b'] },
  urls: { good: ['http://*:1', ['http://*:1']], wrongType: [3000, null, [3000], [['http://*:1']]], wrongValue: [[]] },
  workers: { good: [0, 1, MAX_WORKERS], wrongType: ['2', null], wrongValue: [-1, 1.5, MAX_WORKERS + 1] },
};

const OPTIONS = {
  accepts: 'count',
  acceptInterval: 'duration',
  acceptLock: 'boolean',
  backlog: 'count',
  cleanup: 'boolean',
  createServer: 'function',
  directory: 'folder',
  gracefulTerm: 'boolean',
  gracefulTimeout: 'duration',
  group: 'identity',
  hangReport: 'boolean',
  hangReportFile: 'path',
  heartbeatInterval: 'duration',
  heartbeatTimeout: 'duration',
  inactivityTimeout: 'duration',
  keepAliveTimeout: 'duration',
  listen: 'urls',
  lockFile: 'path',
  lockTimeout: 'duration',
  log: 'log',
  maxAge: 'delay',
  maxClients: 'positive',
  maxMemory: 'memory',
  maxRequests: 'count',
  multiAccept: 'positive',
  pidFile: 'path',
  shutdownDelay: 'delay',
  silent: 'boolean',
  single: 'boolean',
  slowRequest: 'period',
  spare: 'workers',
  upgradeTimeout: 'duration',
  user: 'identity',
  workers: 'workers',
};

for (const [name, kind] of Object.entries(OPTIONS)) {
  describe(`the option ${name}`, () => {
    it('takes what it should', () => {
      for (const value of KINDS[kind].good) {
        const expected = kind === 'urls' ? [value].flat() : value;
        assert.deepEqual(resolveOptions({ [name]: value })[name], expected);
      }
    });

    it('refuses a wrong type with a TypeError that names it and the value', () => {
      for (const value of KINDS[kind].wrongType) refuses(name, value, 'TypeError');
    });

    it('refuses a wrong value with a RangeError that names it and the value', () => {
      for (const value of KINDS[kind].wrongValue) refuses(name, value, 'RangeError');
    });

    it('may be undefined, which means its default', () => {
      assert.deepEqual(resolveOptions({ [name]: undefined }), resolveOptions());
    });
  });
}

function refuses(name, value, error) {
  assert.throws(
    () => resolveOptions({ [name]: value }),
    ({ name: type, message }) => {
      assert.equal(type, error, `${name}: ${String(value)}`);
      assert.match(message, new RegExp(`^Expected \`${name}\` to be [^\`]+, got \`.*\`$`, 's'));
      if (typeof value === 'number' || typeof value === 'string') assert.ok(message.includes(inspect(value)), message);
      return true;
    },
  );
}

describe('the defaults', () => {
  it('are there without any option, in every kind of call', () => {
    const { lockFile, log, workers, areWorkersGiven, ...settings } = resolveOptions();
    assert.equal(areWorkersGiven, false);
    assert.deepEqual(settings, DEFAULTS);
    assert.equal(lockFile, undefined);
    assert.equal(typeof log.info, 'function');
    assert.equal(workers, usableProcessors());
    assert.deepEqual(resolveOptions({}), resolveOptions());
  });

  it('are what the documentation promises', () => {
    const { accepts, backlog, gracefulTimeout, heartbeatInterval, listen, maxClients, multiAccept, spare } = DEFAULTS;
    assert.deepEqual([accepts, backlog, gracefulTimeout, heartbeatInterval], [10_000, 511, 20_000, 5_000]);
    assert.deepEqual([listen, maxClients, multiAccept, spare], [['http://*:3000'], 1_000, 50, 2]);
  });

  it('are not shared: the options of one server do not change those of the next', () => {
    const options = { listen: ['http://*:1'] };
    resolveOptions(options).listen.push('http://*:2');
    resolveOptions().listen.push('http://*:3');
    assert.deepEqual([options.listen, resolveOptions().listen], [['http://*:1'], ['http://*:3000']]);
  });

  it('know every option of this test, and no other', () => {
    const optional = [
      'createServer',
      'directory',
      'group',
      'hangReportFile',
      'inactivityTimeout',
      'keepAliveTimeout',
      'lockFile',
      'pidFile',
      'user',
    ];
    const { areWorkersGiven, ...settings } = resolveOptions({ workers: 2 });
    assert.equal(areWorkersGiven, true);
    assert.deepEqual([...Object.keys(settings), ...optional].sort(), Object.keys(OPTIONS).sort());
  });
});

describe('an unknown option', () => {
  const table = {
    worker: 'workers',
    Workers: 'workers',
    max_clients: 'maxClients',
    heartbeat_interval: 'heartbeatInterval',
    graceful_timout: 'gracefulTimeout',
    pidfile: 'pidFile',
    keepaliveTimeout: 'keepAliveTimeout',
  };
  for (const [name, suggestion] of Object.entries(table)) {
    it(`${name} is refused, with ${suggestion} as the suggestion`, () => {
      assert.throws(() => resolveOptions({ [name]: 1 }), {
        name: 'TypeError',
        message: `Unknown option \`${name}\`, did you mean \`${suggestion}\`?`,
      });
    });
  }

  it('that is like none is refused without one', () => {
    for (const name of ['port', 'x', 'toString', '__proto__x', 'hasOwnProperty']) {
      assert.throws(() => resolveOptions({ [name]: 1 }), { message: `Unknown option \`${name}\`` });
    }
  });

  it('is refused also when it is undefined', () => {
    assert.throws(() => resolveOptions({ wrokers: undefined }), /did you mean `workers`/);
  });
});

describe('options that are none', () => {
  for (const options of [null, 1, 'workers', true, () => {}]) {
    it(`are refused: ${String(options)}`, () => {
      assert.throws(() => resolveOptions(options), {
        name: 'TypeError',
        message: /^Expected the options to be an object, got `/,
      });
    });
  }
});

describe('WEB_CONCURRENCY', () => {
  it('is the number of workers where the option is not set', () => {
    process.env.WEB_CONCURRENCY = '7';
    assert.equal(resolveOptions().workers, 7);
    assert.equal(resolveOptions({ workers: 3 }).workers, 3);
    process.env.WEB_CONCURRENCY = '0';
    assert.equal(resolveOptions().workers, 0);
  });

  it('that is empty counts as not set', () => {
    process.env.WEB_CONCURRENCY = '';
    assert.equal(resolveOptions().workers, usableProcessors());
  });

  for (const value of ['two', '-1', '1.5', ' 2', '0x2', '1025', '99999999999999999999']) {
    it(`${value} is refused by its name`, () => {
      process.env.WEB_CONCURRENCY = value;
      assert.throws(() => resolveOptions(), {
        name: 'RangeError',
        message: /^Expected the environment variable `WEB_CONCURRENCY` to be .*, got `/,
      });
      assert.equal(resolveOptions({ workers: 1 }).workers, 1);
    });
  }
});
