// Files of one test.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder that is removed after the test. */
export function tempDir(t) {
  const dir = mkdtempSync(join(tmpdir(), 'prefork-test-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
