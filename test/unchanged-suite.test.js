// What the suite promises of connections, drains, reloads and upgrades holds for a file that listens itself, too: the same tests
// run again with the other way to start, see helpers/ways.js.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const FILES = [
  'accept-lock',
  'drain',
  'drain-http2',
  'half-closed',
  'inactivity',
  'killed-worker',
  'limits',
  'recycle',
  'reload',
  'spread',
  'upgrade',
  'websocket-drain',
];

describe('unchanged under the command:', () => {
  for (const name of FILES) {
    test(`all of ${name}.test.js`, async () => {
      const file = fileURLToPath(new URL(`${name}.test.js`, import.meta.url));
      // a test of its own, not a part of this one
      const env = { ...process.env, PREFORK_TEST_WAY: 'unchanged', NODE_TEST_CONTEXT: undefined };
      const { stdout } = await promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap', file], {
        env,
      }).catch((error) => assert.fail(error.stdout));
      assert.match(stdout, /^# pass [1-9]/m);
    });
  }
});
