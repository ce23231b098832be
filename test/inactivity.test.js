// The option `inactivityTimeout`.

import assert from 'node:assert/strict';
import test from 'node:test';
import { tlsLocation } from './helpers/certificate.js';
import { cleanAfter } from './helpers/cleanup.js';
import { open } from './helpers/connection.js';
import { tempDir } from './helpers/files.js';
import { serve } from './helpers/serve.js';

test('a connection that falls silent is closed after `inactivityTimeout`, wherever it was', async (t) => {
  const { connect } = await serve(t, 'pipe.js', { inactivityTimeout: 500 });
  const [unused, headers, body] = [await connect(), await connect(), await connect()];
  headers.send('GET / HTTP/1.1\r\nHost: loc');
  body.send('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nfirst');
  for (const connection of [unused, headers, body]) assert.equal(await connection.ended, 'end');
});

test('a slow upload that is not silent takes as long as it likes', async (t) => {
  const { server, connect } = await serve(t, 'pipe.js', { inactivityTimeout: 1500, heartbeatInterval: 500 });
  const connection = await connect();
  connection.send('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\n');
  for (const piece of 'slowly') {
    await server.waitForLine(/^heartbeat/, { after: server.lines.length });
    connection.send(piece);
  }
  assert.equal((await connection.response()).body.toString(), 'slowly');
});

test('a TLS connection that never says hello is closed after `inactivityTimeout`', async (t) => {
  const listen = tlsLocation(tempDir(t));
  const { target } = await serve(t, 'pipe.js', { inactivityTimeout: 500, listen });
  const silent = await open({ port: target.port });
  cleanAfter(t, () => silent.close());
  assert.equal(await silent.ended, 'end');
});
