// A client on loopback: requests, each on a connection of its own, and bare connections.

import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { cleanAfter } from './cleanup.js';
import { DEADLINE, eventually } from './wait.js';

/** @typedef {number | string | { host: string, port: number }} Target a port of 127.0.0.1, a UNIX socket, an address */

/**
 * A GET request on a connection of its own.
 *
 * @param {Target} target
 * @returns {Promise<{ status: number, headers: http.IncomingHttpHeaders, body: string }>}
 */
export async function get(target, path = '/') {
  const { path: socketPath, ...where } = locate(target);
  const request = http.get({ ...where, socketPath, path, agent: false, timeout: DEADLINE });
  request.once('timeout', () => request.destroy(new Error(`no answer to GET ${path}`)));
  const [response] = await once(request, 'response');
  let body = '';
  response.setEncoding('utf8');
  for await (const text of response) body += text;
  return { status: response.statusCode, headers: response.headers, body };
}

/**
 * A connection that a test writes to as it likes; it is destroyed after the test.
 *
 * @param {import('node:test').TestContext} t
 * @param {Target} target
 */
export async function connect(t, target) {
  const socket = net.connect(locate(target));
  cleanAfter(t, () => socket.destroy());
  const connection = {
    socket,
    /** All that was received so far. */
    received: '',
    isClosed: false,
    /** Sends a request line and the least of headers. */
    request: (path = '/', method = 'GET') => socket.write(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`),
    /** @param {RegExp} pattern what to wait for in {@link received} */
    receives: (pattern) =>
      eventually(
        () => pattern.exec(connection.received),
        () => `never received ${pattern}, but: ${connection.received}`,
      ),
    closes: () =>
      eventually(
        () => connection.isClosed,
        () => `never closed, received: ${connection.received}`,
      ),
  };
  socket.setEncoding('latin1');
  socket.on('data', (text) => {
    connection.received += text;
  });
  await once(socket, 'connect');
  socket.on('error', () => {}); // 'close' follows
  socket.once('close', () => {
    connection.isClosed = true;
  });
  return connection;
}

/** An address of loopback for one test alone: a port of it stays free when its server has ended. */
export function ownLoopback() {
  const byte = () => 1 + Math.floor(Math.random() * 254);
  return `127.${byte()}.${byte()}.${byte()}`;
}

/** Whether anybody listens there. */
export async function listens(target) {
  const socket = net.connect(locate(target));
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function locate(target) {
  if (typeof target === 'string') return { path: target };
  return typeof target === 'number' ? { host: '127.0.0.1', port: target } : target;
}
