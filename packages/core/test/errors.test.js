// Errors that a user can meet, and the package's public names.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { it } from 'node:test';
import * as core from '@prefork/core';
import { messageOf } from '../dist/errors.js';

const { ERROR_CODES, Prefork, PreforkError, prefork } = core;

it('a PreforkError has a name, a code, a message and a cause', () => {
  const cause = new Error('EACCES');
  const error = new PreforkError('ERR_PREFORK_LOCK_FILE', "Can't create it", cause);
  assert.ok(error instanceof Error);
  const { name, code, message } = error;
  assert.deepEqual([name, code, message], ['PreforkError', 'ERR_PREFORK_LOCK_FILE', "Can't create it"]);
  assert.equal(error.cause, cause);
  assert.equal('cause' in new PreforkError('ERR_PREFORK_BOOT', 'It stopped'), false);
});

it('every code begins alike and has a sentence', () => {
  const entries = Object.entries(ERROR_CODES);
  assert.ok(entries.length > 0);
  for (const [code, sentence] of entries) {
    assert.match(code, /^ERR_PREFORK_[A-Z_]+$/);
    assert.match(sentence, /^[A-Z].*[^.]$/);
  }
});

it('anything that was thrown has a message', () => {
  assert.equal(messageOf(new TypeError('wrong')), 'wrong');
  assert.equal(messageOf('text'), 'text');
  assert.equal(messageOf(undefined), 'undefined');
});

it('the package has these names, and no others', () => {
  const classes = ['ERROR_CODES', 'Prefork', 'PreforkError'];
  const functions = ['prefork', 'readyHandler', 'registerMetrics', 'statusHandler', 'usePrototypes'];
  assert.deepEqual(Object.keys(core).sort(), [...classes, ...functions, 'worker'].sort());
  assert.ok(prefork(() => {}) instanceof Prefork);
});

it('the package loads with require() too', () => {
  assert.equal(createRequire(import.meta.url)('@prefork/core').prefork, prefork);
});

it('a listener that is none is named at once', () => {
  assert.throws(() => prefork({}), { name: 'TypeError', message: /^Expected the listener to be a function, got `/ });
});
