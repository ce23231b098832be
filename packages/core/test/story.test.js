// The trace of a connection exists only where somebody reads it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

const MODULE = new URL('../dist/worker/story.js', import.meta.url);

test('nothing is done for a connection unless DEBUG names it', async () => {
  delete process.env.DEBUG;
  const { story } = await import(MODULE.href);
  assert.equal(story, undefined);
});
