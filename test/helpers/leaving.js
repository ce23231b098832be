// A worker that leaves, in every way in which it can: leaving.js of the fixtures.

import { once } from 'node:events';
import http2 from 'node:http2';
import { join } from 'node:path';
import { tlsLocation } from './certificate.js';
import { cleanAfter } from './cleanup.js';
import { open } from './connection.js';
import { tempDir } from './files.js';
import { NEVER } from './serve.js';
import { startServer } from './server.js';

/** How a worker can be made to leave; `plain` is Node's own server, which is closed. */
export const WAYS = ['QUIT', 'HUP', 'recycling', 'stop()', 'single', 'plain'];

/**
 * Starts one worker of a kind of server.
 *
 * @param {import('node:test').TestContext} t
 * @param {string} way one of {@link WAYS}
 * @param {{ kind?: 'http' | 'https' | 'http2' | 'h2c', options?: object, unix?: boolean }} [settings]
 * @returns `leave` resolves when the worker has decided to. One that is recycled leaves with its first connection.
 */
export async function leaving(t, way, { kind = 'http', options = {}, unix = false } = {}) {
  const dir = tempDir(t);
  const isSecure = kind === 'https' || kind === 'http2';
  const plainLocation = unix ? `http+unix://${encodeURIComponent(join(dir, 'socket'))}` : 'http://127.0.0.1:0';
  const all = {
    workers: 1,
    gracefulTimeout: NEVER,
    listen: isSecure ? tlsLocation(dir) : plainLocation,
    single: way === 'single',
    ...(way === 'recycling' ? { accepts: 1, spare: 50 } : {}),
    ...options,
  };
  const files = isSecure ? [join(dir, 'cert.pem'), join(dir, 'key.pem')] : [];
  const args = [kind, way === 'plain' ? 'plain' : JSON.stringify(all), ...files];
  const server = startServer(t, 'leaving.js', { args, dir, env: { DEBUG: 'prefork:worker' } });
  const [pid] = await server.healthy(1);
  const target = unix ? { path: join(dir, 'socket') } : { ...(await server.address()), tls: isSecure };
  const connect = async () => {
    const connection = await open(target);
    cleanAfter(t, () => connection.close());
    return connection;
  };
  const leave = async () => {
    if (way === 'HUP') process.kill(server.pid, 'SIGHUP');
    else if (way === 'stop()' && kind === 'h2c') await requestOverHttp2(target, '/stop');
    else if (way === 'stop()') await (await connect()).request({ path: '/stop', headers: { connection: 'close' } });
    else if (way !== 'recycling') process.kill(server.pid, 'SIGQUIT');
    await server.waitForLine(/worker \d+ drains/);
  };
  return { server, pid, target, connect, leave };
}

async function requestOverHttp2({ port }, path) {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  await once(session.request({ ':path': path }).resume(), 'end');
  session.destroy();
}
