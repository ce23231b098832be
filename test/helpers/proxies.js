// The real nginx and HAProxy with the configuration that docs/deployment.md shows, in front of a server of a test.

import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { listens, ownLoopback } from './client.js';
import { blocks, substitute } from './docs.js';
import { tempDir } from './files.js';
import { start } from './tools.js';
import { eventually } from './wait.js';

const PAGE = 'docs/deployment.md';

/** Starts nginx in front of `{ port }` or `{ path }`; returns where it listens. */
export function startNginx(t, app) {
  const dir = tempDir(t);
  const front = { host: ownLoopback(), port: 8080 };
  let site = blocks(PAGE, 'nginx').join('\n');
  site = substitute(site, 'listen 80;', `listen ${front.host}:${front.port};`);
  if (app.path) site = substitute(site, 'unix:/run/app/app.sock', `unix:${app.path}`);
  else site = useTcp(site, app.port);
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const temp = folders.map((name) => `${name}_temp_path ${dir}/${name};`).join('\n');
  const user = process.getuid() === 0 ? 'user root;' : '';
  const main = `${user} daemon off; worker_processes 1; pid ${dir}/nginx.pid; error_log stderr;
events { worker_connections 512; }
http { access_log off; ${temp}
${site} }`;
  mkdirSync(join(dir, 'logs'));
  return serving(t, front, 'nginx', dir, main, (file) => ['-e', 'stderr', '-p', dir, '-c', file]);
}

/** The server line for TCP, which stands beside the one for a UNIX socket as a comment. */
function useTcp(site, port) {
  const one = substitute(site, '  server unix:/run/app/app.sock;\n', '');
  return substitute(one, '# server 127.0.0.1:8080;', `server 127.0.0.1:${port};`);
}

/** Starts HAProxy in front of `{ port }` or `{ path }`; returns where it listens. */
export function startHaproxy(t, app) {
  const front = { host: ownLoopback(), port: 8080 };
  let [main] = blocks(PAGE, 'haproxy');
  main = substitute(main, 'bind :80', `bind ${front.host}:${front.port}`);
  const [local, tcp] = ['  server local unix@/run/app/app.sock check\n', '  server tcp 127.0.0.1:8080 check\n'];
  main = substitute(main, app.path ? tcp : local, '');
  if (app.path) main = substitute(main, 'unix@/run/app/app.sock', `unix@${app.path}`);
  else main = substitute(main, '127.0.0.1:8080', `127.0.0.1:${app.port}`);
  return serving(t, front, 'haproxy', tempDir(t), main, (file) => ['-db', '-f', file]);
}

/**
 * Starts HAProxy in front of two servers, given as `{ port }` each, as the page shows it for several machines. `order` is
 * what the page pipes to the socket of the administrator.
 */
export async function startBalancer(t, [one, two]) {
  const front = { host: ownLoopback(), port: 8080 };
  const dir = tempDir(t);
  const admin = join(dir, 'admin.sock');
  const [single, several] = blocks(PAGE, 'haproxy');
  const head = single.slice(0, single.indexOf('\nbackend app') + 1);
  let main = substitute(`${head}${several}`, 'bind :80', `bind ${front.host}:${front.port}`);
  main = substitute(main, '192.0.2.11:8080', `127.0.0.1:${one.port}`);
  main = substitute(main, '192.0.2.12:8080', `127.0.0.1:${two.port}`);
  main = `global\n  stats socket ${admin} level admin\n${main}`;
  await serving(t, front, 'haproxy', dir, main, (file) => ['-db', '-f', file]);
  const order = async (text) => {
    const socket = net.connect(admin);
    socket.end(`${text}\n`);
    await once(socket.resume(), 'close');
  };
  return { front, order };
}

/** Starts a proxy with this configuration; resolves with `front` when it listens there. */
export async function serving(t, front, name, dir, text, args) {
  const file = join(dir, `${name}.conf`);
  writeFileSync(file, text);
  const proxy = start(t, name, args(file));
  await eventually(
    () => listens(front),
    () => `${name} does not listen\n${proxy.output}`,
    20_000,
  );
  return front;
}
