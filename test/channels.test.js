// Node's diagnostics channels: what happened to the pool.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from './helpers/files.js';
import { startServer } from './helpers/server.js';

const LISTEN = 'http://127.0.0.1:0';

test('a worker is told of from its start to its end, over a reload and a stop', async (t) => {
  const server = startServer(t, 'channels.js', { options: { workers: 1, listen: LISTEN } });
  const [old] = await server.healthy(1);
  process.kill(server.pid, 'SIGHUP');
  await server.waitForLine(/^prefork:reload /);
  await server.waitForLine(new RegExp(`^reap ${old}$`));
  const [young] = await server.healthy(1);
  process.kill(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);

  const all = messages(server);
  assertLife(all, { pid: old, id: 0, generation: 0 }, 'reloaded');
  assertLife(all, { pid: young, id: 0, generation: 1 }, 'stopped');
  assert.deepEqual(of(all, 'prefork:reload'), [{ generation: 1 }]);
  assert.equal(all.length, 9, server.output);
});

test('a worker that was killed has no drain, and its end says how', async (t) => {
  const server = startServer(t, 'channels.js', { options: { workers: 1, listen: LISTEN } });
  const [pid] = await server.healthy(1);
  process.kill(pid, 'SIGKILL');
  await server.waitForLine(new RegExp(`^reap ${pid}$`));
  const all = messages(server).filter(({ facts }) => facts.pid === pid);
  assert.deepEqual(of(all, 'prefork:worker:reap'), [{ pid, id: 0, generation: 0, reason: 'crashed', end: 'SIGKILL' }]);
  assert.deepEqual(of(all, 'prefork:drain'), []);
});

test('a worker that hangs is told of before it is told to leave', async (t) => {
  const options = { workers: 1, listen: LISTEN, heartbeatInterval: 100, heartbeatTimeout: 400, gracefulTimeout: 300 };
  const server = startServer(t, 'channels.js', { options });
  const [pid] = await server.healthy(1);
  server.get('/loop').catch(() => {});
  await server.waitForLine(new RegExp(`^reap ${pid}$`));
  const all = messages(server).filter(({ facts }) => facts.pid === pid);
  assert.deepEqual(all.map(({ channel }) => channel).slice(2), [
    'prefork:hang',
    'prefork:drain',
    'prefork:worker:reap',
  ]);
  assert.deepEqual(of(all, 'prefork:hang'), [{ pid, id: 0, generation: 0 }]);
  assert.equal(of(all, 'prefork:worker:reap')[0].reason, 'hung');
});

test('a reload that fails has its error', async (t) => {
  const broken = join(tempDir(t), 'broken');
  const server = startServer(t, 'channels.js', { options: { workers: 1, listen: LISTEN }, args: [broken] });
  await server.healthy(1);
  writeFileSync(broken, '');
  process.kill(server.pid, 'SIGHUP');
  await server.waitForLine(/^prefork:reload /);
  assert.deepEqual(of(messages(server), 'prefork:reload'), [{ generation: 1, error: 'ERR_PREFORK_RELOAD' }]);
});

test('a subscriber that throws ends no process: it is logged', async (t) => {
  const server = startServer(t, 'channels.js', {
    options: { workers: 1, listen: LISTEN },
    args: ['/nowhere', 'throwing'],
  });
  const [old] = await server.healthy(1);
  await server.waitForLine(/\[error\] Uncaught in the manager, which goes on .*metrics are down/);
  process.kill(server.pid, 'SIGHUP');
  await server.waitForLine(new RegExp(`^reap ${old}$`));
  await server.healthy(1);
  assert.equal((await server.get('/')).body, 'ok');
  process.kill(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
});

function messages(server) {
  const lines = server.stdout.map((line) => /^(prefork:\S+) (\{.*\})$/.exec(line)).filter(Boolean);
  return lines.map(([, channel, json]) => ({ channel, facts: JSON.parse(json) }));
}

const of = (all, wanted) => all.filter(({ channel }) => channel === wanted).map(({ facts }) => facts);

/** Four messages in this order. */
function assertLife(all, worker, order) {
  const own = all.filter(({ facts }) => facts.pid === worker.pid);
  const bootTime = own[1]?.facts.bootTime;
  assert.ok(bootTime > 0, JSON.stringify(own));
  assert.deepEqual(own, [
    { channel: 'prefork:worker:spawn', facts: worker },
    { channel: 'prefork:worker:healthy', facts: { ...worker, bootTime } },
    { channel: 'prefork:drain', facts: { ...worker, order } },
    { channel: 'prefork:worker:reap', facts: { ...worker, reason: order, end: 'exit status 0' } },
  ]);
}
