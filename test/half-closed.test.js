// Clients that close their side of a connection once the request is sent.

import assert from 'node:assert/strict';
import test from 'node:test';
import { serve } from './helpers/serve.js';

for (const acceptLock of [true, false]) {
  test(`a client that has closed its side is still answered, acceptLock: ${acceptLock}`, async (t) => {
    const { connect } = await serve(t, 'half-closed.js', { workers: 2, acceptLock });
    // a burst, of which some come through the gate and the others are taken from the queue
    const connections = await Promise.all(Array.from({ length: 40 }, connect));
    for (const connection of connections)
      connection.finish('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\ndone');
    for (const connection of connections) assert.equal((await connection.response()).body.toString(), 'done');
  });
}
