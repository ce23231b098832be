// A worker ends by itself before its manager would kill it.

import assert from 'node:assert/strict';
import test from 'node:test';
import { abortMargin, exitMargin } from '../dist/worker/deadline.js';

for (const gracefulTimeout of [1, 10, 100, 1000, 5000, 20_000, 300_000, 2 ** 31 - 1]) {
  test(`with a \`gracefulTimeout\` of ${gracefulTimeout} ms what is left is aborted, then the listeners, then the worker`, () => {
    const [abort, exit] = [
      gracefulTimeout - abortMargin(gracefulTimeout),
      gracefulTimeout - exitMargin(gracefulTimeout),
    ];
    assert.ok(abort >= gracefulTimeout / 2);
    assert.ok(abort < exit);
    assert.ok(exit < gracefulTimeout);
    assert.ok(gracefulTimeout - abort <= 1000);
  });
}
