// WebSockets in a drain: clients are told why, and never just cut.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';
import { WebSocket } from 'ws';
import { tlsLocation } from './helpers/certificate.js';
import { cleanAfter } from './helpers/cleanup.js';
import { tempDir } from './helpers/files.js';
import { quit, serve } from './helpers/serve.js';
import { within } from './helpers/wait.js';

const GOING_AWAY = 1001;
const SERVICE_RESTART = 1012;

const UPGRADE = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==',
].join('\r\n');

/** A client that is connected; `code` is what its close event will say. */
async function connect(t, target) {
  const socket = new WebSocket(`${target.tls ? 'wss' : 'ws'}://127.0.0.1:${target.port}`, {
    rejectUnauthorized: false,
  });
  cleanAfter(t, () => socket.terminate());
  const code = once(socket, 'close').then(([code]) => code);
  await once(socket, 'open');
  return { socket, code: within(code, 'a WebSocket was not closed') };
}

function connectAll(t, target, count) {
  return Promise.all(Array.from({ length: count }, () => connect(t, target)));
}

/** How many closed with which code, as `{ 1001: 50 }`. */
async function tallyCodes(clients) {
  const codes = await Promise.all(clients.map(({ code }) => code));
  return Object.fromEntries([...new Set(codes)].map((code) => [code, codes.filter((other) => other === code).length]));
}

for (const [title, location] of [
  ['', () => 'http://127.0.0.1:0'],
  [' over TLS', (t) => tlsLocation(tempDir(t))],
]) {
  test(`when the server stops, every WebSocket client${title} is told that it goes away`, async (t) => {
    const { server, target } = await serve(t, 'websocket.js', { workers: 2, listen: location(t) });
    const clients = await connectAll(t, target, 50);
    process.kill(server.pid, 'SIGQUIT');
    assert.deepEqual(await tallyCodes(clients), { [GOING_AWAY]: 50 });
    assert.deepEqual(await server.exited, { code: 0, signal: null });
  });

  test(`when the workers are reloaded, every WebSocket client${title} is told to come back`, async (t) => {
    const { server, target } = await serve(t, 'websocket.js', { workers: 2, listen: location(t) });
    const clients = await connectAll(t, target, 50);
    process.kill(server.pid, 'SIGHUP');
    assert.deepEqual(await tallyCodes(clients), { [SERVICE_RESTART]: 50 });
    const { socket } = await connect(t, target);
    socket.send('back');
    const [echo] = await once(socket, 'message');
    assert.match(`${echo}`, /\d+ back/);
    assert.equal(server.pids('reap').includes(Number.parseInt(`${echo}`, 10)), false);
  });
}

test('when a worker has used up its accepts, its WebSocket clients are told to come back', async (t) => {
  const { server, target } = await serve(t, 'websocket.js', { accepts: 1 });
  const clients = await connectAll(t, target, 5);
  assert.deepEqual(await tallyCodes(clients), { [SERVICE_RESTART]: 5 });
  await server.waitForLine(/^reap/);
});

test('a WebSocket client that does not answer the close is cut at `gracefulTimeout`, the others end well', async (t) => {
  const { server, target } = await serve(t, 'websocket.js', { gracefulTimeout: 2000 });
  const deaf = await connect(t, target);
  const others = await connectAll(t, target, 5);
  deaf.socket.pause();
  process.kill(server.pid, 'SIGQUIT');
  assert.deepEqual(await tallyCodes(others), { [GOING_AWAY]: 5 });
  assert.equal(server.count(/immediately/), 0);
  await server.waitForLine(/Ending connections that are still open \(1\)/);
  assert.deepEqual(await server.exited, { code: 0, signal: null });
  assert.equal(server.count(/immediately|SIGKILL/), 0);
});

test('a WebSocket that is opened on an old connection after QUIT is opened, and closed at once', async (t) => {
  const { server, pids, connect: open } = await serve(t, 'websocket.js');
  const kept = await open();
  await kept.request();
  await quit(server, server.pid, pids[0]);
  kept.send(`GET / HTTP/1.1\r\nHost: localhost\r\n${UPGRADE}\r\n\r\n`);
  assert.equal((await kept.response()).status, 101);
  // the close frame, RFC 6455 5.5.1
  await kept.receives(Buffer.of(0x88, 2, GOING_AWAY >> 8, GOING_AWAY & 0xff));
});

test('requests on the Express app beside the WebSockets are answered while they are closed', async (t) => {
  const { server, target, connect: open } = await serve(t, 'websocket.js');
  const clients = await connectAll(t, target, 50);
  const kept = await open();
  await kept.request();
  process.kill(server.pid, 'SIGQUIT');
  await server.waitForLine(/Trying to stop/);
  const { status } = await kept.request();
  assert.equal(status, 200);
  assert.deepEqual(await tallyCodes(clients), { [GOING_AWAY]: 50 });
});
