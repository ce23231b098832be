// What a worker is born with: who it is, and where koffi's binary is, which it would look for as long as its own modules take.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { basename } from 'node:path';
import { describe, test } from 'node:test';
import { startServer } from './helpers/server.js';

const core = (file) => JSON.stringify(import.meta.resolve(`../packages/core/dist/${file}`));
const PROGRAM = `
  const { identity } = await import(${core('handover.js')});
  const { descriptorLimit } = await import(${core('posix.js')});
  console.log(JSON.stringify({ identity, left: process.env.PREFORK_WORKER, limit: descriptorLimit() > 0 }));
`;
const identity = { manager: 4711, run: 0, slot: 3, patience: 60 };

/** What a process makes of the variable by which its manager says who it is. */
function born(PREFORK_WORKER) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    env: { ...process.env, PREFORK_WORKER },
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

test('a worker loads the binary of koffi that its manager has found, and does not look for it', async (t) => {
  const server = startServer(t, 'loaded.js', { options: { workers: 1 } });
  const files = JSON.parse((await server.get()).body).filter((file) => /koffi/.test(file));
  assert.deepEqual(
    files.map((file) => basename(file)),
    ['koffi.node'],
  );
});

describe('a worker calls libc, and takes the variable away,', () => {
  for (const [when, text] of [
    ['when the binary has moved since, as in a deployment', '4711:0:3:60 /gone/koffi.node'],
    ['when its manager had no file for it', '4711:0:3:60 '],
  ]) {
    test(when, () => {
      assert.deepEqual(born(text), { identity, limit: true });
    });
  }
});

for (const [what, text] of [
  ['a word in place of a number', 'a:0:3:60 /koffi.node'],
  ['too few numbers', '4711:0:3 /koffi.node'],
  ['nothing', ''],
]) {
  test(`a process with ${what} in the variable is no worker`, () => {
    assert.deepEqual(born(text), { limit: true });
  });
}
