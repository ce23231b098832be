// `{n}` in a location: a socket for each worker number, which a proxy can choose by a cookie. Nobody is refused while a worker is
// replaced.

import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { get, ownLoopback } from './helpers/client.js';
import { blocks, substitute } from './helpers/docs.js';
import { tempDir } from './helpers/files.js';
import { serving } from './helpers/proxies.js';
import { signal, startServer } from './helpers/server.js';
import { askAll, connectAll } from './helpers/socketio.js';
import { upgrade } from './helpers/upgrade.js';
import { eventually } from './helpers/wait.js';

const WORKERS = 4;

/** So many ports in a row that are free. */
async function freePorts(count) {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 10_000);
    const servers = Array.from({ length: count }, () => http.createServer());
    const tries = servers.map(
      (server, i) =>
        new Promise((resolve) =>
          server.once('error', () => resolve(false)).listen(first + i, '127.0.0.1', () => resolve(true)),
        ),
    );
    const isFree = (await Promise.all(tries)).every(Boolean);
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    if (isFree) return first;
  }
}

async function start(t, listen, own = {}) {
  const server = startServer(t, 'socketio.js', { options: { workers: WORKERS, listen, ...own } });
  await server.healthy(WORKERS);
  return server;
}

/** Resolves when each seat is answered by the worker with its number. */
async function everyoneSits(path) {
  for (let n = 0; n < WORKERS; n++)
    await eventually(async () => (await get(path(n))).body === String(n), `seat ${n} has another worker`);
}

test('the worker with each number answers at its port, and at its UNIX socket, which has the mode that was asked for', async (t) => {
  const dir = tempDir(t);
  const first = await freePorts(WORKERS);
  const path = (n) => join(dir, `app.${n}.sock`);
  const unix = `http+unix://${encodeURIComponent(path('{n}'))}?mode=640`;
  const server = await start(t, [`http://127.0.0.1:{${first}+n}`, unix]);
  for (let n = 0; n < WORKERS; n++) {
    assert.equal((await get(first + n)).body, String(n));
    assert.equal((await get(path(n))).body, String(n));
    assert.equal(statSync(path(n)).mode & 0o777, 0o640);
  }
  signal(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.exited, { code: 0, signal: null });
  assert.deepEqual(readdirSync(dir), []);
});

test('no client is refused at any of them while workers are recycled, killed, reloaded and upgraded', async (t) => {
  const dir = tempDir(t);
  const path = (n) => join(dir, `${n}.sock`);
  const server = await start(t, `http+unix://${encodeURIComponent(path('{n}'))}`);
  let isOver = false;
  let killed = 0;
  const lost = [];
  const client = async (n) => {
    while (!isOver) {
      try {
        await get(path(n));
      } catch (error) {
        lost.push(`${n}: ${error.code}`);
      }
    }
  };
  const clients = Array.from({ length: WORKERS }, (_, n) => client(n));
  const [one, two] = server.pids('healthy');
  signal(one, 'SIGQUIT');
  await server.waitForLine(new RegExp(`^reap ${one}$`));
  // until its successor serves a neighbour answers at its seat, too, and may be the one that is killed
  await everyoneSits(path);
  signal(two, 'SIGKILL');
  killed += 1;
  await server.waitForLine(new RegExp(`^reap ${two}$`));
  signal(server.pid, 'SIGHUP');
  await server.waitForLine(/Reload finished/);
  await upgrade(server);
  await server.waitForLine(new RegExp(`Manager ${server.pid} stopped`));
  isOver = true;
  await Promise.all(clients);
  // what the killed worker had in its hands
  assert.ok(lost.length <= killed, `${lost}`);
  assert.doesNotMatch(`${lost}`, /ECONNREFUSED|ENOENT/);
  await everyoneSits(path);
});

test('a smaller pool answers at every socket, and a bigger one makes no more of them', async (t) => {
  const dir = tempDir(t);
  const path = (n) => join(dir, `${n}.sock`);
  const server = await start(t, `http+unix://${encodeURIComponent(path('{n}'))}`);
  for (const left of [3, 2]) {
    signal(server.pid, 'SIGTTOU');
    await server.waitForLine(new RegExp(`Resizing the pool to ${left} workers`));
  }
  await eventually(() => server.pids('reap').length === 2, 'the pool does not shrink');
  for (let n = 0; n < WORKERS; n++) assert.match((await get(path(n))).body, /^[01]$/);
  for (const size of [3, 4, 5]) {
    signal(server.pid, 'SIGTTIN');
    await eventually(() => server.count(new RegExp(`Resizing the pool to ${size} workers`)) > (size === 3 ? 1 : 0));
  }
  await server.healthy(WORKERS + 1);
  await eventually(async () => (await get(path(3))).body === '3', 'worker 3 does not answer at its socket');
  assert.equal(readdirSync(dir).length, WORKERS);
});

describe('Socket.IO comes back to its worker', () => {
  for (const [title, options] of [
    ['long polling only', { transports: ['polling'] }],
    ['the default', {}],
  ]) {
    for (const proxy of ['haproxy', 'nginx']) {
      test(`behind ${proxy}, ${title}: 20 of 20 clients, over a recycle and a reload`, async (t) => {
        const first = await freePorts(WORKERS);
        const server = await start(t, `http://127.0.0.1:{${first}+n}`);
        const front = await startProxy(t, proxy, first);
        const clients = connectAll(t, front, 20, options);
        const before = await askAll(clients);
        assert.ok(new Set(before).size > 1);
        const [victim] = server.pids('healthy');
        signal(victim, 'SIGQUIT');
        await server.waitForLine(new RegExp(`^reap ${victim}$`));
        await server.healthy(WORKERS);
        await askAll(clients);
        signal(server.pid, 'SIGHUP');
        await server.waitForLine(/Reload finished/);
        // Socket.IO's client of Node keeps its cookies for one connection only: it may come to another worker than a browser
        await askAll(clients);
      });
    }
  }
});

/** The proxy with the configuration of the docs. */
async function startProxy(t, name, first) {
  const front = { host: ownLoopback(), port: 8080 };
  const dir = tempDir(t);
  let [text] = blocks('docs/sticky.md', name);
  for (let n = 0; n < WORKERS; n++) text = substitute(text, `127.0.0.1:${9000 + n}`, `127.0.0.1:${first + n}`);
  if (name === 'haproxy') {
    text = substitute(text, 'bind :80', `bind ${front.host}:${front.port}`);
    return serving(t, front, name, dir, text, (file) => ['-db', '-f', file]);
  }
  text = substitute(text, 'listen 80;', `listen ${front.host}:${front.port};`);
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${dir}/${kind};`)
    .join(' ');
  const user = process.getuid() === 0 ? 'user root;' : '';
  const main = `${user} daemon off; worker_processes 1; pid ${dir}/nginx.pid; error_log stderr;
events { worker_connections 512; }
http { access_log off; ${temp}
${text} }`;
  return serving(t, front, name, dir, main, (file) => ['-e', 'stderr', '-p', dir, '-c', file]);
}

describe('a location that cannot be is refused at once, and nothing is left', () => {
  for (const [title, options, message] of [
    ['`{n}` twice', { listen: 'http+unix://%2Ftmp%2F{n}%2F{n}.sock', workers: 2 }, /`\{n\}` can be in it once/],
    [
      'no number of workers',
      { listen: 'http://127.0.0.1:{9000+n}' },
      /`\{n\}` needs a number of workers.*: set `workers`/,
    ],
    ['no workers', { listen: 'http://127.0.0.1:{9000+n}', workers: 0 }, /set `workers`/],
    ['ports beyond the last one', { listen: 'http://127.0.0.1:{65534+n}', workers: 3 }, /its ports are 65534 to 65536/],
    ['port 0', { listen: 'http://127.0.0.1:{0+n}', workers: 3 }, /expected ports from 1 to 65535/],
    [
      'ports of another location',
      { listen: ['http://127.0.0.1:{9000+n}', 'http://*:9002'], workers: 3 },
      /its ports 9000 to 9002 overlap with http:\/\/\*:9002/,
    ],
    [
      'ports of another one with `{n}`',
      { listen: ['http://127.0.0.1:{9000+n}', 'http://127.0.0.1:{8998+n}'], workers: 3 },
      /overlap with http:\/\/127.0.0.1:\{8998\+n\}/,
    ],
    ['`reuse`', { listen: 'http://127.0.0.1:{9000+n}?reuse=1', workers: 3 }, /leave out `reuse` and `sticky`/],
    ['`fd`', { listen: 'http://127.0.0.1:{9000+n}?fd=3', workers: 3 }, /leave out `fd` or `\{n\}`/],
  ]) {
    test(title, async (t) => {
      const server = startServer(t, 'socketio.js', { options, env: { WEB_CONCURRENCY: undefined } });
      assert.equal((await server.ended).code, 1);
      assert.match(server.output, message);
      assert.match(server.output, /Invalid listen location `/);
      assert.deepEqual(readdirSync(server.dir), []);
    });
  }

  test('a socket that another program has: those before it are closed again', async (t) => {
    const first = await freePorts(3);
    const squatter = http.createServer().listen(first + 2, '127.0.0.1');
    await new Promise((resolve) => squatter.once('listening', resolve));
    t.after(() => squatter.close());
    const server = startServer(t, 'socketio.js', { options: { listen: `http://127.0.0.1:{${first}+n}`, workers: 3 } });
    assert.equal((await server.ended).code, 1);
    assert.match(server.output, new RegExp(`EADDRINUSE.*:${first + 2}`));
  });
});
