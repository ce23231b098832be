// A relay on loopback between a client and a server, so that a connection can end in a way that the client's library does not
// know: a FIN under TLS, a reset in the middle of a frame.

import { once } from 'node:events';
import net from 'node:net';
import { cleanAfter } from './cleanup.js';

/**
 * @param {import('node:test').TestContext} t
 * @param {{ host: string, port: number }} target
 * @returns {Promise<{ port: number, finish: () => void, reset: () => void, hold: () => void }>} `finish` and `reset` end what goes to
 * the server; after `hold` the client's end does not: its bytes still do.
 */
export async function relay(t, target) {
  /** @type {net.Socket[]} */
  const clients = [];
  /** @type {net.Socket[]} */
  const upstreams = [];
  let isHeld = false;
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    const upstream = net.connect(target);
    clients.push(client);
    upstreams.push(upstream);
    for (const socket of [client, upstream]) socket.on('error', () => {});
    client.on('data', (bytes) => upstream.writable && upstream.write(bytes));
    upstream.on('data', (bytes) => client.writable && client.write(bytes));
    for (const event of ['end', 'close']) client.on(event, () => isHeld || upstream.end());
    upstream.on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanAfter(t, () => {
    for (const socket of [...clients, ...upstreams]) socket.destroy();
    server.close();
  });
  return {
    port: server.address().port,
    finish() {
      for (const upstream of upstreams) upstream.end();
    },
    hold() {
      isHeld = true;
    },
    reset() {
      for (const upstream of upstreams) upstream.resetAndDestroy();
    },
  };
}
