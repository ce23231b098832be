// Every server of an unchanged file is one of the pool's: of each kind, the second as the first, over reloads too.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { createAuthority } from './helpers/certificate.js';
import { connect, get, listens } from './helpers/client.js';
import { project, runCommand, startCommand } from './helpers/command.js';
import { fetchOnce } from './helpers/connection.js';
import { signal } from './helpers/server.js';
import { eventually } from './helpers/wait.js';

const MANY = fileURLToPath(new URL('fixtures/many-servers.mjs', import.meta.url));

async function http2Get(url) {
  const session = http2.connect(url, { rejectUnauthorized: false });
  const stream = session.request({ ':path': '/' });
  stream.setEncoding('utf8');
  let body = '';
  for await (const text of stream) body += text;
  session.close();
  return body;
}

const CLIENTS = {
  http: (port) => fetchOnce({ port }).then(({ body }) => body),
  https: (port) => fetchOnce({ port, tls: true }).then(({ body }) => body),
  http2: (port) => http2Get(`https://127.0.0.1:${port}`),
  h2c: (port) => http2Get(`http://127.0.0.1:${port}`),
  net: (port) => read(net.connect(port, '127.0.0.1')),
  tls: (port) => read(tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })),
};

/** What a server says by itself. */
async function read(socket) {
  const [data] = await once(socket, 'data');
  socket.destroy();
  return String(data);
}

test('a server of each kind answers from every worker, at one port for all, before and after a reload', async (t) => {
  const dir = project(t, {});
  const { cert, key } = createAuthority(dir).issue('localhost');
  const server = startCommand(t, dir, [MANY, '-w', '2', '--', dir, cert, key]);
  const portOf = async (name) => Number((await server.waitForLine(new RegExp(`^${name} \\d+ at (\\d+)$`)))[1]);
  const workers = () => server.workers().sort();
  const answersFromAll = async (name, ask) => {
    const seen = new Set();
    await eventually(
      async () => {
        const [, who, pid] = /^(\S+) (\d+)$/.exec(await ask()) ?? [];
        assert.equal(who, name);
        return seen.add(Number(pid)).size === 2 && workers().every((worker) => seen.has(worker));
      },
      () => `${name} was served by ${[...seen]} only\n${server.output}`,
    );
  };
  for (let round = 0; round < 2; round++) {
    for (const [name, client] of Object.entries(CLIENTS)) {
      const port = await portOf(name);
      await answersFromAll(name, () => client(port));
    }
    await answersFromAll('path', async () => (await get(join(dir, 'many.sock'))).body);
    assert.equal(server.count(/Listening at/), 7, server.output);
    if (round > 0) continue;
    signal(server.pid, 'SIGHUP');
    await server.waitForLine(/Reload finished/);
    await eventually(
      () => workers().length === 2,
      () => server.output,
    );
  }
  // the log says what they are
  for (const scheme of ['http', 'https', 'tcp', 'tls', 'http\\+unix']) {
    assert.ok(server.count(new RegExp(`Listening at "${scheme}://`)) > 0, scheme);
  }
  signal(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
});

test('a plain connection is a request in flight until it ends: a drain waits for it', async (t) => {
  const dir = project(t, {
    'server.mjs': `
      import net from 'node:net';
      net.createServer((socket) => socket.on('data', (data) => socket.write(data))).listen(0, '127.0.0.1');`,
  });
  const server = startCommand(t, dir, ['server.mjs', '-w', '1']);
  const [, port] = await server.waitForLine(/Listening at "tcp:\/\/127\.0\.0\.1:(\d+)"/);
  const client = await connect(t, Number(port));
  client.socket.write('one');
  await client.receives(/one/);
  const { stdout } = await runCommand(t, dir, ['status', '--json']);
  assert.deepEqual(
    JSON.parse(stdout).pool.map(({ connections, requests }) => [connections, requests]),
    [[1, 1]],
  );
  signal(server.pid, 'SIGQUIT');
  await server.waitForLine(/Trying to stop worker \d+ gracefully/);
  await eventually(async () => !(await listens(Number(port))));
  client.socket.write('two');
  await client.receives(/onetwo/);
  client.socket.end();
  assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
});

test('a server that a new generation does not ask for is closed when the old one has gone, a new one is bound', async (t) => {
  const dir = project(t, {
    'ports.json': '["kept", "old"]',
    'server.mjs': `
      import { readFileSync } from 'node:fs';
      import http from 'node:http';
      for (const name of JSON.parse(readFileSync('ports.json', 'utf8'))) {
        http.createServer((_req, res) => res.end(name)).listen(name + '.sock');
      }`,
  });
  const server = startCommand(t, dir, ['server.mjs', '-w', '2']);
  const answer = async (name) => (await get(join(dir, `${name}.sock`))).body;
  await server.waitForLine(/old\.sock/);
  assert.deepEqual([await answer('kept'), await answer('old')], ['kept', 'old']);
  writeFileSync(join(dir, 'ports.json'), '["kept", "new"]');
  signal(server.pid, 'SIGHUP');
  await server.waitForLine(/Reload finished/);
  assert.deepEqual([await answer('kept'), await answer('new')], ['kept', 'new']);
  await server.waitForLine(/Closing "http\+unix:.*old\.sock"/);
  await assert.rejects(answer('old'), { code: 'ENOENT' });
  const { stdout } = await runCommand(t, dir, ['status', '--json']);
  assert.deepEqual(
    JSON.parse(stdout).listen.map((url) => url.match(/(kept|old|new)\.sock/)?.[1]),
    ['kept', 'new'],
  );
});
