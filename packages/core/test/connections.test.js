// What a worker tells of its requests, and when.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import test from 'node:test';
import { Connections } from '../dist/worker/connections.js';
import { Statistics } from '../dist/worker/statistics.js';

/** It counts for nobody. */
const STATISTICS = new Statistics({ begun() {}, ended() {}, accepted() {}, measured() {} });

/** Asks `count` times in one write, so that all requests come in one loop turn. */
async function ask(t, count, listener) {
  const told = [];
  const entering = () => told.push('user code');
  const requests = (inFlight, served) => told.push({ inFlight, served });
  const connections = new Connections(0, { entering, requests }, STATISTICS);
  const server = http.createServer(listener);
  connections.watch(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect(server.address().port, '127.0.0.1');
  t.after(() => {
    client.destroy();
    server.close();
  });
  client.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n'.repeat(count));
  const answers = async (wanted) => {
    let text = '';
    while (text.split('HTTP/1.1 200').length - 1 < wanted) text += (await once(client, 'data'))[0];
  };
  return { server, connections, told, answers };
}

test('of a loop turn the first request is told before its handler runs, and all together when it is over', async (t) => {
  const seen = [];
  const { told, answers } = await ask(t, 3, (_request, response) => {
    seen.push([...told]);
    response.end();
  });
  await answers(3);
  const first = [{ inFlight: 1, served: 0 }, 'user code'];
  assert.deepEqual(seen, [first, [...first, 'user code'], [...first, 'user code', 'user code']]);
  assert.deepEqual(told, [...first, 'user code', 'user code', { inFlight: 0, served: 3 }]);
});

test('what is not ended with its loop turn is in flight until it is', async (t) => {
  const held = [];
  const { server, connections, told, answers } = await ask(t, 3, (_request, response) => held.push(response));
  while (held.length < 3) await once(server, 'request');
  await new Promise(setImmediate);
  assert.deepEqual(told.at(-1), { inFlight: 3, served: 0 });
  assert.deepEqual(connections.requests.unfinished(), held);
  for (const [i, response] of held.entries()) {
    response.end();
    await once(response, 'close');
    assert.deepEqual(told.at(-1), { inFlight: 2 - i, served: i + 1 });
  }
  assert.deepEqual(connections.requests.unfinished(), []);
  await answers(3);
});

test('a response that is ended is not kept until the loop turn is over', async (t) => {
  const kept = [];
  const { connections, answers } = await ask(t, 3, (_request, response) => {
    kept.push(connections.requests.unfinished().length);
    response.end();
  });
  await answers(3);
  assert.deepEqual(kept, [1, 1, 1]);
  assert.deepEqual(connections.requests.unfinished(), []);
});
