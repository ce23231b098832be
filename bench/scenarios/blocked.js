// One worker computes for 1.5 s, in a request or in a timer, while new connections come: how long the slowest waits. Each
// of the workers is blocked in turn.

import { setTimeout as sleep } from 'node:timers/promises';
import { PEERS } from '../contenders/index.js';
import { ask, askSteadily } from '../lib/client.js';

const PATHS = { request: '/block', timer: '/block-later' };

export default {
  name: 'blocked',
  title: 'One worker blocked for 1.5 s',
  contenders: [...PEERS, 'pm2'],
  cases: [
    { workers: 4, from: 'request' },
    { workers: 4, from: 'timer' },
  ],
  measures: { slowest: { title: 'slowest new connection, ms', digits: 0 } },
  targets: [
    { measure: 'slowest', atMost: 60, only: { from: 'request' } },
    { measure: 'slowest', atMost: 1100, only: { from: 'timer' } },
  ],

  async run({ server, workers, from }) {
    let slowest = 0;
    for (const pid of server.workers.slice(0, workers)) {
      const connection = await connectionTo(server, pid);
      if (!connection) continue;
      slowest = Math.max(slowest, await blockedMeanwhile(server, connection, PATHS[from]));
    }
    return { slowest };
  },
};

/** A connection to the worker with this pid; the workers that are not asked for get others, which are held meanwhile. */
async function connectionTo(server, pid) {
  const held = [];
  try {
    for (let tries = 0; tries < 100; tries++) {
      const { socket, body } = await ask(server, '/pid', { keep: true });
      if (Number(body) === pid) return socket;
      held.push(socket);
    }
  } finally {
    for (const socket of held) socket.destroy();
  }
}

async function blockedMeanwhile(server, connection, path) {
  connection.removeAllListeners('close');
  connection.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`);
  await sleep(30);
  const end = performance.now() + 1200;
  const asked = await askSteadily(
    10,
    () => performance.now() > end,
    () => ask(server, '/pid'),
  );
  const answers = await Promise.all(asked);
  await sleep(400);
  connection.destroy();
  return Math.max(...answers.map(({ milliseconds }) => milliseconds));
}
