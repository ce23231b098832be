// How the status shows a time.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { duration } from '../dist/cli/figures.js';

const TIMES = {
  '0s': 999,
  '59s': 59_999,
  '1m 0s': 60_000,
  '1h 1m': 3_661_000,
  '3d 4h': 3 * 86_400_000 + 4 * 3_600_000 + 59_000,
};

for (const [text, milliseconds] of Object.entries(TIMES)) {
  it(`shows ${milliseconds} ms as ${text}`, () => assert.equal(duration(milliseconds), text));
}
