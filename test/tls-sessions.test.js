// TLS sessions: a client that comes back resumes its session, whichever worker it meets, before and after a reload, an
// upgrade, and the end of the worker that it met first. Clients are Node's own.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import tls from 'node:tls';
import { createAuthority } from './helpers/certificate.js';
import { project, startCommand } from './helpers/command.js';
import { tempDir } from './helpers/files.js';
import { signal, startServer } from './helpers/server.js';
import { eventually, within } from './helpers/wait.js';

const WORKERS = 4;
const RECONNECTS = 20;

/** Connects, with a session if there is one: `{ isReused, session, worker, subject }`. */
async function visit(port, { session, version, protocol = 'http/1.1', ...options } = {}) {
  const versions = version ? { minVersion: version, maxVersion: version } : {};
  const target = { port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: [protocol] };
  const socket = tls.connect({ ...target, ...versions, ...options, session });
  const [ticket] = await within(Promise.all([sessionOf(socket), exchange(socket, protocol)]), 'no session came');
  const { subject } = socket.getPeerCertificate();
  const result = { isReused: socket.isSessionReused(), session: ticket, subject: subject?.CN };
  socket.destroy();
  return result;
}

/** TLS 1.3 sends it after the handshake; a session that was resumed may get none. */
async function sessionOf(socket) {
  let session;
  socket.on('session', (next) => {
    session = next;
  });
  await once(socket, 'data');
  return session;
}

/** Whatever makes the server answer. */
async function exchange(socket, protocol) {
  await once(socket, 'secureConnect');
  if (protocol === 'h2') socket.write(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1'));
  else socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
}

/** How many of so many connections resume this session. */
async function countReused(port, options, count = RECONNECTS) {
  let reused = 0;
  for (let i = 0; i < count; i++) if ((await visit(port, options)).isReused) reused += 1;
  return reused;
}

function certificates(t) {
  const dir = tempDir(t);
  const ca = createAuthority(dir);
  return { dir, ca, own: ca.issue('localhost') };
}

function location(query) {
  return `https://127.0.0.1:0?${new URLSearchParams(query)}`;
}

async function start(t, options = {}) {
  const files = certificates(t);
  const listen = location(files.own);
  const server = startServer(t, 'secure.js', { options: { workers: WORKERS, listen, ...options }, dir: files.dir });
  const workers = await server.healthy(WORKERS);
  return { ...files, server, workers, port: await server.port() };
}

describe('every one of 20 reconnects resumes, with 4 workers', { concurrency: 2 }, () => {
  for (const protocol of ['http/1.1', 'h2']) {
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      test(`${protocol} over ${version}`, async (t) => {
        const { port } = await start(t);
        const options = { protocol, version };
        const { session } = await visit(port, options);
        assert.equal(await countReused(port, { ...options, session }), RECONNECTS);
      });
    }
  }

  test('to an https server that an unchanged file makes', async (t) => {
    const { own } = certificates(t);
    const dir = project(t, {
      'app.mjs': `import { readFileSync } from 'node:fs';
        import https from 'node:https';
        const [cert, key] = [readFileSync(${JSON.stringify(own.cert)}), readFileSync(${JSON.stringify(own.key)})];
        https.createServer({ cert, key }, (_request, response) => response.end('hi')).listen(0, '127.0.0.1');`,
    });
    const server = startCommand(t, dir, ['-w', `${WORKERS}`, 'app.mjs']);
    const port = await server.port();
    // the others listen when they have booted
    await eventually(() => server.workers().length === WORKERS);
    const { session } = await visit(port);
    assert.equal(await countReused(port, { session }), RECONNECTS);
  });
});

test('a session outlives a reload, the kill of a worker and an upgrade', async (t) => {
  const { server, workers, port } = await start(t);
  const { session } = await visit(port);

  signal(server.pid, 'SIGHUP');
  await server.waitForLine(/^reload done$/);
  for (const pid of workers) await server.waitForLine(new RegExp(`^reap ${pid}$`));
  assert.equal(await countReused(port, { session }), RECONNECTS, 'after a reload');

  const [first, ...others] = await server.healthy(WORKERS);
  signal(first, 'SIGKILL');
  await server.waitForLine(new RegExp(`^reap ${first}$`));
  await server.healthy(WORKERS);
  assert.equal(await countReused(port, { session }), RECONNECTS, 'after a kill');

  signal(server.pid, 'SIGUSR2');
  await server.waitForLine(/Upgrade finished/);
  for (const pid of others) await server.waitForLine(new RegExp(`Worker ${pid} stopped`));
  assert.equal(await countReused(port, { session }), RECONNECTS, 'after an upgrade');
});

test('a session does not outlive its certificate: after a reload clients see the new one', async (t) => {
  const { server, workers, port, ca, own } = await start(t);
  const before = await visit(port);
  const renewed = ca.issue('renewed.example');
  copyFileSync(renewed.cert, own.cert);
  copyFileSync(renewed.key, own.key);
  signal(server.pid, 'SIGHUP');
  await server.waitForLine(/^reload done$/);
  for (const pid of workers) await server.waitForLine(new RegExp(`^reap ${pid}$`));
  const { isReused, session, subject } = await visit(port, { session: before.session });
  assert.deepEqual({ isReused, subject }, { isReused: false, subject: 'renewed.example' });
  assert.equal(await countReused(port, { session }), RECONNECTS);
});

test('a session of a location that asks for no certificate is none at one that requires it', async (t) => {
  const { dir, ca, own } = certificates(t);
  const listen = [location(own), location({ ...own, ca: ca.file })];
  const server = startServer(t, 'secure.js', { options: { workers: 1, listen }, dir });
  const [first, second] = await Promise.all(
    [0, 1].map(async (nth) => {
      await server.healthy(1);
      return server.lines.map((line) => /Listening at ".*:(\d+)/.exec(line)?.[1]).filter(Boolean)[nth];
    }),
  );
  const { session } = await visit(first);
  assert.equal((await visit(first, { session })).isReused, true);
  const socket = tls.connect({ port: second, host: '127.0.0.1', rejectUnauthorized: false, session });
  socket.on('error', () => {});
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  let answer = '';
  socket.on('data', (bytes) => {
    answer += bytes;
  });
  await within(new Promise((resolve) => socket.once('close', resolve)), 'it was let in');
  assert.equal(answer, '');
});
