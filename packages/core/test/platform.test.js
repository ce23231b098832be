// The look at Node's private handle, at the start, changes nothing of the socket that it looks at.

import assert from 'node:assert/strict';
import { closeSync } from 'node:fs';
import { it } from 'node:test';
import { libc } from '../dist/libc.js';
import { checkNode } from '../dist/platform.js';
import { isListening, listenSocket } from '../dist/posix/sockets.js';

const TCP_INFO = 11;
const TCPI_SACKED = 7; // on a listening socket its backlog

function backlogOf(fd) {
  const info = new Uint32Array(TCPI_SACKED + 1);
  libc().getsockopt(fd, 6, TCP_INFO, info, new Uint32Array([info.byteLength]));
  return info[TCPI_SACKED];
}

it('a socket listens on with its own backlog', async () => {
  const options = { backlog: 37, ipv6Only: false, reusePort: false };
  const fd = listenSocket({ address: '127.0.0.1', port: 0, family: 4 }, options);
  try {
    checkNode(fd, 37);
    await new Promise((resolve) => setImmediate(resolve)); // the handle is closed by then
    assert.deepEqual([isListening(fd), backlogOf(fd)], [true, 37]);
  } finally {
    closeSync(fd);
  }
});

it('without a socket of our own the rest is looked at', () => {
  checkNode(undefined, 511);
});
