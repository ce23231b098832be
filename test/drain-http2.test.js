// http2 sessions in a drain, in the clear and over TLS.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import test from 'node:test';
import tls from 'node:tls';
import { tlsLocation } from './helpers/certificate.js';
import { cleanAfter } from './helpers/cleanup.js';
import { tempDir } from './helpers/files.js';
import { quit, serve } from './helpers/serve.js';

const LINGER = 300;

for (const [title, location] of [
  ['in the clear', () => 'http://127.0.0.1:0'],
  ['over TLS', (t) => tlsLocation(tempDir(t))],
]) {
  test(`at QUIT an http2 client ${title} gets GOAWAY, and its streams are finished`, async (t) => {
    const options = { listen: location(t), keepAliveTimeout: LINGER, heartbeatInterval: 100 };
    const { server, pids, target } = await serve(t, 'http2.js', options);
    const scheme = target.tls ? 'https' : 'http';
    const session = http2.connect(`${scheme}://127.0.0.1:${target.port}`, { rejectUnauthorized: false });
    cleanAfter(t, () => session.destroy());
    const closed = once(session, 'close');
    const goaway = once(session, 'goaway');
    const stream = session.request({ ':method': 'POST' });
    stream.setEncoding('utf8').write('before, ');
    let received = `${await once(stream, 'data')}`;
    stream.on('data', (text) => {
      received += text;
    });

    await quit(server, server.pid, pids[0]);
    const [code] = await goaway;
    // the time that idle connections are given goes by, more than once
    const beats = server.count(/^heartbeat/);
    while (server.count(/^heartbeat/) < beats + (3 * LINGER) / 100) {
      await server.waitForLine(/^heartbeat/, { after: server.lines.length });
    }
    stream.end('after');
    await once(stream, 'end');
    await closed;

    assert.equal(code, http2.constants.NGHTTP2_NO_ERROR);
    assert.equal(received, 'before, after');
    assert.deepEqual(await server.exited, { code: 0, signal: null });
  });
}

test('an http2 session over TLS that begins after QUIT is served, and ends with GOAWAY', async (t) => {
  const options = { listen: tlsLocation(tempDir(t)), keepAliveTimeout: LINGER };
  const { server, pids, target } = await serve(t, 'http2.js', options);
  const socket = net.connect(target.port, '127.0.0.1');
  cleanAfter(t, () => socket.destroy());
  await once(socket, 'connect');
  await quit(server, server.pid, pids[0]);
  const session = http2.connect(`https://127.0.0.1:${target.port}`, {
    createConnection: () => tls.connect({ socket, ALPNProtocols: ['h2'], rejectUnauthorized: false }),
  });
  const goaway = once(session, 'goaway');
  const closed = once(session, 'close');
  const stream = session.request({ ':method': 'POST' });
  stream.setEncoding('utf8').end('late');
  const [text] = await once(stream, 'data');
  assert.equal(text, 'late');
  assert.equal((await goaway)[0], http2.constants.NGHTTP2_NO_ERROR);
  await closed;
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});

test('at QUIT an idle http2 session is closed and the worker leaves', async (t) => {
  const { server, target } = await serve(t, 'http2.js', { listen: 'http://127.0.0.1:0' });
  const session = http2.connect(`http://127.0.0.1:${target.port}`);
  cleanAfter(t, () => session.destroy());
  const closed = once(session, 'close');
  const stream = session.request({ ':method': 'POST' });
  stream.end('all').resume();
  await once(stream, 'end');
  process.kill(server.pid, 'SIGQUIT');
  await closed;
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});
