// What a worker is born with: who it is, and where koffi's binary is, so that its boot need not look for it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { basename } from 'node:path';
import { describe, test } from 'node:test';
import { startServer } from './helpers/server.js';

const core = (file) => JSON.stringify(import.meta.resolve(`../packages/core/dist/${file}`));
const PROGRAM = `
  const { identity } = await import(${core('handover.js')});
  const { descriptorLimit } = await import(${core('posix.js')});
  const left = process.env.PREFORK_WORKER ?? process.env.PREFORK_KOFFI;
  console.log(JSON.stringify({ identity, left, limit: descriptorLimit() > 0 }));
`;
const identity = { manager: 4711, run: 0, slot: 3, patience: 60 };

/** What a process makes of the variables by which its manager says who it is. */
function born(variables) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    env: { ...process.env, ...variables },
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

describe('a worker calls libc, and takes the variables away,', () => {
  for (const [when, koffi] of [
    ['when the binary has moved since, as in a deployment', { PREFORK_KOFFI: '/gone/koffi.node' }],
    ['when its manager had no file for it, or is of an older version', {}],
  ]) {
    test(when, () => {
      assert.deepEqual(born({ PREFORK_WORKER: '4711:0:3:60', ...koffi }), { identity, limit: true });
    });
  }
});

for (const [what, PREFORK_WORKER] of [
  ['a word in place of a number', 'a:0:3:60'],
  ['too few numbers', '4711:0:3'],
  ['nothing', ''],
]) {
  test(`a process with ${what} in the variable is no worker`, () => {
    assert.deepEqual(born({ PREFORK_WORKER, PREFORK_KOFFI: '/koffi.node' }), { limit: true });
  });
}
