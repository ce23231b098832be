// A worker that was told to leave, or a whole server: what is open ends well, and nothing new begins.

import assert from 'node:assert/strict';
import test from 'node:test';
import { isStopped } from './helpers/processes.js';
import { beginUpload, NEVER, quit, serve, workerOf } from './helpers/serve.js';
import { eventually } from './helpers/wait.js';

function isRefused(connect) {
  return () =>
    connect().then(
      () => false,
      ({ kind }) => kind === 'refused',
    );
}

test('a worker that drains accepts not one connection, the others take them all', async (t) => {
  const { server, connect } = await serve(t, 'pipe.js', { workers: 2 });
  const kept = await connect();
  const worker = workerOf(await kept.request());
  await beginUpload(kept);
  await quit(server, worker);
  await server.healthy(3);
  const answers = [];
  // they stay open: the worker that drains has the fewest, it would be given some if it took any
  for (let i = 0; i < 40; i++) answers.push(await (await connect()).request());
  assert.equal(answers.filter((answer) => workerOf(answer) === worker).length, 0);
  kept.send('after');
  assert.equal((await kept.response()).body.toString(), 'firstafter');
});

test('a server that stops refuses newcomers at once, while what it has is finished', async (t) => {
  const { server, connect } = await serve(t, 'pipe.js', { workers: 2 });
  const kept = await connect();
  await beginUpload(kept);
  process.kill(server.pid, 'SIGQUIT');
  await eventually(isRefused(connect), 'newcomers are not refused', 10_000);
  kept.send('after');
  assert.equal((await kept.response()).body.toString(), 'firstafter');
  kept.close();
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});

test('connections that wait in the queue when the server stops are answered', async (t) => {
  const { server, pids, connect } = await serve(t, 'pipe.js', { workers: 2 });
  for (const pid of pids) {
    process.kill(pid, 'SIGSTOP');
    await eventually(() => isStopped(pid));
  }
  const connections = await Promise.all(Array.from({ length: 20 }, connect));
  const answers = connections.map((connection) => connection.request({ body: 'just in time' }));
  process.kill(server.pid, 'SIGQUIT');
  await server.waitForLine(/^finish true/);
  for (const pid of pids) process.kill(pid, 'SIGCONT');
  for (const { body, headers } of await Promise.all(answers)) {
    assert.equal(body.toString(), 'just in time');
    assert.equal(headers.connection, 'close');
  }
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});

test('a worker that was draining already when the server stops keeps no newcomer waiting', async (t) => {
  const { server, pids, connect } = await serve(t, 'pipe.js');
  const kept = await connect();
  await beginUpload(kept);
  await quit(server, pids[0]);
  await server.healthy(2);
  process.kill(server.pid, 'SIGQUIT');
  await eventually(isRefused(connect), 'newcomers are not refused', 10_000);
  kept.send('after');
  assert.equal((await kept.response()).body.toString(), 'firstafter');
});

test('a request that comes on a kept connection after QUIT is answered, with Connection: close', async (t) => {
  const { server, pids, connect } = await serve(t, 'pipe.js');
  const kept = await connect();
  const before = await kept.request();
  await quit(server, server.pid, pids[0]);
  const after = await kept.request({ body: 'on its way' });
  assert.equal(before.headers.connection, 'keep-alive');
  assert.equal(after.headers.connection, 'close');
  assert.equal(after.body.toString(), 'on its way');
  assert.equal(await kept.ended, 'end');
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});

test('a client that never pauses is not served for ever after QUIT', async (t) => {
  const { server, pids, connect } = await serve(t, 'pipe.js');
  const kept = await connect();
  let isDraining = false;
  let answers = 0;
  const client = (async () => {
    for (;;) {
      const { headers } = await kept.request();
      if (isDraining) answers += 1;
      if (headers.connection === 'close') return;
    }
  })();
  await quit(server, server.pid, pids[0]);
  isDraining = true;
  await client;
  assert.ok(answers <= 1, `${answers} answers after the decision to drain`);
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});

test('uploads and answers that have begun are finished', async (t) => {
  const { server, pids, connect } = await serve(t, 'pipe.js');
  const [answering, uploading] = [await connect(), await connect()];
  await beginUpload(answering);
  uploading.send('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n');
  await quit(server, server.pid, pids[0]);
  uploading.send('\r\n');
  for (let i = 0; i < 10; i++) {
    uploading.send(Buffer.alloc(10_000, `${i}`));
    // each piece has come back before the next one leaves
    await uploading.receives(`${i}`.repeat(1000));
  }
  answering.send('after');
  assert.equal((await answering.response()).body.toString(), 'firstafter');
  assert.equal((await uploading.response()).body.length, 100_000);
  for (const connection of [answering, uploading]) connection.close();
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});

test('an answer that begins after QUIT ends its connection, although its request came before', async (t) => {
  const { server, pids, connect } = await serve(t, 'collect.js');
  const kept = await connect();
  kept.send('POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n');
  // the request is being served
  assert.equal((await kept.response()).status, 100);
  await quit(server, server.pid, pids[0]);
  kept.send('firstafter');
  const { headers, body } = await kept.response();
  assert.equal(headers.connection, 'close');
  assert.equal(body.toString(), 'firstafter');
  assert.equal(await kept.ended, 'end');
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});

test('the next request after an answer that had begun before QUIT is answered, too', async (t) => {
  const { server, pids, connect } = await serve(t, 'pipe.js');
  const kept = await connect();
  await beginUpload(kept);
  await quit(server, server.pid, pids[0]);
  kept.send('after');
  assert.equal((await kept.response()).headers.connection, 'keep-alive');
  const next = await kept.request({ body: 'next' });
  assert.equal(next.headers.connection, 'close');
  assert.equal(next.body.toString(), 'next');
  assert.equal(await kept.ended, 'end');
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});

test('the worker leaves as soon as its last connection ends', async (t) => {
  const { server, pids, connect } = await serve(t, 'pipe.js', { keepAliveTimeout: NEVER });
  const [first, last] = [await connect(), await connect()];
  await first.request();
  await last.request();
  await quit(server, server.pid, pids[0]);
  first.close();
  // the other one is still served
  assert.equal((await last.request()).status, 200);
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});

test('a worker without connections leaves at once', async (t) => {
  const { server } = await serve(t, 'pipe.js', { workers: 2, keepAliveTimeout: NEVER });
  process.kill(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});

test('an idle connection is kept for a while after QUIT, and then closed', async (t) => {
  const { server, pids, connect } = await serve(t, 'pipe.js', { keepAliveTimeout: 1000, heartbeatInterval: 100 });
  const idle = await connect();
  await idle.request();
  await quit(server, server.pid, pids[0]);
  await server.waitForLine(/^heartbeat/, { after: server.lines.length });
  assert.ok(idle.isOpen);
  assert.equal(await idle.ended, 'end');
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});

test('an idle connection is closed by a drain although the server itself would keep it for ever', async (t) => {
  const { server, connect } = await serve(t, 'timeless.js');
  const idle = await connect();
  await idle.request();
  process.kill(server.pid, 'SIGQUIT');
  assert.equal(await idle.ended, 'end');
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});

test('a connection that never sent a byte does not hold a drain up', async (t) => {
  const { server, connect } = await serve(t, 'timeless.js', { keepAliveTimeout: 500 });
  const silent = await connect();
  // connections are accepted in their order: the silent one is in once this one has its answer
  await (await connect()).request();
  process.kill(server.pid, 'SIGQUIT');
  assert.equal(await silent.ended, 'end');
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});

test('a connection that sends its first request after QUIT is answered', async (t) => {
  const { server, pids, connect } = await serve(t, 'pipe.js');
  const silent = await connect();
  await (await connect()).request({ headers: { connection: 'close' } });
  await quit(server, server.pid, pids[0]);
  const { headers, body } = await silent.request({ body: 'late' });
  assert.equal(headers.connection, 'close');
  assert.equal(body.toString(), 'late');
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});

test('the event `drain` comes after the last answer, and the worker waits for what it returns', async (t) => {
  const { server, pids, connect } = await serve(t, 'drain-hook.js');
  const kept = await connect();
  kept.send('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nfirst');
  // connections are accepted in their order: it is in once the next one has its answer
  await (await connect()).request({ headers: { connection: 'close' } });
  await quit(server, server.pid, pids[0]);
  const told = server.lines.filter((line) => line.startsWith('drain')).length;
  kept.send('after');
  assert.equal((await kept.response()).status, 200);
  assert.deepEqual(await server.exited, { code: 0, signal: null });
  const order = server.stdout.filter((line) => /^(answered|drain|reap)/.test(line));
  assert.equal(told, 0);
  assert.deepEqual(order, ['answered', 'answered', 'drain begins', 'drain is over', `reap ${pids[0]}`]);
});
