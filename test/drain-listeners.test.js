// The worker's events `finish` and `drain`: when they come, and what happens when their listeners fail.

import assert from 'node:assert/strict';
import test from 'node:test';
import { serve } from './helpers/serve.js';

const QUICK = { gracefulTimeout: 2000, keepAliveTimeout: 200 };

const start = (t, how, options) => serve(t, 'drain-listeners.js', options, { args: [how] });

for (const single of [false, true]) {
  const where = single ? 'single' : 'a worker';

  test(`${where}: \`finish\` comes before anything is waited for, and ends streams and long polls`, async (t) => {
    const { server, connect } = await start(t, 'nothing', { single, keepAliveTimeout: 200 });
    const [stream, poll] = [await connect(), await connect()];
    stream.send('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await stream.receives('data: first');
    poll.send('GET /poll HTTP/1.1\r\nHost: localhost\r\n\r\n');
    // connections are accepted in their order: the poll has begun once this one has its answer
    await (await connect()).request({ headers: { connection: 'close' } });
    process.kill(server.pid, 'SIGQUIT');
    assert.equal((await stream.response()).body.toString(), 'data: first\n\ndata: last\n\n');
    const { headers, body } = await poll.response();
    assert.equal(body.toString(), 'data: last\n\n');
    assert.equal(headers.connection, 'close');
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    const order = server.stdout.filter((line) => /^(begins|over)/.test(line));
    assert.deepEqual(order, ['begins true 2', 'over']);
    assert.equal(server.count(/Ending|immediately/), 0);
  });

  test(`${where}: a listener that fails is logged, the others are called, and the process leaves`, async (t) => {
    const { server } = await start(t, 'fails', { single });
    process.kill(server.pid, 'SIGQUIT');
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    for (const event of ['finish', 'drain']) {
      for (const how of ['thrown', 'rejected']) {
        assert.equal(server.count(new RegExp(`A listener of \`${event}\` failed: Error: ${event} was ${how}`)), 1);
      }
    }
    assert.equal(server.count(/^begins true/), 1);
    assert.equal(server.count(/^over/), 1);
  });

  test(`${where}: a listener of \`drain\` that never finishes is cut by \`gracefulTimeout\`, which is logged`, async (t) => {
    const { server } = await start(t, 'hangs', { single, ...QUICK });
    process.kill(server.pid, 'SIGQUIT');
    await server.waitForLine(/Listeners of drain do not finish within gracefulTimeout/);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    assert.equal(server.count(/immediately|SIGKILL/), 0);
  });

  test(`${where}: what is left a moment before \`gracefulTimeout\` is ended, and \`drain\` comes`, async (t) => {
    const { server, connect } = await start(t, 'nothing', { single, ...QUICK });
    const hanging = await connect();
    hanging.send('GET /hang HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await server.waitForLine(/^hangs/);
    process.kill(server.pid, 'SIGQUIT');
    await server.waitForLine(/Ending connections that are still open \(1\), gracefulTimeout is nearly over/);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    assert.equal(server.count(/^over/), 1);
    assert.equal(server.count(/immediately|SIGKILL/), 0);
  });
}

test('a listener of `drain` that blocks the worker is ended by the kill', async (t) => {
  const { server } = await start(t, 'blocks', QUICK);
  process.kill(server.pid, 'SIGQUIT');
  await server.waitForLine(/Stopping worker \d+ immediately/);
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});
