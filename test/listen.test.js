// The forms of listen(), its callback and its event.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { get } from './helpers/client.js';
import { tempDir } from './helpers/files.js';
import { signal, startServer } from './helpers/server.js';

const LOCAL = /^http:\/\/127\.0\.0\.1:\d+$/;
const LOCAL6 = /^http:\/\/\[::1\]:\d+$/;
const ANY = /^http:\/\/\*:\d+$/;
const UNIX = /^http\+unix:\/\/.*app\.sock$/i;

const FORMS = {
  port: [ANY],
  'port as text': [ANY],
  'port, host': [LOCAL],
  'port, backlog': [ANY],
  'port, host, backlog': [LOCAL],
  'port, IPv6 host': [LOCAL6],
  'object with port': [ANY],
  'object with port, host, backlog, ipv6Only': [LOCAL6],
  'object with path': [UNIX],
  path: [UNIX],
  location: [LOCAL],
  'location of a UNIX socket': [UNIX],
  locations: [LOCAL, LOCAL6, UNIX],
  callback: [LOCAL, LOCAL6],
};

describe('listen() takes', () => {
  for (const [form, expected] of Object.entries(FORMS)) {
    test(`${form}; calls back once, in the manager`, async (t) => {
      const dir = tempDir(t);
      const server = startServer(t, 'listen.js', { args: [form, dir] });
      const pids = await server.healthy(2);
      const urls = locations(server);
      assert.equal(urls.length, expected.length, server.output);
      for (const [i, pattern] of expected.entries()) assert.match(urls[i], pattern);
      for (const target of urls.map((url) => targetOf(url, dir))) {
        assert.ok(pids.includes(Number((await get(target)).body)), JSON.stringify(target));
      }
      await assertCalledBackOnce(server);
    });
  }

  test('nothing: the option says where', async (t) => {
    const server = startServer(t, 'listen.js', { args: ['nothing', tempDir(t)] });
    await server.healthy(2);
    assert.equal(locations(server).length, 2, server.output);
    assert.equal(server.count(/^listening$/), 1, server.output);
  });
});

test('listen() returns the server, in workers too, and no event comes before its tick has ended', async (t) => {
  const server = startServer(t, 'listen.js', { args: ['port, host', tempDir(t)] });
  const pids = await server.healthy(2);
  for (const pid of [server.pid, ...pids]) {
    assert.equal(server.count(new RegExp(`^listen\\(\\) returned the server in ${pid}$`)), 1, server.output);
  }
  for (const event of ['spawn', 'wait', 'server']) {
    await server.waitForLine(new RegExp(`^first ${event} in a later tick$`));
    assert.equal(server.count(new RegExp(`^first ${event} in the same tick$`)), 0, server.output);
  }
});

test('the callback and the event come when the first worker is healthy, not before', async (t) => {
  const server = startServer(t, 'listen.js', { args: ['port, host', tempDir(t)] });
  await server.healthy(2);
  const [called] = await server.waitForLine(/^called in .*/);
  const order = ['listening', called].map((line) => server.lines.indexOf(line));
  const healthy = server.lines.findIndex((line) => line.startsWith('healthy'));
  for (const index of order) assert.ok(index > healthy, server.output);
});

test('neither comes again when a worker is replaced', async (t) => {
  const server = startServer(t, 'listen.js', { args: ['port, host', tempDir(t)] });
  const [pid] = await server.healthy(2);
  signal(pid, 'SIGKILL');
  await server.waitForLine(new RegExp(`^reap ${pid}$`));
  const pids = await server.healthy(2);
  assert.ok(pids.includes(Number((await server.get()).body)));
  await assertCalledBackOnce(server);
});

test('a pool of no workers listens, and says so', async (t) => {
  const server = startServer(t, 'echo.js', { options: { workers: 0 } });
  await server.waitForLine(/^listening$/);
  const answer = server.get();
  signal(server.pid, 'SIGTTIN');
  const [pid] = await server.healthy(1);
  assert.equal((await answer).body, `${pid}`);
  assert.equal(server.count(/^listening$/), 1, server.output);
});

test('`silent` keeps where it listens to itself', async (t) => {
  const server = startServer(t, 'echo.js', { options: { workers: 1, silent: true } });
  await server.healthy(1);
  assert.equal(server.count(/Listening/), 0, server.output);
});

test('what listen() cannot take is an error that names it, before anything is bound', async (t) => {
  const cases = [
    [[-1], 'RangeError', '`port`', '`-1`'],
    [[65_536], 'RangeError', '`port`', '`65536`'],
    [[1.5], 'RangeError', '`port`', '`1.5`'],
    [['65536'], 'RangeError', '`port`', '`65536`'],
    [[true], 'TypeError', '`port`', '`true`'],
    [[{}], 'TypeError', '`port` or `path`'],
    [[{ port: -1 }], 'RangeError', '`port`', '`-1`'],
    [[{ port: 0, backlog: 'many' }], 'TypeError', '`backlog`', '`many`'],
    [[{ port: 0, host: 1 }], 'TypeError', '`host`', '`1`'],
    [[{ path: '' }], 'TypeError', '`path`'],
    [[{ path: 1 }], 'TypeError', '`path`', '`1`'],
    [[[]], 'RangeError', '`[]`'],
    [[[8080]], 'TypeError', '`8080`'],
    [[['nonsense']], 'RangeError', '`nonsense`'],
    [[['ftp://127.0.0.1']], 'RangeError', '`ftp://127.0.0.1`'],
    [[['http://127.0.0.1:99999']], 'RangeError', '`http://127.0.0.1:99999`'],
    [[['http://127.0.0.1:0/app']], 'RangeError', '`http://127.0.0.1:0/app`', 'path'],
    [[['http://127.0.0.1:0?bogus=1']], 'RangeError', '`bogus`'],
    [[['http://127.0.0.1:0?cert=a&key=b']], 'RangeError', 'https://'],
    [[['https://127.0.0.1:0']], 'RangeError', '`cert`', '`key`'],
    [[['http+unix://%2Ftmp%2Fa?reuse=1']], 'RangeError', '`reuse`', 'UNIX socket'],
    [[['http://127.0.0.1:0?fd=3&reuse=1']], 'RangeError', '`reuse`', '`fd`'],
    [[['http+unix://%2Ftmp%2Fa?mode=rw']], 'RangeError', '`mode`', '`rw`'],
  ];
  const server = startServer(t, 'bad-listen.js', { args: [JSON.stringify(cases.map(([args]) => args))] });
  assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
  assert.equal(server.lines.length, cases.length, server.output);
  for (const [i, [, name, ...parts]] of cases.entries()) {
    assert.ok(server.lines[i].startsWith(`${name}: `), server.lines[i]);
    for (const part of parts) assert.ok(server.lines[i].includes(part), `${part} in ${server.lines[i]}`);
  }
});

function locations(server) {
  return server.lines.map((line) => /Listening at "(.*)"/.exec(line)?.[1]).filter(Boolean);
}

function targetOf(url, dir) {
  if (url.startsWith('http+unix')) return join(dir, 'app.sock');
  const { hostname, port } = new URL(url.replace('*', '127.0.0.1'));
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}

async function assertCalledBackOnce(server) {
  await server.waitForLine(/^called in/);
  const calls = server.lines.filter((line) => line.startsWith('called in'));
  assert.equal(calls.length, 1, server.output);
  assert.ok(calls[0].startsWith(`called in ${server.pid} with 0, at `), calls[0]);
  assert.doesNotMatch(calls[0], /null/);
  await server.waitForLine(/^listening$/);
  assert.equal(server.count(/^listening$/), 1, server.output);
}
