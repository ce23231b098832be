// Whose connection ends in a drain, and when.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Sweep, Turn } from '../dist/worker/sweep.js';

const { idle, client, application } = Turn;
const patience = { linger: 10_000, requestTimeout: 3000 };
const QUIET = { turn: idle, hasReceived: true, hasSent: true, received: 10, sent: 10 };

/** When a connection that is looked at each 100 ms is over; `sight` says what is seen at a time. */
function endOf(sight, own = patience) {
  const sweep = new Sweep(own);
  const connection = {};
  for (let now = 0; now <= 60_000; now += 100) {
    if (sweep.isOver(connection, { ...QUIET, ...sight(now) }, now)) return now;
  }
  return undefined;
}

for (const [title, sight, end] of [
  ['an idle connection ends with the linger', () => ({}), 10_000],
  [
    'a connection without a byte ends after 5 s',
    () => ({ hasReceived: false, hasSent: false, received: 0, sent: 0 }),
    5000,
  ],
  [
    'the bytes of a handshake do not count',
    () => ({ hasReceived: false, hasSent: false, received: 300, sent: 900 }),
    5000,
  ],
  ['half a head ends with `requestTimeout`', () => ({ hasSent: false, sent: 0 }), 3000],
  ['half a head that drips is no better', (now) => ({ hasSent: false, sent: 0, received: now }), 3000],
  ['what an idle client sends gives it no time', (now) => ({ received: now }), 10_000],
  ['a client that stalls ends with the linger', () => ({ turn: client }), 10_000],
  ['an upload that goes on is not ended', (now) => ({ turn: client, received: now }), undefined],
  ['an answer that is read is not ended', (now) => ({ turn: client, sent: now }), undefined],
  [
    'an upload that stops ends with the linger after it',
    (now) => ({ turn: client, received: Math.min(now, 20_000) }),
    30_000,
  ],
  ['the application is waited for', () => ({ turn: application }), undefined],
  [
    'what is idle after an answer has the whole linger',
    (now) => (now < 7000 ? { turn: application } : { sent: 20 }),
    17_000,
  ],
  ['bytes that are sent late give time', (now) => ({ sent: Math.min(now, 4000) }), 14_000],
]) {
  test(title, () => assert.equal(endOf(sight), end));
}

test('a short linger bounds all of them', () => {
  const short = { linger: 1000, requestTimeout: Number.POSITIVE_INFINITY };
  for (const sight of [{}, { hasReceived: false, received: 0 }, { hasSent: false, sent: 0 }, { turn: client }]) {
    assert.equal(
      endOf(() => sight, short),
      1000,
    );
  }
});

test('the end comes when it is due: looks are five times as frequent as the shortest time', () => {
  assert.equal(new Sweep(patience).interval, 1000);
  assert.equal(new Sweep({ ...patience, linger: 100 }).interval, 20);
  assert.equal(new Sweep({ ...patience, linger: 1 }).interval, 10);
});
