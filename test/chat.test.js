// The chat example: who hears whom, in one worker without Redis, and over two servers with a real one.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';
import { WebSocket } from 'ws';
import { cleanAfter } from './helpers/cleanup.js';
import { listens, ownLoopback } from './helpers/client.js';
import { startExample } from './helpers/examples.js';
import { missing, start } from './helpers/tools.js';
import { eventually } from './helpers/wait.js';

/** A browser's window: what it has heard, in order, and how it was closed. */
async function join(t, server) {
  const socket = new WebSocket(`ws://127.0.0.1:${await server.port()}`);
  cleanAfter(t, () => socket.terminate());
  const heard = [];
  socket.on('message', (data) => heard.push(`${data}`));
  const closed = once(socket, 'close').then(([code]) => code);
  await once(socket, 'open');
  return {
    say: (text) => socket.send(text),
    hears: (text) => eventually(() => heard.includes(text), `never heard "${text}", but: ${heard}`),
    heard,
    closed,
  };
}

const joinAll = (t, server, count) => Promise.all(Array.from({ length: count }, () => join(t, server)));

/** A Redis of this test alone; it keeps nothing on disk. */
async function startRedis(t) {
  const [host, port] = [ownLoopback(), 6379];
  const redis = start(t, 'redis-server', ['--bind', host, '--port', `${port}`, '--save', '', '--appendonly', 'no']);
  await eventually(
    () => listens({ host, port }),
    () => `Redis does not listen\n${redis.output}`,
  );
  return `redis://${host}:${port}`;
}

test('without Redis the chat has one worker, says so, and everybody hears everybody', async (t) => {
  const server = startExample(t, 'chat', { WEB_CONCURRENCY: '4' });
  await server.waitForLine(/^REDIS_URL is not set: one worker/);
  const windows = await joinAll(t, server, 5);
  assert.equal(server.workers().length, 1);
  assert.equal(server.count(/^REDIS_URL/), 1);
  assert.match((await server.get()).body, /<title>Chat<\/title>/);
  for (const [i, window] of windows.entries()) {
    window.say(`from ${i}`);
    await Promise.all(windows.map((other) => other.hears(`from ${i}`)));
  }
  for (const { heard } of windows) assert.deepEqual(heard, ['from 0', 'from 1', 'from 2', 'from 3', 'from 4']);
  process.kill(server.pid, 'SIGQUIT');
  for (const { closed } of windows) assert.equal(await closed, 1001);
  assert.deepEqual(await server.ended, { code: 0, signal: null });
});

const skip = missing('redis-server');

test('with Redis clients of all workers of two servers hear each other once, also after a reload', {
  skip,
}, async (t) => {
  const REDIS_URL = await startRedis(t);
  const env = { REDIS_URL, DEBUG: 'prefork:worker' };
  const servers = [startExample(t, 'chat', env), startExample(t, 'chat', env)];
  for (const server of servers) await eventually(() => server.count(/worker \d+ serves/) === 2);
  // an even spread is promised: each worker gets two
  const groups = await Promise.all(servers.map((server) => joinAll(t, server, 4)));
  const windows = groups.flat();
  await sayInTurn(windows);

  process.kill(servers[0].pid, 'SIGHUP');
  for (const { closed } of groups[0]) assert.equal(await closed, 1012);
  await sayInTurn([...(await joinAll(t, servers[0], 4)), ...groups[1]]);

  for (const server of servers) process.kill(server.pid, 'SIGQUIT');
  for (const server of servers) assert.deepEqual(await server.ended, { code: 0, signal: null });
});

let round = 0;

async function sayInTurn(windows) {
  round += 1;
  for (const [i, window] of windows.entries()) {
    const text = `round ${round}, window ${i}`;
    window.say(text);
    await Promise.all(windows.map((other) => other.hears(text)));
  }
  for (const { heard } of windows) assert.equal(new Set(heard).size, heard.length, 'somebody heard a thing twice');
}
