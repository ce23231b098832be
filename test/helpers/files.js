// Files of one test.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanAfter } from './cleanup.js';

/** A folder that is removed after the test. */
export function tempDir(t) {
  const dir = mkdtempSync(join(tmpdir(), 'prefork-test-'));
  cleanAfter(t, () => rmSync(dir, { recursive: true, force: true, maxRetries: 3 }));
  return dir;
}
