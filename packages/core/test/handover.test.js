// What a worker is born with. Only a process that is one can be asked.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { it } from 'node:test';
import { koffiBinary } from '../dist/posix.js';

const PROGRAM = `
  const { identity } = await import(${JSON.stringify(import.meta.resolve('../dist/handover.js'))});
  const { descriptorLimit } = await import(${JSON.stringify(import.meta.resolve('../dist/posix.js'))});
  console.log(JSON.stringify({ identity, limit: descriptorLimit() > 0, left: process.env.PREFORK_WORKER }));
`;

/** What a process with this variable is. */
function born(PREFORK_WORKER) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    env: { ...process.env, PREFORK_WORKER },
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

const identity = { manager: 4711, run: 0, slot: 3, patience: 60 };

it('is who the manager says, and takes the variable away', () => {
  assert.deepEqual(born(`4711:0:3:60 ${koffiBinary()}`), { identity, limit: true });
});

it('looks for koffi itself when its binary has moved since, as in a deployment', () => {
  assert.deepEqual(born('4711:0:3:60 /gone/koffi.node'), { identity, limit: true });
});

it('looks for koffi itself when the manager had no file for it', () => {
  assert.deepEqual(born('4711:0:3:60 '), { identity, limit: true });
});

for (const [what, text] of [
  ['no number', 'a:0:3:60 /koffi.node'],
  ['too few numbers', '4711:0:3 /koffi.node'],
  ['nothing', ''],
]) {
  it(`is nobody with ${what} in the variable`, () => {
    assert.deepEqual(born(text), { limit: true });
  });
}
