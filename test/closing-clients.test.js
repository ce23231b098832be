// Clients that give a connection up, in every way and at every moment: nothing is left of it 3 s later, as with plain Node.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import tls from 'node:tls';
import { tlsLocation } from './helpers/certificate.js';
import { cleanAfter } from './helpers/cleanup.js';
import { tempDir } from './helpers/files.js';
import { descriptors } from './helpers/kernel.js';
import { relay } from './helpers/relay.js';
import { startServer } from './helpers/server.js';
import { eventually } from './helpers/wait.js';

const CLIENTS = 4;
/** How long something may be left. Milliseconds. */
const LEFT = 3000;

/** Far longer than LEFT: a place that is free within it was not freed by a timeout. */
const OPTIONS = { workers: 1, heartbeatInterval: 500, keepAliveTimeout: 60_000, maxClients: CLIENTS };

const WAYS = ['pool', 'single', 'plain'];
const KINDS = ['http', 'https', 'http2', 'h2c'];

for (const how of WAYS) {
  for (const kind of KINDS) {
    test(`${how}, ${kind}: a client that hangs up leaves nothing, however it does`, async (t) => {
      const { pid, address, port } = await start(t, kind, how);
      const before = sockets(pid);
      for (const [moment, reach] of Object.entries(momentsOf(kind))) {
        for (const end of ['finish', 'reset', 'close']) {
          const clients = await Promise.all(
            Array.from({ length: CLIENTS }, async () => {
              const between = await relay(t, address);
              return { between, client: await reach(t, between.port) };
            }),
          );
          for (const { between, client } of clients) end === 'close' ? client.end() : between[end]();
          await eventually(
            () => sockets(pid) <= before,
            () => `${sockets(pid) - before} of ${CLIENTS} sockets are left after ${end} ${moment}`,
            LEFT,
          );
        }
      }
      // each place in `maxClients` is free
      const last = await Promise.all(
        Array.from({ length: CLIENTS }, () => momentsOf(kind)['after an answer'](t, port)),
      );
      assert.equal(last.length, CLIENTS);
    });
  }
}

async function start(t, kind, how) {
  const dir = tempDir(t);
  const isSecure = kind === 'https' || kind === 'http2';
  const secure = isSecure ? tlsLocation(dir) : undefined;
  const options = { ...OPTIONS, listen: secure ?? 'http://127.0.0.1:0', single: how === 'single' };
  const files = isSecure ? [join(dir, 'cert.pem'), join(dir, 'key.pem')] : [];
  const args = [kind, how === 'plain' ? 'plain' : JSON.stringify(options), ...files];
  const server = startServer(t, 'kinds.js', { args, dir });
  const address = await server.address();
  const [pid] = await server.healthy(1);
  return { pid, address, port: address.port };
}

/** What a process has open as sockets. */
function sockets(pid) {
  return descriptors(pid).filter((what) => what.startsWith('socket:')).length;
}

/** How far a client comes before it hangs up; each returns what `end` closes politely. */
function momentsOf(kind) {
  const isSecure = kind === 'https' || kind === 'http2';
  const isHttp2 = kind === 'http2' || kind === 'h2c';
  const begin = (text) => async (t, port) => {
    const socket = net.connect(port, '127.0.0.1');
    cleanAfter(t, () => socket.destroy());
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(text);
    // what the server makes of it takes a loop turn or two
    await new Promise((resolve) => setTimeout(resolve, 30));
    return socket;
  };
  const greeting = isSecure ? Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1]) : isHttp2 ? 'PRI * HT' : 'GET / HT';
  return {
    'before a byte': begin(''),
    'in the middle of its greeting': begin(greeting),
    ...(isSecure ? { 'after the handshake': (t, port) => secureSocket(t, port, isHttp2) } : {}),
    'after an answer': (t, port) => (isHttp2 ? h2Request(t, port, isSecure, '/') : request(t, port, isSecure, '/')),
    'in the middle of an answer': (t, port) =>
      isHttp2 ? h2Request(t, port, isSecure, '/stream') : request(t, port, isSecure, '/stream'),
  };
}

async function secureSocket(t, port, isHttp2) {
  const ALPNProtocols = isHttp2 ? ['h2'] : ['http/1.1'];
  const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols });
  cleanAfter(t, () => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  // Node 22 itself leaves a session whose client resets the connection before the server's first frame has arrived
  if (isHttp2) await once(socket, 'data');
  return socket;
}

async function request(t, port, isSecure, path) {
  const socket = isSecure ? await secureSocket(t, port, false) : net.connect(port, '127.0.0.1');
  cleanAfter(t, () => socket.destroy());
  socket.on('error', () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await once(socket, 'data');
  return socket;
}

async function h2Request(t, port, isSecure, path) {
  const session = http2.connect(`${isSecure ? 'https' : 'http'}://127.0.0.1:${port}`, { rejectUnauthorized: false });
  cleanAfter(t, () => session.destroy());
  session.on('error', () => {});
  const stream = session.request({ ':path': path });
  stream.on('error', () => {});
  await once(stream, 'data');
  if (path === '/') await once(stream.resume(), 'end');
  return { end: () => session.destroy() };
}
