// What the folder `examples` shows, as a newcomer runs it; the chat has a file of its own.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import http2 from 'node:http2';
import { describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { tlsLocation } from './helpers/certificate.js';
import { cleanAfter } from './helpers/cleanup.js';
import { startExample } from './helpers/examples.js';
import { tempDir } from './helpers/files.js';
import { run } from './helpers/tools.js';

async function stops(server) {
  process.kill(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.ended, { code: 0, signal: null });
}

/** The pid in the answer is that of a worker. */
function assertWorker(server, text) {
  const [, pid] = /worker (\d+)/.exec(text) ?? [];
  assert.ok(server.workers().includes(Number(pid)), text);
}

describe('an example answers from a worker, and stops gracefully:', () => {
  for (const name of ['http', 'express', 'koa', 'fastify', 'hono']) {
    test(name, async (t) => {
      const server = startExample(t, name);
      const { status, body } = await server.get();
      assert.equal(status, 200);
      assertWorker(server, body);
      await stops(server);
    });
  }

  test('websocket', async (t) => {
    const server = startExample(t, 'websocket');
    assert.match((await server.get()).body, /<title>/);
    const socket = new WebSocket(`ws://127.0.0.1:${await server.port()}`);
    cleanAfter(t, () => socket.terminate());
    const [greeting] = await once(socket, 'message');
    assertWorker(server, `${greeting}`);
    await stops(server);
  });

  for (const [name, env] of [
    ['koa-http2 in the clear', () => ({})],
    ['koa-http2 over TLS', (t) => certificate(t)],
  ]) {
    test(name, async (t) => {
      const server = startExample(t, 'koa-http2', env(t));
      const [, url] = await server.waitForLine(/Listening at "(.*)"/);
      const session = http2.connect(url, { rejectUnauthorized: false });
      cleanAfter(t, () => session.destroy());
      const stream = session.request({ ':path': '/' }).setEncoding('utf8');
      let body = '';
      stream.on('data', (text) => {
        body += text;
      });
      const [headers] = await once(stream, 'response');
      await once(stream, 'end');
      assert.equal(headers[':status'], 200);
      assert.match(body, /over HTTP\/2\.0/);
      assertWorker(server, body);
      if (url.startsWith('https')) {
        assert.match(await run(t, 'curl', ['-sk', '--http1.1', '--max-time', '20', url]), /over HTTP\/1\.1/);
      }
      await stops(server);
    });
  }
});

function certificate(t) {
  const { searchParams } = new URL(tlsLocation(tempDir(t)));
  return { CERT: searchParams.get('cert'), KEY: searchParams.get('key') };
}

test('every example is in this file or one of its own, and in the list of the README', () => {
  const names = readdirSync(new URL('../examples/', import.meta.url));
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const tested = [
    import.meta.url,
    ...['chat', 'metrics', 'sticky'].map((name) => new URL(`${name}.test.js`, import.meta.url)),
  ].map((file) => readFileSync(new URL(file), 'utf8'));
  for (const name of names) {
    assert.ok(readme.includes(`(examples/${name})`), `README.md does not link to examples/${name}`);
    assert.match(tested.join('\n'), new RegExp(`'${name}['\\s]`));
  }
});
