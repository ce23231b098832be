// Bad options: refused at once, by an error that names the option and the value.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { prefork } from '@prefork/core';
import { startServer } from './helpers/server.js';

const NO_NUMBER = ['2', '', null, true, {}, [], [2], 2n, () => {}, Symbol('two'), Object.create(null)];
const NO_COUNT = [-1, 1.5, Number.NaN, Infinity, -Infinity, 2 ** 53];
const NO_STRING = [1, null, false, {}, ['a'], Object.create(null)];

const COUNT = { types: NO_NUMBER, values: NO_COUNT, good: [0, 1] };
const POSITIVE = { types: NO_NUMBER, values: [...NO_COUNT, 0], good: [1] };
const DURATION = { types: NO_NUMBER, values: [0, -1, Number.NaN, Infinity, 2 ** 31], good: [0.5, 1, 2 ** 31 - 1] };
const BOOLEAN = { types: ['true', 0, 1, null, {}], values: [], good: [true, false] };
const PATH = { types: NO_STRING, values: ['', 'a\0b'], good: ['a', '/a'] };
const IDENTITY = { types: [null, true, {}, []], values: ['', -1, 1.5, Number.NaN], good: ['nobody', 0] };

const OPTIONS = {
  accepts: COUNT,
  acceptInterval: DURATION,
  acceptLock: BOOLEAN,
  backlog: COUNT,
  cleanup: BOOLEAN,
  createServer: { types: ['http', null, {}, true], values: [], good: [() => {}] },
  gracefulTerm: BOOLEAN,
  gracefulTimeout: DURATION,
  group: IDENTITY,
  hangReport: BOOLEAN,
  hangReportFile: PATH,
  heartbeatInterval: DURATION,
  heartbeatTimeout: DURATION,
  inactivityTimeout: DURATION,
  keepAliveTimeout: DURATION,
  listen: {
    types: [8080, null, {}, [8080], ['http://*:80', null]],
    values: [[]],
    good: ['http://*:0', ['http://*:0']],
  },
  lockFile: PATH,
  lockTimeout: DURATION,
  log: { types: ['stderr', null, true, {}, { info() {}, error() {} }], values: [], good: [console] },
  maxAge: { ...COUNT, good: [0, 1] },
  maxClients: POSITIVE,
  maxMemory: {
    types: [null, true, {}, []],
    values: [-1, 0.5, Number.NaN, '0%', '80 %', '5XB', ''],
    good: [0, '512MB', '80%'],
  },
  maxRequests: COUNT,
  multiAccept: POSITIVE,
  pidFile: PATH,
  silent: BOOLEAN,
  slowRequest: {
    types: [null, true, {}, []],
    values: [-1, Number.NaN, Infinity, 2 ** 31, '5 s', 'soon', ''],
    good: [0, 5000, '5s', '500ms'],
  },
  spare: COUNT,
  user: IDENTITY,
  workers: { ...COUNT, values: [...NO_COUNT, 1_000_000] },
};

const listener = () => {};

for (const [name, { types, values, good }] of Object.entries(OPTIONS)) {
  test(`\`${name}\` takes what it is for, and refuses the rest with an error that names option and value`, () => {
    for (const value of [...good, undefined]) prefork(listener, { [name]: value });
    for (const wrong of types) assertNames(name, wrong, TypeError);
    for (const wrong of values) assertNames(name, wrong, RangeError);
  });
}

describe('a name that is no option is a TypeError', () => {
  const mistakes = {
    worker: 'workers',
    Workers: 'workers',
    gracefullTimeout: 'gracefulTimeout',
    graceful_timeout: 'gracefulTimeout',
    heartbeatIntervall: 'heartbeatInterval',
    pidfile: 'pidFile',
    maxClient: 'maxClients',
  };
  for (const [name, meant] of Object.entries(mistakes)) {
    test(`that suggests \`${meant}\` for \`${name}\``, () => {
      assert.equal(
        throws(() => prefork(listener, { [name]: 1 }), TypeError),
        `Unknown option \`${name}\`, did you mean \`${meant}\`?`,
      );
    });
  }

  for (const name of ['constructor', '__proto__', 'toString', 'cluster']) {
    test(`without a suggestion for \`${name}\``, () => {
      const options = JSON.parse(`{ "${name}": 1 }`);
      assert.equal(
        throws(() => prefork(listener, options), TypeError),
        `Unknown option \`${name}\``,
      );
    });
  }
});

describe('what is no listener, or no options, is a TypeError', () => {
  for (const wrong of [undefined, null, 'app', {}, 8080]) {
    test(`listener ${inspect(wrong)}`, () => {
      assert.match(
        throws(() => prefork(wrong), TypeError),
        /^Expected the listener to be a function, got /,
      );
    });
  }
  for (const wrong of [null, 'fast', 4, true]) {
    test(`options ${inspect(wrong)}`, () => {
      const message = throws(() => prefork(listener, wrong), TypeError);
      assert.equal(message, `Expected the options to be an object, got \`${inspect(wrong)}\``);
    });
  }
});

test('a pool cannot be resized to what is no number of workers', () => {
  const server = prefork(listener, { workers: 1 });
  for (const wrong of ['2', null, true]) {
    assert.match(
      throws(() => Object.assign(server, { workers: wrong }), TypeError),
      /^Expected `workers` to be /,
    );
  }
  for (const wrong of [-1, 1.5, Number.NaN, 1_000_000]) {
    assert.match(
      throws(() => Object.assign(server, { workers: wrong }), RangeError),
      /^Expected `workers` to be /,
    );
  }
  assert.equal(server.workers, 1);
});

describe('a server with', () => {
  test('a bad option ends with status 1 and its error, before it has done anything', async (t) => {
    const server = startServer(t, 'echo.js', { options: { workers: -1 } });
    await assertRefused(server, 'RangeError: Expected `workers` to be a non-negative integer, got `-1`');
  });

  for (const value of ['-1', '1.5', 'many', '1000000', '2 workers', '0x2']) {
    test(`WEB_CONCURRENCY=${value} ends with status 1 and its error, before it has done anything`, async (t) => {
      const server = startServer(t, 'echo.js', { options: {}, env: { WEB_CONCURRENCY: value } });
      await assertRefused(
        server,
        /RangeError: Expected the environment variable `WEB_CONCURRENCY` to be .*, got `'?/,
        value,
      );
    });
  }

  for (const value of ['-1', '65536', 'http', '80.5', '']) {
    test(`PORT=${value} ends with status 1 and its error, before it has done anything`, async (t) => {
      const server = startServer(t, 'listens-on-port.js', { env: { PORT: value } });
      const message = 'Expected the environment variable `PORT` to be an integer from 0 to 65535, got `';
      await assertRefused(server, `RangeError: ${message}${value}\``);
    });
  }
});

async function assertRefused(server, ...parts) {
  assert.deepEqual(await server.ended, { code: 1, signal: null }, server.output);
  const line = server.lines.find((text) => /^(Type|Range)Error: /.test(text));
  for (const part of parts) {
    if (typeof part === 'string') assert.ok(line.includes(part), server.output);
    else assert.match(line, part);
  }
  assert.equal(server.count(/^(Type|Range)Error: /), 1, server.output);
  assert.equal(server.count(/Listening|started|spawn|Creating/), 0, server.output);
  assert.deepEqual(readdirSync(server.dir), []);
}

function assertNames(name, wrong, Kind) {
  const message = throws(() => prefork(listener, { [name]: wrong }), Kind);
  assert.ok(message.startsWith(`Expected \`${name}\` to be `), message);
  const isPlain = wrong === null || !/object|function/.test(typeof wrong);
  if (isPlain) assert.ok(message.endsWith(`, got \`${inspect(wrong)}\``), message);
  else assert.match(message, /, got `[^`]+`$/s);
}

/** The message of the error, which must be exactly of this kind. */
function throws(call, Kind) {
  let message = '';
  assert.throws(call, (error) => {
    assert.equal(error.name, Kind.name, error.stack);
    message = error.message;
    return true;
  });
  return message;
}
