// A pool that is reloaded, recycled and resized while fuzz clients talk to it, and what must be true afterwards.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { tlsLocation } from './certificate.js';
import { tempDir } from './files.js';
import { fuzz, random } from './fuzz.js';
import { signal, startServer } from './server.js';
import { eventually } from './wait.js';

// Node 20 turns for ever in the clean-up of a process whose http2 clients were cut in the middle of a frame: end before it
after(() => void process.once('exit', () => process.exit()));

const WORKERS = 2;
const OPTIONS = { workers: WORKERS, accepts: 60, maxRequests: 6, heartbeatInterval: 200, keepAliveTimeout: 2000 };

/** @param {number} duration milliseconds */
export async function fuzzPool(t, seed, duration) {
  const dir = tempDir(t);
  const path = join(dir, 'socket');
  const listen = [
    'http://127.0.0.1:0',
    'http://127.0.0.2:0',
    `http+unix://${encodeURIComponent(path)}`,
    tlsLocation(dir).replace('127.0.0.1', '127.0.0.3'),
  ];
  const server = startServer(t, 'fuzz.js', { dir, options: { ...OPTIONS, gracefulTimeout: 20_000, listen } });
  await server.healthy(WORKERS);
  const portOf = async (host) =>
    Number((await server.waitForLine(new RegExp(`Listening at "https?://${host}:(\\d+)`)))[1]);
  const [tcp, h2c, secure] = [await portOf('127.0.0.1'), await portOf('127.0.0.2'), await portOf('127.0.0.3')];
  const fresh = await timers(tcp);
  const targets = {
    http1: [{ host: '127.0.0.1', port: tcp }, { path }, { host: '127.0.0.3', port: secure, tls: true }],
    http2: [`http://127.0.0.2:${h2c}`, `https://127.0.0.3:${secure}`],
  };
  const stop = new AbortController();
  const running = fuzz({ seed, clients: 12, targets, signal: stop.signal });
  await disturb(server, random(seed), duration);
  stop.abort();
  const requests = await running;
  const executed = check(server, requests);
  t.diagnostic(`${requests.size} requests, ${executed} executed, ${server.count(/^reap/)} workers have left`);

  // nothing is left in those that serve now
  const isEmpty = () => {
    const line = server.stdout.findLast((text) => text.startsWith('status '));
    const pool = JSON.parse(line.slice('status '.length));
    return pool.length === WORKERS && pool.every(({ connections, requests }) => connections === 0 && requests === 0);
  };
  await eventually(isEmpty, () => `something is left: ${server.stdout.findLast((text) => text.startsWith('status'))}`);
  assert.ok((await timers(tcp)) <= fresh, 'timers are left');
  assert.equal(server.count(/immediately|SIGKILL|nobody told it to|Ending/), 0, tail(server));
  process.kill(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.exited, { code: 0, signal: null });
}

/** The same clients at Node's own server, which nobody disturbs: they ask for nothing that it does not give. */
export async function fuzzPlain(t, seed, duration) {
  const server = startServer(t, 'fuzz.js', { args: ['plain'] });
  const targets = { http1: [await server.address()], http2: [] };
  const requests = await fuzz({ seed, clients: 12, targets, signal: AbortSignal.timeout(duration) });
  check(server, requests);
}

/** What was executed is answered, or its client had gone; the first request of a connection is answered in any case. */
function check(server, requests) {
  const executed = new Set(server.stdout.filter((line) => line.startsWith('x ')).map((line) => line.slice(2)));
  const lost = [...requests.values()].filter(
    ({ id, isAnswered, isGone, isOwed }) => !isAnswered && !isGone && (isOwed || executed.has(id)),
  );
  const lines = lost.map(
    ({ id, how, error, at }) =>
      `${id} ${how} at ${at}, ${executed.has(id) ? 'executed' : 'not executed'}: ${error?.message}`,
  );
  assert.deepEqual(lines, [], `${lost.length} of ${requests.size} are lost`);
  assert.ok([...requests.values()].filter(({ isAnswered }) => isAnswered).length > 100);
  return executed.size;
}

/** Reloads, recycles and resizes. */
async function disturb(server, dice, duration) {
  const end = performance.now() + duration;
  while (performance.now() < end) {
    const choice = dice();
    if (choice < 0.3) process.kill(server.pid, 'SIGHUP');
    else if (choice < 0.6) {
      process.kill(server.pid, 'SIGTTIN');
      await sleep(300);
      process.kill(server.pid, 'SIGTTOU');
    } else {
      const pids = server.living();
      if (pids.length > 0) signal(pids[Math.floor(dice() * pids.length)], 'SIGQUIT');
    }
    await sleep(300 + dice() * 700);
  }
}

/** How many timers a worker has. */
async function timers(port) {
  const response = await fetch(`http://127.0.0.1:${port}/resources`, { headers: { connection: 'close' } });
  const resources = await response.json();
  return resources.filter((name) => name === 'Timeout').length;
}

function tail(server) {
  return server.lines
    .filter((line) => !/^(x|heartbeat|status)/.test(line))
    .slice(-40)
    .join('\n');
}
