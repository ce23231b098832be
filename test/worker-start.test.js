// What a worker is born with, for a short boot: who it is, where koffi's binary is, and the few files that it loads.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { basename } from 'node:path';
import { describe, test } from 'node:test';
import { startServer } from './helpers/server.js';

const core = (file) => JSON.stringify(import.meta.resolve(`../packages/core/dist/${file}`));
const PROGRAM = `
  const { identity } = await import(${core('handover.js')});
  const { descriptorLimit } = await import(${core('posix/process.js')});
  const left = process.env.PREFORK_WORKER ?? process.env.PREFORK_KOFFI;
  console.log(JSON.stringify({ identity, left, limit: descriptorLimit() > 0 }));
`;
const identity = { manager: 4711, run: 0, slot: 3, patience: 60 };

/** The files that a worker has loaded. */
async function loaded(t) {
  const server = startServer(t, 'loaded.js', { options: { workers: 1 } });
  return JSON.parse((await server.get()).body);
}

const names = (files, pattern) =>
  files
    .filter((file) => pattern.test(file))
    .map((file) => basename(file))
    .sort();

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
  const files = await loaded(t);
  assert.deepEqual(names(files, /koffi/), ['koffi.node']);
});

test('a worker loads three files of core, and nothing of the manager', async (t) => {
  const files = await loaded(t);
  assert.deepEqual(names(files, /packages\/core\//), ['common.js', 'index.js', 'worker.js']);
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
