// DEBUG=prefork:*: the story of one connection, told with one id.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { test } from 'node:test';
import { tlsLocation } from './helpers/certificate.js';
import { cleanAfter } from './helpers/cleanup.js';
import { tempDir } from './helpers/files.js';
import { startServer } from './helpers/server.js';

const LISTEN = 'http://127.0.0.1:0';
const env = { DEBUG: 'prefork:*' };

test('a connection is told of from its arrival through the hand-over to its close', async (t) => {
  const server = startServer(t, 'echo.js', { env, options: { workers: 2, listen: LISTEN } });
  const pids = await server.healthy(2);
  await server.waitForLine(/takes over from nobody/);
  const socket = await connect(t, server);
  socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await once(socket, 'data');
  const from = `127.0.0.1 ${socket.localPort}`;
  socket.end();
  await server.waitForLine(/ closed after /);
  const id = idOf(server);
  const [own] = id.split('-').map(Number);
  const other = pids.find((pid) => pid !== own);
  assert.deepEqual(storyOf(server, id), [
    `arrives from ${from}`,
    `hand-over of the accept lock to worker ${other}`,
    `served by worker ${own}`,
    'request GET /',
    'response 200',
    'closed after N ms, N bytes in, N bytes out',
  ]);
  assert.match(server.output, new RegExp(`${id} closed after \\d+ ms, 27 bytes in, [1-9]\\d* bytes out`));
});

test('two connections have two ids, each in all of its lines', async (t) => {
  const server = startServer(t, 'echo.js', { env, options: { workers: 1, listen: LISTEN } });
  const [pid] = await server.healthy(1);
  for (let i = 0; i < 2; i++) await server.get('/');
  await server.waitForLine(new RegExp(` ${pid}-2 closed after `));
  for (const id of [`${pid}-1`, `${pid}-2`]) {
    const words = storyOf(server, id).map((line) => line.split(' ')[0]);
    assert.deepEqual(words, ['arrives', 'served', 'request', 'response', 'closed'], server.output);
  }
});

test('a request of http2 has the id of what was accepted', async (t) => {
  const dir = tempDir(t);
  const server = startServer(t, 'secure.js', { env, options: { workers: 1, listen: tlsLocation(dir) }, dir });
  await server.healthy(1);
  const session = http2.connect(`https://127.0.0.1:${await server.port()}`, { rejectUnauthorized: false });
  cleanAfter(t, () => session.destroy());
  for (const path of ['/one', '/two']) {
    const request = session.request({ ':path': path }).resume();
    await once(request, 'close');
  }
  session.close();
  await server.waitForLine(/ closed after /);
  assert.deepEqual(storyOf(server, idOf(server)).slice(1), [
    `served by worker ${server.pids('healthy')[0]}`,
    'secured TLSv1.3 h2',
    'request GET /one',
    'response 200',
    'request GET /two',
    'response 200',
    'closed after N ms, N bytes in, N bytes out',
  ]);
});

test('what a client sends is shown without its query and with escape sequences escaped, also when it did not wait for the answer', async (t) => {
  const server = startServer(t, 'echo.js', { env, options: { workers: 1, listen: LISTEN } });
  await server.healthy(1);
  const socket = await connect(t, server);
  socket.write(Buffer.from('GET /stream HTTP/1.1\r\nhost: a\r\n\r\n'));
  await once(socket, 'data');
  socket.resetAndDestroy();
  await server.waitForLine(/ closed after /);
  assert.ok(storyOf(server, idOf(server)).includes('response 200, not all of it was sent'), server.output);

  const other = startServer(t, 'secure.js', { env, options: { workers: 1, listen: tlsLocation(tempDir(t)) } });
  await other.healthy(1);
  const session = http2.connect(`https://127.0.0.1:${await other.port()}`, { rejectUnauthorized: false });
  cleanAfter(t, () => session.destroy());
  await once(session.request({ ':path': '/\x9b31m?token=secret' }).resume(), 'close');
  await other.waitForLine(/ response 200/);
  assert.match(other.output, /request GET \/\\x9b31m$/m);
  assert.doesNotMatch(other.output, /secret|\x9b/);
});

test('an upgrade is told of, and its close', async (t) => {
  const server = startServer(t, 'websocket.js', { env, options: { workers: 1 } });
  await server.healthy(1);
  const socket = await connect(t, server);
  socket.write(
    'GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await once(socket, 'data');
  socket.destroy();
  await server.waitForLine(/ closed after /);
  assert.ok(storyOf(server, idOf(server)).includes('upgrade GET /chat'), server.output);
});

test('without DEBUG nothing is told', async (t) => {
  const server = startServer(t, 'echo.js', { env: { DEBUG: '' }, options: { workers: 1, listen: LISTEN } });
  await server.healthy(1);
  await server.get('/');
  process.kill(server.pid, 'SIGQUIT');
  await server.ended;
  assert.equal(server.count(/prefork:/), 0, server.output);
});

async function connect(t, server) {
  const socket = net.connect(await server.address());
  cleanAfter(t, () => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Of the first connection that arrived. */
function idOf(server) {
  const line = server.lines.find((each) => each.includes(' arrives from '));
  return /prefork:connection (\d+-\d+) /.exec(line)?.[1] ?? assert.fail(server.output);
}

/** What is told of a connection, without the figures of its end. */
function storyOf(server, id) {
  const lines = server.lines.filter((line) => line.includes(` ${id} `)).map((line) => line.split(` ${id} `)[1]);
  return lines.map((line) => (line.startsWith('closed') ? line.replaceAll(/\d+/g, 'N') : line));
}
