// What the death of a worker means.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { meaningOf } from '../dist/manager/policy.js';
import { NOW, RUN, worker } from './helpers/records.js';

const OLD = { healthyAt: NOW - 60_000 };
const YOUNG = { healthyAt: NOW - 1_999 };

for (const [title, record, target, meaning] of [
  ['a worker that drained', worker('draining', OLD), RUN, 'asked for'],
  ['a worker that was told to go before its first heartbeat', worker('draining'), RUN, 'asked for'],
  ['a healthy worker that was killed at its deadline', worker('killed', OLD), RUN, 'asked for'],
  ['a worker that was killed because it never came up', worker('killed'), RUN, 'crashed early'],
  [
    'the first worker that was killed because it never came up',
    worker('killed'),
    { ...RUN, proven: false },
    'boot failed',
  ],
  ['the first worker, before its first heartbeat', worker('starting'), { ...RUN, proven: false }, 'boot failed'],
  ['any worker while the server stops', worker('healthy', YOUNG), { ...RUN, goal: 'stop gracefully' }, 'asked for'],
  ['any worker while the server stops at once', worker('starting'), { ...RUN, goal: 'stop immediately' }, 'asked for'],
  ['a worker before its first heartbeat', worker('starting'), RUN, 'crashed early'],
  ['a worker soon after its first heartbeat', worker('healthy', YOUNG), RUN, 'crashed'],
  ['a worker two seconds after its first heartbeat', worker('healthy', { healthyAt: NOW - 2_000 }), RUN, 'left'],
  ['a worker after a while', worker('healthy', OLD), RUN, 'left'],
]) {
  it(`${title}: ${meaning}`, () => assert.equal(meaningOf(record, target, NOW), meaning));
}
