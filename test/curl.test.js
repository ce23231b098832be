// curl as a client: what an operator types to look at a server.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { tlsLocation } from './helpers/certificate.js';
import { tempDir } from './helpers/files.js';
import { serve } from './helpers/serve.js';
import { run } from './helpers/tools.js';

const curl = (t, ...args) => run(t, 'curl', ['-sS', '--fail', '--max-time', '30', ...args]);
const url = ({ port, tls }) => `${tls ? 'https' : 'http'}://127.0.0.1:${port}/`;

describe('curl', () => {
  test('asks twice on one connection', async (t) => {
    const { target, pids } = await serve(t, 'counting.js', { workers: 2 });
    const format = '%{http_version} %{num_connects} %{header_json}\n';
    const both = await curl(t, '-o', '/dev/null', '-o', '/dev/null', '-w', format, url(target), url(target));
    assert.deepEqual(both.match(/^1\.1 \d/gm), ['1.1 1', '1.1 0']);
    const [first, second] = [...both.matchAll(/"x-worker":\["(\d+)"\]/g)].map(([, pid]) => Number(pid));
    assert.equal(first, second);
    assert.ok(pids.includes(first));
  });

  test('asks with HEAD', async (t) => {
    const { target, pids } = await serve(t, 'counting.js');
    const head = await curl(t, '--head', url(target));
    assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(head, new RegExp(`^X-Worker: ${pids[0]}\r$`, 'm'));
  });

  test('uploads a file, also when it waits for 100 Continue, and gets every byte back', async (t) => {
    const { target } = await serve(t, 'collect.js');
    const file = join(tempDir(t), 'upload');
    const text = 'A line of an upload.\n'.repeat(150_000); // more than a socket's buffers
    writeFileSync(file, text);
    assert.ok((await curl(t, '-T', file, url(target))) === text);
    const log = await curl(
      t,
      '-v',
      '--stderr',
      '-',
      '-o',
      '/dev/null',
      '-H',
      'Expect: 100-continue',
      '-T',
      file,
      url(target),
    );
    assert.match(log, /HTTP\/1\.1 100 Continue/);
  });

  test('asks through a UNIX socket', async (t) => {
    const path = join(tempDir(t), 'app.sock');
    const { pids } = await serve(t, 'counting.js', { listen: `http+unix://${encodeURIComponent(path)}` });
    const answer = await curl(t, '-i', '--unix-socket', path, 'http://localhost/');
    assert.match(answer, new RegExp(`X-Worker: ${pids[0]}\r\n`));
  });

  test('speaks http2 in the clear', async (t) => {
    const { target } = await serve(t, 'counting.js', {}, { args: ['http2'] });
    assert.equal(await curl(t, '--http2-prior-knowledge', url(target)), 'HTTP/2.0\n');
  });

  test('speaks http2 or HTTP/1.1 over TLS, as it likes', async (t) => {
    const { target } = await serve(t, 'counting.js', { listen: tlsLocation(tempDir(t)) }, { args: ['http2'] });
    assert.equal(await curl(t, '-k', '--http2', url(target)), 'HTTP/2.0\n');
    assert.equal(await curl(t, '-k', '--http1.1', url(target)), 'HTTP/1.1\n');
  });
});
