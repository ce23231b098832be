// Clients that are idle, or that stall, while a worker leaves: they end after min(keepAliveTimeout, gracefulTimeout / 2), the
// worker's own `drain` listeners run, and nobody is killed.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import test from 'node:test';
import tls from 'node:tls';
import { cleanAfter } from './helpers/cleanup.js';
import { leaving, WAYS } from './helpers/leaving.js';

const LINGER = 1000;
/** So long that what ends before did not end by it. */
const NEVER = { keepAliveTimeout: LINGER, gracefulTimeout: 120_000, accepts: 0 };
/** When a worker has to be gone that waits for nothing but the linger. Milliseconds. */
const GONE = 10_000;

const HALVES = {
  'nothing at all': '',
  'half a request line': 'GET / HT',
  'half a head': 'GET / HTTP/1.1\r\nHost: local',
  'half a body': 'POST /read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nfirst',
  'a request, and reads no answer': 'GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'an upload, when the application has ended the connection':
    'POST /hang-up HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\nfirst',
};

/** Clients of HTTP/1 that stall, each in its way; resolves when the server has got what they send. */
async function stall(t, { port, tls: isSecure }) {
  for (const text of Object.values(HALVES)) {
    const options = { port, host: '127.0.0.1', allowHalfOpen: true };
    const socket = isSecure
      ? tls.connect({ ...options, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
      : net.connect(options);
    cleanAfter(t, () => socket.destroy());
    socket.on('error', () => {});
    await once(socket, isSecure ? 'secureConnect' : 'connect');
    socket.pause();
    socket.write(text);
  }
  if (isSecure) {
    for (const hello of ['', Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1])]) {
      const socket = net.connect(port, '127.0.0.1');
      cleanAfter(t, () => socket.destroy());
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.write(hello);
    }
  }
}

/** The same for http2: a stream without its body, one that is not read, half a preface, a session that is idle. */
async function stallHttp2(t, { port, tls: isSecure }) {
  const session = http2.connect(`${isSecure ? 'https' : 'http'}://127.0.0.1:${port}`, { rejectUnauthorized: false });
  cleanAfter(t, () => session.destroy());
  session.on('error', () => {});
  const half = session.request({ ':method': 'POST', ':path': '/read' });
  half.on('error', () => {});
  half.write('first');
  const unread = session.request({ ':path': '/big' });
  unread.on('error', () => {});
  await once(unread, 'response');
  for (const text of isSecure ? [] : ['', 'PRI * HT']) {
    const socket = net.connect(port, '127.0.0.1');
    cleanAfter(t, () => socket.destroy());
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(text);
  }
}

/** The worker has ended by itself, after its listeners of `drain`. */
async function endsWell(server, way, pid, since, limit = GONE) {
  if (way === 'single') assert.deepEqual(await server.exited, { code: 0, signal: null });
  else await server.waitForLine(new RegExp(`^reap ${pid}`));
  const took = performance.now() - since;
  assert.ok(took < limit, `it took ${Math.round(took)} ms`);
  assert.ok(server.count(/^drained/) >= 1, server.output);
  assert.equal(server.count(/immediately|SIGKILL|Ending/), 0, server.output);
}

for (const kind of ['http', 'https', 'http2', 'h2c']) {
  for (const way of WAYS.filter((each) => !['plain', 'recycling'].includes(each))) {
    test(`${kind}, ${way}: clients that stall end with the linger`, async (t) => {
      const { server, pid, target, leave } = await leaving(t, way, { kind, options: NEVER });
      if (kind !== 'h2c') await stall(t, target);
      if (kind === 'http2' || kind === 'h2c') await stallHttp2(t, target);
      const since = performance.now();
      await leave();
      await endsWell(server, way, pid, since);
    });
  }
}

test('a worker that is recycled does not wait for clients that stall', async (t) => {
  const { server, pid, target } = await leaving(t, 'recycling', { options: { ...NEVER, accepts: 6 } });
  const since = performance.now();
  await stall(t, target);
  await endsWell(server, 'recycling', pid, since);
});

test('an idle connection ends after half of `gracefulTimeout` at most, whatever `keepAliveTimeout` says', async (t) => {
  const options = { keepAliveTimeout: 75_000, gracefulTimeout: 4000 };
  const { server, pid, connect, leave } = await leaving(t, 'HUP', { options });
  const idle = await connect();
  await idle.request({ path: '/now' });
  await leave();
  const since = performance.now();
  assert.equal(await idle.ended, 'end');
  const took = performance.now() - since;
  assert.ok(took > 1000 && took < 3500, `it took ${Math.round(took)} ms`);
  await endsWell(server, 'HUP', pid, since, 3900);
});

for (const kind of ['http', 'https', 'http2', 'h2c']) {
  test(`${kind}: a connection without a byte ends after 5 s at most, whatever the timeouts say`, async (t) => {
    const options = { keepAliveTimeout: 120_000, gracefulTimeout: 240_000 };
    const { server, pid, target, leave } = await leaving(t, 'HUP', { kind, options });
    const socket = target.tls
      ? tls.connect({ port: target.port, host: '127.0.0.1', rejectUnauthorized: false })
      : net.connect(target.port, '127.0.0.1');
    cleanAfter(t, () => socket.destroy());
    await once(socket, target.tls ? 'secureConnect' : 'connect');
    await leave();
    await endsWell(server, 'HUP', pid, performance.now(), 20_000);
  });
}

test('a request that the application is slow with is not taken for a client that stalls', async (t) => {
  const options = { keepAliveTimeout: 200, gracefulTimeout: 120_000 };
  const { server, connect, leave } = await leaving(t, 'HUP', { options });
  const connection = await connect();
  connection.send('POST /slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi');
  await server.waitForLine(/executed \/slow/);
  await leave();
  const { body } = await connection.response();
  assert.equal(body.toString(), 'answer to /slow');
});
