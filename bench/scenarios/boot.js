// From the decision to have a process to its first answer: `node app.js`, and a worker. With V8's compile cache too,
// which the first of them has filled.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '../lib/client.js';
import { isAlive } from '../lib/proc.js';
import { median } from '../lib/stats.js';

const BOOTS = 7; // in a turn: one alone moves by a tenth

export default {
  name: 'boot',
  title: 'Boot to first answer',
  opens: true,
  contenders: ['prefork', 'prefork-cached', 'single', 'single-cached'],
  cases: [{}],
  measures: { boot: { title: 'ms', digits: 0 } },
  targets: [
    { measure: 'boot', over: 'single', atMost: 1.15 },
    { measure: 'boot', of: 'prefork-cached', over: 'single', atMost: 0.7 },
  ],

  async run({ open, contender }) {
    const cached = contender.endsWith('-cached');
    const folder = cached ? await mkdtemp(join(tmpdir(), 'prefork-bench-')) : undefined;
    const env = cached ? { NODE_COMPILE_CACHE: folder } : {};
    try {
      return { boot: await (contender.startsWith('single') ? bootAlone : bootWorker)(open, env) };
    } finally {
      if (folder) await rm(folder, { recursive: true, force: true });
    }
  },
};

/** The first start fills the page cache, and the compile cache when it ends of itself. */
async function bootAlone(open, env) {
  const times = [];
  for (let i = 0; i <= BOOTS; i++) {
    const start = performance.now();
    const server = await open({ env });
    await ask(server, '/');
    times.push(performance.now() - start);
    process.kill(server.pid, 'SIGTERM');
    await server.exited;
  }
  return median(times.slice(1));
}

/** A pool that is resized from none to one: the request waits in the kernel's queue meanwhile. */
async function bootWorker(open, env) {
  const server = await open({ workers: 1, env });
  await ask(server, '/');
  const times = [];
  for (let i = 0; i < BOOTS; i++) {
    process.kill(server.pid, 'SIGTTOU');
    while (isAlive(server.workers.at(-1))) await sleep(10);
    await sleep(50);
    const start = performance.now();
    const answer = ask(server, '/');
    process.kill(server.pid, 'SIGTTIN');
    await answer;
    times.push(performance.now() - start);
    await server.serving(i + 2);
  }
  return median(times);
}
