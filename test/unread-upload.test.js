// An answer that comes before the upload was read, on a connection that ends after it: the client gets the answer, not a
// reset. It may send on for a while.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import test from 'node:test';
import { cleanAfter } from './helpers/cleanup.js';
import { leaving, WAYS } from './helpers/leaving.js';
import { within } from './helpers/wait.js';

const SIZE = 4_000_000;
const CLIENTS = 20;
/** Longer than the rest of an upload is read away, by what a loaded machine takes. Milliseconds. */
const CUT = 6000;
/** So long that what ends before did not end by it. */
const LONG = { keepAliveTimeout: 60_000, gracefulTimeout: 120_000 };

const head = (path, size = SIZE) => `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${size}\r\n\r\n`;

async function upload(connection, path) {
  connection.send(Buffer.concat([Buffer.from(head(path)), Buffer.alloc(SIZE)]));
  const { status, headers } = await connection.response();
  assert.equal(headers.connection, 'close');
  assert.equal(await connection.ended, 'end');
  return status;
}

for (const kind of ['http', 'https']) {
  for (const way of WAYS.filter((each) => each !== 'plain')) {
    test(`${kind}, ${way}: a refusal reaches a client that uploads`, async (t) => {
      const options = way === 'recycling' ? { accepts: CLIENTS * 2, ...LONG } : LONG;
      const { server, connect, leave } = await leaving(t, way, { kind, options });
      const connections = [];
      for (let i = 0; i < CLIENTS; i++) connections.push(await connect());
      if (way === 'recycling') {
        // each worker takes between half of `accepts` and all
        while (server.count(/drains/) === 0) await (await connect()).request({ path: '/now' });
      } else {
        for (const connection of connections) await connection.request({ path: '/now' });
        await leave();
      }
      const statuses = await Promise.all(connections.map((connection) => upload(connection, '/refuse')));
      assert.deepEqual(statuses, Array(CLIENTS).fill(401));
    });
  }

  test(`${kind}: the last answer that \`maxRequests\` allows reaches a client that uploads`, async (t) => {
    const { connect } = await leaving(t, 'QUIT', { kind, options: { maxRequests: 1, ...LONG } });
    const statuses = Array.from({ length: CLIENTS }, async () => upload(await connect(), '/refuse'));
    assert.deepEqual(await Promise.all(statuses), Array(CLIENTS).fill(401));
  });
}

/** A client that goes on when the server has ended its side. */
async function stubborn(t, { port }, text) {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  cleanAfter(t, () => socket.destroy());
  socket.on('error', () => {});
  socket.write(text);
  await once(socket.resume(), 'end');
  return socket;
}

test('a client that uploads on and on after its answer is cut', async (t) => {
  const { target } = await leaving(t, 'QUIT', { options: { maxRequests: 1, ...LONG } });
  const socket = await stubborn(t, target, head('/refuse', 1e12));
  const timer = setInterval(() => socket.write(Buffer.alloc(1000)), 20);
  cleanAfter(t, () => clearInterval(timer));
  const cut = new Promise((resolve) => socket.once('close', resolve));
  await within(cut, 'it may send for ever', CUT);
});

test('an upload that the application reads on after its answer is read to the end', async (t) => {
  const { server, target } = await leaving(t, 'QUIT', { options: { maxRequests: 1, ...LONG } });
  const socket = await stubborn(t, target, head('/accept', 30_000));
  for (let i = 0; i < 30; i++) {
    socket.write(Buffer.alloc(1000));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await server.waitForLine(/^read 30000$/);
});
