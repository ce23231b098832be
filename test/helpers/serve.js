// What most tests of the worker begin with: a pool that serves, connections to it, and a drain.

import { cleanAfter } from './cleanup.js';
import { open } from './connection.js';
import { startServer } from './server.js';

/** Longer than a test may take: who waits for it has failed. Milliseconds. */
export const NEVER = 300_000;

/** Starts a fixture and waits until all its workers are healthy. */
export async function serve(t, fixture, options = {}, settings = {}) {
  const pool = { workers: 1, gracefulTimeout: NEVER, ...options };
  const server = startServer(t, fixture, { env: { DEBUG: 'prefork:worker' }, ...settings, options: pool });
  const pids = await server.healthy(pool.workers);
  const target = await targetOf(server);
  const connect = async () => {
    const connection = await open(target);
    cleanAfter(t, () => connection.close());
    return connection;
  };
  return { server, pids, target, connect };
}

/** What `open()` and `flood()` connect to, from the server's log. */
async function targetOf(server) {
  const [, protocol, rest] = await server.waitForLine(/Listening at "([a-z+]+):\/\/(.*)"/);
  if (protocol.endsWith('+unix')) return { path: decodeURIComponent(rest) };
  return { port: Number(rest.split(':').at(-1)), ...(protocol === 'https' ? { tls: true } : {}) };
}

/** Sends QUIT, to a worker or to the manager, and returns when this worker has decided to drain. */
export async function quit(server, target, worker = target) {
  process.kill(target, 'SIGQUIT');
  await server.waitForLine(new RegExp(`prefork:worker worker ${worker} drains`));
}

/** Sends the head of a POST and the first half of its body, which pipe.js sends back at once: it is being served. */
export async function beginUpload(connection) {
  connection.send('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nfirst');
  await connection.receives('first');
}

/** The worker that answered. */
export function workerOf({ headers }) {
  return Number(headers['x-worker']);
}
