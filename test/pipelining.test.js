// Pipelined requests, when a worker leaves and at `maxRequests`: what is executed is answered, and only the last answer says
// that the connection ends.

import assert from 'node:assert/strict';
import test from 'node:test';
import { leaving, WAYS } from './helpers/leaving.js';

const COUNT = 3;

/** So many POST requests in one write. */
function send(connection, path) {
  const request = (i) => `POST ${path}?${i} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi`;
  connection.send(Array.from({ length: COUNT }, (_, i) => request(i)).join(''));
}

async function answers(connection) {
  const all = [];
  for (let i = 0; i < COUNT; i++) all.push(await connection.response());
  return all;
}

function check(all, path, isEnded) {
  assert.deepEqual(
    all.map(({ body }) => body.toString()),
    Array.from({ length: COUNT }, (_, i) => `answer to ${path}?${i}`),
  );
  if (!isEnded) return;
  assert.deepEqual(
    all.map(({ headers }) => headers.connection),
    ['keep-alive', 'keep-alive', 'close'],
  );
}

for (const way of WAYS) {
  test(`${way}: pipelined requests that are executed when the worker begins to leave are all answered`, async (t) => {
    const { server, connect, leave } = await leaving(t, way);
    const connection = await connect();
    send(connection, '/held');
    if (way !== 'recycling') await server.waitForLine(/executed \/held\?2/);
    else await server.waitForLine(/drains/);
    if (way === 'recycling') return; // it leaves before they are executed
    await leave();
    check(await answers(connection), '/held', way !== 'plain');
    if (way !== 'plain') assert.equal(await connection.ended, 'end');
  });

  for (const path of ['/now', '/read', '/later']) {
    test(`${way}: pipelined requests that come when the worker leaves already are all answered, ${path}`, async (t) => {
      const { server, connect, leave } = await leaving(t, way);
      const connection = await connect();
      // a kept connection, which plain Node would otherwise close when it is idle
      if (way === 'plain')
        connection.send('POST /later?before HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n');
      else if (way !== 'recycling') await connection.request({ path: '/now' });
      if (way === 'plain') await server.waitForLine(/executed \/later/);
      await leave();
      if (way === 'plain') await connection.response();
      send(connection, path);
      check(await answers(connection), path, way !== 'plain');
      if (way !== 'plain') assert.equal(await connection.ended, 'end');
      // the answer may be here before the line
      await server.waitForLine(new RegExp(`executed ${path}\\?${COUNT - 1}`));
      assert.equal(server.count(new RegExp(`executed ${path}\\?\\d`)), COUNT);
    });
  }
}

for (const path of ['/now', '/read', '/later']) {
  test(`pipelined requests beyond \`maxRequests\` that are executed are answered, ${path}`, async (t) => {
    const { connect } = await leaving(t, 'QUIT', { options: { maxRequests: 2 } });
    const connection = await connect();
    send(connection, path);
    check(await answers(connection), path, true);
    assert.equal(await connection.ended, 'end');
  });
}

test('a request that comes after the answer that says `close` is not executed', async (t) => {
  const { server, connect } = await leaving(t, 'QUIT', { options: { maxRequests: 1 } });
  const connection = await connect();
  const { headers } = await connection.request({ path: '/now?first' });
  connection.send('POST /now?second HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n');
  assert.equal(headers.connection, 'close');
  assert.equal(await connection.ended, 'end');
  await (await connect()).request({ path: '/now?third' });
  assert.equal(server.count(/executed \/now\?second/), 0);
});
