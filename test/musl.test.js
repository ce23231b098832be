// The libc of Alpine. koffi loads it beside this process' own, and every function that posix/ calls is found in it and works. That a
// whole pool runs on Alpine cannot be tried here.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import test from 'node:test';
import { startServer } from './helpers/server.js';

const MUSL = `/lib/ld-musl-${{ x64: 'x86_64', arm64: 'aarch64' }[process.arch]}.so.1`;
const skip = existsSync(MUSL) ? false : 'musl is not installed: apt-get install musl';

test('every function of libc that is used is found in musl, and works', { skip }, async (t) => {
  const server = startServer(t, 'musl.js', { env: { MUSL } });
  assert.deepEqual(await server.ended, { code: null, signal: 'SIGALRM' }, 'the alarm ends it');
  assert.deepEqual(server.stderr, []);
  assert.deepEqual(server.stdout, [
    'has all 27 functions',
    'listens, looks and accepts at 127.0.0.1',
    'listens, looks and accepts at ::1',
    'listens, looks and accepts at a UNIX socket',
    'chooses by the address of the client, and shuts down',
    'sends a text with a descriptor',
    'shares memory, and seals it',
    'locks',
    'reads its limits, and looks after children',
    'disarms its alarm',
  ]);
});
