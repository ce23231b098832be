// TLS by listen location: who gets in for each `verify`, which certificate answers to which name, which version it is,
// and certificates that change while the server runs. Clients are Node's own tls and https.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import tls from 'node:tls';
import { createAuthority } from './helpers/certificate.js';
import { tempDir } from './helpers/files.js';
import { signal, startServer } from './helpers/server.js';

/** verify -> whether a client gets in that has no certificate, one of somebody else, a good one. */
const VERIFY = {
  '0x00': { absent: true, bad: true, good: true },
  '0x01': { absent: true, bad: false, good: true },
  '0x03': { absent: false, bad: false, good: true },
  'left out, with a CA': { absent: false, bad: false, good: true },
};

describe('a client certificate', () => {
  for (const [fixture, protocol] of [
    ['echo.js', 'http/1.1'],
    ['secure.js', 'http/1.1'],
    ['secure.js', 'h2'],
  ]) {
    for (const [verify, expected] of Object.entries(VERIFY)) {
      test(`with verify ${verify}, over ${protocol}, to ${fixture}`, async (t) => {
        const { dir, own, ca } = certificates(t);
        const query = { ...own, ca: ca.file, ...(verify.startsWith('0x') ? { verify } : {}) };
        const server = startServer(t, fixture, { options: { workers: 1, listen: location(query) }, dir });
        const port = await server.port();
        const clients = {
          absent: {},
          bad: pem(createAuthority(dir, 'stranger').issue('client', 'bad')),
          good: pem(ca.issue('client', 'good')),
        };
        for (const [who, secrets] of Object.entries(clients)) {
          const answer = await ask(port, { ...secrets, ALPNProtocols: [protocol] });
          assert.equal(answer !== undefined, expected[who], `${who}: ${JSON.stringify(answer)}\n${server.output}`);
        }
      });
    }
  }
});

test('each name has its own certificate, a `*` stands for one label, any other name gets the first one', async (t) => {
  const { dir, own, ca } = certificates(t);
  const query = { ...own };
  for (const name of ['one.example', '*.example']) {
    const { cert, key } = ca.issue(name);
    Object.assign(query, { [`${name}_cert`]: cert, [`${name}_key`]: key });
  }
  const server = startServer(t, 'secure.js', { options: { workers: 1, listen: location(query) }, dir });
  const port = await server.port();
  const names = { 'one.example': 'one.example', 'Two.Example': '*.example', 'a.two.example': 'localhost' };
  for (const [name, subject] of Object.entries({ ...names, '': 'localhost' })) {
    assert.equal((await ask(port, name ? { servername: name } : {}))?.subject, subject, name);
  }
});

test('`version` is the only version that is spoken', async (t) => {
  const { dir, own } = certificates(t);
  const server = startServer(t, 'secure.js', {
    options: { workers: 1, listen: location({ ...own, version: 'TLSv1_2' }) },
    dir,
  });
  const port = await server.port();
  assert.equal((await ask(port))?.version, 'TLSv1.2');
  assert.equal(await ask(port, { minVersion: 'TLSv1.3' }), undefined);
});

test('`ciphers` are the only ciphers', async (t) => {
  const { dir, own } = certificates(t);
  const query = { ...own, version: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' };
  const server = startServer(t, 'secure.js', { options: { workers: 1, listen: location(query) }, dir });
  const port = await server.port();
  assert.equal((await ask(port))?.cipher, query.ciphers);
  assert.equal(await ask(port, { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' }), undefined);
});

test('HUP reads the certificate again; a bad one keeps the old workers and their certificate', async (t) => {
  const { dir, own, ca } = certificates(t);
  const server = startServer(t, 'secure.js', { options: { workers: 2, listen: location(own) }, dir });
  const before = await server.healthy(2);
  const port = await server.port();
  const good = readFileSync(own.cert);

  writeFileSync(own.cert, 'no certificate');
  signal(server.pid, 'SIGHUP');
  await server.waitForLine(/^reload Reload failed: Can't use TLS certificate and key .*localhost\.pem/);
  assert.deepEqual(await server.healthy(2), before);
  assert.equal((await ask(port))?.subject, 'localhost');

  writeFileSync(own.cert, good);
  const renewed = ca.issue('renewed.example');
  copyFileSync(renewed.cert, own.cert);
  copyFileSync(renewed.key, own.key);
  signal(server.pid, 'SIGHUP');
  await server.waitForLine(/^reload done$/);
  for (const pid of before) await server.waitForLine(new RegExp(`^reap ${pid}$`));
  assert.equal((await ask(port))?.subject, 'renewed.example');
  assert.equal(server.count(/PRIVATE KEY|BEGIN CERT/), 0, 'nothing secret is logged');
});

const BAD = {
  'a certificate that is none': [
    { cert: 'junk.pem' },
    /Can't use TLS certificate and key ".*junk\.pem".*; expected PEM/,
  ],
  'a certificate that is not there': [
    { cert: 'none.pem' },
    /Can't read TLS certificate ".*none\.pem": ENOENT.*; the path is relative to the folder/,
  ],
  'a key that is not there': [{ key: 'none.pem' }, /Can't read TLS key ".*none\.pem": ENOENT/],
  'a key of another certificate': [
    { key: 'other-key.pem' },
    /Can't use TLS certificate and key .*other-key\.pem.*; the key is the one of another certificate/,
  ],
  'a CA file without a certificate': [{ ca: 'junk.pem' }, /Can't use TLS CA file ".*junk\.pem".*; expected PEM/],
  'ciphers that nobody knows': [
    { ciphers: 'ROT13' },
    /Can't use TLS certificate and key .*no.cipher.*; expected `ciphers` as/i,
  ],
  'a name whose key is not there': [
    { 'a.example_cert': 'other.pem', 'a.example_key': 'none.pem' },
    /Can't read TLS key ".*none\.pem"/,
  ],
  'a name without a key': [{ 'a.example_cert': 'other.pem' }, /`a\.example_cert` and `a\.example_key` belong together/],
  'a `verify` that OpenSSL does not know': [{ verify: '0x02' }, /`verify` cannot be `0x02`, expected 0x00/],
  'a `version` that is none': [{ version: 'TLSv9' }, /`version` cannot be `TLSv9`, expected one of TLSv1, /],
};

describe('a location is refused before anything is bound, with', { concurrency: 2 }, () => {
  for (const [what, [wrong, message]] of Object.entries(BAD)) {
    test(what, async (t) => {
      const { dir, own, ca } = certificates(t);
      ca.issue('other');
      writeFileSync(join(dir, 'junk.pem'), 'junk');
      const files = Object.entries(wrong).map(([name, value]) => [
        name,
        value.includes('.pem') ? join(dir, value) : value,
      ]);
      const listen = location({ ...own, ...Object.fromEntries(files) });
      const server = startServer(t, 'secure.js', { options: { workers: 1, listen }, dir });
      assert.deepEqual(await server.ended, { code: 1, signal: null });
      assert.match(server.output, message);
      assert.equal(server.count(/Listening at|Worker \d+ started/), 0, server.output);
    });
  }
});

/** An authority, and a certificate of it for localhost. */
function certificates(t) {
  const dir = tempDir(t);
  const ca = createAuthority(dir);
  return { dir, ca, own: ca.issue('localhost') };
}

function location(query) {
  return `https://127.0.0.1:0?${new URLSearchParams(query)}`;
}

function pem({ cert, key }) {
  return { cert: readFileSync(cert), key: readFileSync(key) };
}

/** A request on a TLS connection of its own; `undefined` when the server does not answer it. */
async function ask(port, options = {}) {
  const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  try {
    const answered = options.ALPNProtocols?.includes('h2') ? askHttp2(socket) : askHttp(socket);
    const text = await Promise.race([answered, once(socket, 'close').then(() => undefined)]);
    if (!text) return undefined;
    const { subject } = socket.getPeerCertificate();
    return { text, subject: subject?.CN, version: socket.getProtocol(), cipher: socket.getCipher()?.name };
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}

async function askHttp(socket) {
  await once(socket, 'secureConnect');
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const [data] = await once(socket, 'data');
  return String(data).startsWith('HTTP/1.1 200') ? String(data) : undefined;
}

async function askHttp2(socket) {
  await once(socket, 'secureConnect');
  const session = http2.connect('https://localhost', { createConnection: () => socket });
  const request = session.request({ ':path': '/' });
  const failed = Promise.race([once(session, 'error'), once(request, 'error')]).then(() => undefined);
  const [headers] = (await Promise.race([once(request, 'response'), failed])) ?? [];
  session.on('error', () => {});
  request.on('error', () => {});
  session.destroy();
  return headers?.[':status'] === 200 ? 'h2' : undefined;
}
