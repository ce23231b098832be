// The options `maxClients` and `maxRequests`.

import assert from 'node:assert/strict';
import test from 'node:test';
import { NEVER, serve, workerOf } from './helpers/serve.js';

test('a worker never has more than `maxClients` connections open; the rest waits and is served later', async (t) => {
  const options = { workers: 2, maxClients: 3, keepAliveTimeout: NEVER };
  const { connect } = await serve(t, 'crowd.js', options);
  const connections = await Promise.all(Array.from({ length: 40 }, connect));
  const answers = await Promise.all(
    connections.map(async (connection) => {
      const answer = await connection.request({ body: 'hello' });
      connection.close();
      return answer;
    }),
  );
  assert.equal(answers.filter(({ status }) => status === 200).length, 40);
  assert.equal(new Set(answers.map(workerOf)).size, 2);
  assert.equal(Math.max(...answers.map(({ headers }) => Number(headers['x-most']))), 3);
});

test('a full pool accepts no connection until one ends, and then one for each that ends', async (t) => {
  const { connect } = await serve(t, 'crowd.js', { workers: 2, maxClients: 2, keepAliveTimeout: NEVER });
  const kept = [];
  for (let i = 0; i < 4; i++) kept.push(await connect());
  for (const connection of kept) await connection.request();
  const waiting = [];
  for (let i = 0; i < 4; i++) waiting.push(await connect());
  const order = [];
  const answers = waiting.map(async (connection, i) => {
    await connection.request();
    order.push(i);
  });
  for (let i = 0; i < 4; i++) {
    // the kept ones are served, nobody else is
    for (const connection of kept.slice(i)) await connection.request();
    assert.equal(order.length, i);
    kept[i].close();
    await Promise.any(answers.slice(i));
  }
  assert.deepEqual(order, [0, 1, 2, 3]);
});

for (const [title, options] of [
  ['with the accept lock', {}],
  ['without it', { acceptLock: false }],
  ['with a socket for each worker', { listen: 'http://127.0.0.1:0?reuse=1' }],
]) {
  test(`a pool that is full while connections wait says so once, ${title}`, async (t) => {
    const { server, connect } = await serve(t, 'crowd.js', {
      workers: 2,
      maxClients: 2,
      keepAliveTimeout: NEVER,
      ...options,
    });
    const line = /All workers are full, with 2 connections each \(maxClients\); waiting in the accept queue: \d/;
    const kept = [];
    for (let i = 0; i < 4; i++) kept.push(await connect());
    for (const connection of kept) await connection.request();
    const looksTwice = () => new Promise((resolve) => setTimeout(resolve, 2500));
    await looksTwice();
    assert.equal(server.count(line), 0, 'nobody waits yet');
    await connect();
    await server.waitForLine(line, 5000);
    await looksTwice();
    assert.equal(server.count(line), 1);
  });
}

test('a connection ends with its `maxRequests`th answer, which says so', async (t) => {
  const { connect } = await serve(t, 'crowd.js', { maxRequests: 3, keepAliveTimeout: NEVER });
  const connection = await connect();
  const says = [];
  for (let i = 0; i < 3; i++) says.push((await connection.request()).headers.connection);
  assert.deepEqual(says, ['keep-alive', 'keep-alive', 'close']);
  assert.equal(await connection.ended, 'end');
});
