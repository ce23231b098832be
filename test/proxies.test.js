// nginx and HAProxy in front, over TCP and over a UNIX socket, configured as docs/deployment.md shows: nobody behind them
// notices a reload or a hot upgrade.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { cleanAfter } from './helpers/cleanup.js';
import { listens } from './helpers/client.js';
import { fetchOnce } from './helpers/connection.js';
import { blocks } from './helpers/docs.js';
import { tempDir } from './helpers/files.js';
import { assertNothingLost, flood } from './helpers/flood.js';
import { startBalancer, startHaproxy, startNginx } from './helpers/proxies.js';
import { serve } from './helpers/serve.js';
import { startServer } from './helpers/server.js';
import { upgrade } from './helpers/upgrade.js';
import { eventually } from './helpers/wait.js';

const PROXIES = { nginx: startNginx, HAProxy: startHaproxy };
const LOCATIONS = {
  TCP: () => 'http://127.0.0.1:0',
  'a UNIX socket': (t) => `http+unix://${encodeURIComponent(join(tempDir(t), 'app.sock'))}`,
};
const KEEP_ALIVE = 75_000; // as the page tells

for (const [name, startProxy] of Object.entries(PROXIES)) {
  for (const [what, location] of Object.entries(LOCATIONS)) {
    describe(`${name} in front over ${what}`, () => {
      test('has an answer to every POST during a reload and a hot upgrade', async (t) => {
        const options = { workers: 2, listen: location(t), keepAliveTimeout: KEEP_ALIVE };
        const { server, target, pids } = await serve(t, 'collect.js', options);
        const front = await startProxy(t, target);
        let isOver = false;
        const load = { requests: 200, clients: 4, pause: 2, until: () => isOver };
        const floods = [flood(front, load), flood(front, { ...load, keepAlive: false })];
        process.kill(server.pid, 'SIGHUP');
        await server.waitForLine(/^reload done/);
        await upgrade(server);
        isOver = true;
        const tallies = await Promise.all(floods);
        for (const tally of tallies) assertNothingLost(tally);
        const workers = new Set(tallies.flatMap((tally) => [...tally.workers.keys()]));
        assert.ok(
          [...workers].some((pid) => !pids.includes(pid)),
          `${[...workers]} answered`,
        );
      });

      test('tells the app the address of the client, not what the client claims', async (t) => {
        const { server, target } = await startDocumented(t, location(t));
        const front = await startProxy(t, target(server));
        const headers = { 'X-Forwarded-For': '192.0.2.1', 'X-Forwarded-Proto': 'https' };
        const { status, body } = await fetchOnce(front, { headers });
        assert.equal(status, 200);
        assert.equal(`${body}`, 'http for 127.0.0.1\n');
        assert.equal((await fetchOnce(front, { path: '/healthz' })).status, 200);
      });

      test('lets WebSockets through, and the close of a worker that leaves', async (t) => {
        const { server, target } = await serve(t, 'websocket.js', { workers: 2, listen: location(t) });
        const front = await startProxy(t, target);
        const socket = new WebSocket(`ws://${front.host}:${front.port}`);
        cleanAfter(t, () => socket.terminate());
        const closed = once(socket, 'close');
        await once(socket, 'open');
        socket.send('hello');
        assert.match(`${(await once(socket, 'message'))[0]}`, /^\d+ hello$/);
        process.kill(server.pid, 'SIGHUP');
        assert.equal((await closed)[0], 1012);
      });
    });
  }
}

test('HAProxy before two machines has an answer to every POST while one after the other is taken out and restarted', async (t) => {
  const start = (listen) => serve(t, 'collect.js', { listen, keepAliveTimeout: KEEP_ALIVE });
  const machines = [await start('http://127.0.0.1:0'), await start('http://127.0.0.1:0')];
  const { front, order } = await startBalancer(
    t,
    machines.map(({ target }) => target),
  );
  let isOver = false;
  const seen = new Set();
  const until = ({ workers }) => {
    for (const pid of workers.keys()) seen.add(pid);
    return isOver;
  };
  const load = { requests: 0, clients: 4, pause: 2, until };
  const floods = [flood(front, load), flood(front, { ...load, keepAlive: false })];
  for (const [i, { server, target }] of machines.entries()) {
    const name = `app/${['one', 'two'][i]}`;
    await order(`set server ${name} state drain`);
    process.kill(server.pid, 'SIGQUIT');
    await eventually(async () => !(await listens(target.port)));
    const { pids } = await start(`http://127.0.0.1:${target.port}`);
    await order(`set server ${name} state ready`);
    await eventually(
      () => seen.has(pids[0]),
      () => `${pids} gets no requests`,
    );
  }
  isOver = true;
  for (const tally of await Promise.all(floods)) assertNothingLost(tally);
});

/** The app of the page, on its own files. */
async function startDocumented(t, LISTEN) {
  const dir = tempDir(t);
  symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), join(dir, 'node_modules'));
  const script = join(dir, 'server.mjs');
  writeFileSync(script, blocks('docs/deployment.md', 'js')[0]);
  const server = startServer(t, script, { env: { LISTEN, WEB_CONCURRENCY: '1', PID_FILE: join(dir, 'app.pid') } });
  const [, url] = await server.waitForLine(/Listening at "(.*)"/);
  const path = /^http\+unix:\/\/(.*)$/.exec(url)?.[1];
  return { server, target: () => (path ? { path: decodeURIComponent(path) } : { port: Number(new URL(url).port) }) };
}
