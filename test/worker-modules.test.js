// What a worker loads before it serves: each file costs its boot a millisecond.

import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { test } from 'node:test';
import { startServer } from './helpers/server.js';

test('a worker loads the binary of koffi that its manager has found, and does not look for it', async (t) => {
  const server = startServer(t, 'loaded.js', { options: { workers: 1 } });
  const files = JSON.parse((await server.get()).body);
  const ofKoffi = files.filter((file) => /koffi/.test(file));
  assert.deepEqual(
    ofKoffi.map((file) => basename(file)),
    ['koffi.node'],
  );
});
