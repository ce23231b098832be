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
import { run } from './helpers/tools.js';
import { eventually } from './helpers/wait.js';

const CLIENTS = 4;
/** How long something may be left. Milliseconds. */
const LEFT = 3000;

/** Far longer than LEFT: a place that is free within it was not freed by a timeout. */
const OPTIONS = { workers: 1, heartbeatInterval: 500, keepAliveTimeout: 60_000 };

/** `portable` is `single` where there is no Linux. */
const WAYS = ['pool', 'single', 'portable', 'plain'];
const ELSEWHERE = { execArgv: ['--import', './platform.js'], env: { PLATFORM: 'darwin' } };
const KINDS = ['http', 'https', 'http2', 'h2c'];

for (const how of WAYS) {
  for (const kind of KINDS) {
    test(`${how}, ${kind}: a client that hangs up leaves nothing, however it does`, async (t) => {
      const { pid, address, port } = await start(t, kind, how);
      const before = sockets(pid);
      for (const [moment, reach] of Object.entries(momentsOf(kind))) {
        // a TLS client may say goodbye, and leave TCP to the server
        const isTls = isSecure(kind) && /^(after|in the middle of an)/.test(moment);
        const ends = ['finish', 'reset', 'close', ...(isTls ? ['close_notify'] : [])];
        for (const end of ends) {
          const clients = await Promise.all(Array.from({ length: CLIENTS }, () => come(t, address, reach)));
          // Node's client sends no goodbye while its part of the handshake is on its way
          if (end === 'close_notify') await aMoment();
          for (const client of clients) hangUp(client, end);
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

async function come(t, address, reach) {
  const between = await relay(t, address);
  return { between, client: await reach(t, between.port) };
}

/**
 * `finish` and `reset` end TCP under whatever is above it, `close` is what the client's library does, and `close_notify` is the
 * same without the end of TCP.
 */
function hangUp({ between, client }, end) {
  if (end === 'close_notify') between.hold();
  if (end === 'close' || end === 'close_notify') client.close();
  else between[end]();
}

function isSecure(kind) {
  return kind === 'https' || kind === 'http2';
}

function isHttp2(kind) {
  return kind === 'http2' || kind === 'h2c';
}

for (const how of ['pool', 'single', 'plain']) {
  for (const kind of ['http2', 'h2c']) {
    // without a content-length, so that the end of the answer comes with that of the stream: curl ends by FIN, without GOAWAY
    test(`${how}, ${kind}: each of many curls is answered, however few places there are`, async (t) => {
      const { pid, port } = await start(t, kind, how);
      const before = sockets(pid);
      const url = `${isSecure(kind) ? 'https' : 'http'}://127.0.0.1:${port}/`;
      const version = isSecure(kind) ? '--http2' : '--http2-prior-knowledge';
      const curl = () => run(t, 'curl', ['-sSk', version, '--fail', '--max-time', '20', url]);
      for (let i = 0; i < 5; i++) {
        const answers = await Promise.all(Array.from({ length: 2 * CLIENTS }, curl));
        assert.deepEqual([...new Set(answers)], [`${pid}`]);
      }
      await eventually(
        () => sockets(pid) <= before,
        () => `${sockets(pid) - before} sockets are left`,
        LEFT,
      );
    });
  }
}

async function start(t, kind, how) {
  const dir = tempDir(t);
  const location = isSecure(kind) ? tlsLocation(dir) : 'http://127.0.0.1:0';
  // where there is no queue that waits for a full process, it must not be full
  const maxClients = how === 'portable' ? CLIENTS + 1 : CLIENTS;
  const options = { ...OPTIONS, maxClients, listen: location, single: how === 'single' || how === 'portable' };
  const files = isSecure(kind) ? [join(dir, 'cert.pem'), join(dir, 'key.pem')] : [];
  const args = [kind, how === 'plain' ? 'plain' : JSON.stringify(options), ...files];
  const server = startServer(t, 'kinds.js', { args, dir, ...(how === 'portable' ? ELSEWHERE : {}) });
  const address = await server.address();
  const [pid] = await server.healthy(1);
  return { pid, address, port: address.port };
}

/** What a process has open as sockets. */
function sockets(pid) {
  return descriptors(pid).filter((what) => what.startsWith('socket:')).length;
}

/** How far a client comes before it hangs up; each returns its socket, and what its library closes politely by. */
function momentsOf(kind) {
  const greeting = isSecure(kind) ? Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1]) : isHttp2(kind) ? 'PRI * HT' : 'GET / HT';
  const http1 = isSecure(kind) ? secureHttp1 : clear;
  const moments = { 'before a byte': begin(''), 'in the middle of its greeting': begin(greeting) };
  if (isSecure(kind)) moments['after the handshake'] = isHttp2(kind) ? secureHttp2 : secureHttp1;
  if (isHttp2(kind)) {
    const dial = isSecure(kind) ? secureHttp2 : clear;
    moments['after an answer'] = stream(dial, { ':path': '/' });
    moments['in the middle of an answer'] = stream(dial, { ':path': '/stream' });
    moments['in the middle of an upload'] = stream(dial, { ':path': '/', ':method': 'POST' });
  }
  const by = kind === 'http2' ? ' by HTTP/1.1' : '';
  if (kind !== 'h2c') {
    moments[`after an answer${by}`] = request(http1, 'GET /');
    moments[`in the middle of an answer${by}`] = request(http1, 'GET /stream');
    moments[`in the middle of an upload${by}`] = request(http1, 'POST /');
  }
  return moments;
}

/** A request of HTTP/1.1; of an upload half of the body. */
function request(dial, line) {
  return async (t, port) => {
    const reached = await dial(t, port);
    const isUpload = line.startsWith('POST');
    reached.socket.write(
      `${line} HTTP/1.1\r\nHost: localhost\r\n${isUpload ? 'Content-Length: 9\r\n\r\nhalf' : '\r\n'}`,
    );
    await (isUpload ? aMoment() : arrival(reached.socket, 'data'));
    return reached;
  };
}

/** The same, of http2. */
function stream(dial, headers) {
  return async (t, port) => {
    const { socket } = await dial(t, port, { isQuiet: true });
    const session = http2.connect('http://localhost', { createConnection: () => socket });
    cleanAfter(t, () => session.destroy());
    session.on('error', () => {});
    const isUpload = headers[':method'] === 'POST';
    const one = session.request(headers, { endStream: !isUpload });
    one.on('error', () => {});
    if (isUpload) one.write('half');
    await (isUpload ? aMoment() : arrival(one, 'data'));
    if (headers[':path'] === '/' && !isUpload) await arrival(one.resume(), 'end');
    return { socket, close: () => session.destroy() };
  };
}

function begin(text) {
  return async (t, port) => {
    const reached = await clear(t, port);
    reached.socket.write(text);
    await aMoment();
    return reached;
  };
}

async function clear(t, port) {
  const socket = net.connect(port, '127.0.0.1');
  cleanAfter(t, () => socket.destroy());
  socket.on('error', () => {});
  await arrival(socket, 'connect');
  return { socket, close: () => socket.end() };
}

function secureHttp1(t, port) {
  return secure(t, port, 'http/1.1');
}

async function secureHttp2(t, port, { isQuiet = false } = {}) {
  const reached = await secure(t, port, 'h2');
  // Node 22 itself leaves a session whose client resets the connection before the server's first frame has arrived
  if (!isQuiet) await arrival(reached.socket, 'data');
  return reached;
}

async function secure(t, port, protocol) {
  const options = { port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: [protocol] };
  const socket = tls.connect(options);
  cleanAfter(t, () => socket.destroy());
  socket.on('error', () => {});
  await arrival(socket, 'secureConnect');
  return { socket, close: () => socket.end() };
}

/** An event, before the end of what it is expected of. */
async function arrival(emitter, event) {
  const ended = once(emitter, 'close').then(() => assert.fail(`closed before ${event}`));
  await Promise.race([once(emitter, event), ended]);
  ended.catch(() => {});
}

/** What the server makes of some bytes takes a loop turn or two. */
function aMoment() {
  return new Promise((resolve) => setTimeout(resolve, 30));
}
