// kill -9 of a worker while connections come, 100 a second: the time to its replacement, and what is lost. A request that
// was sent before the kill may be the killed worker's own; one that was sent after it is not.

import { setTimeout as sleep } from 'node:timers/promises';
import { PEERS, PRODUCT } from '../contenders/index.js';
import { ask, askSteadily } from '../lib/client.js';
import { median } from '../lib/stats.js';

const KILLS = 3;

export default {
  name: 'kill',
  title: 'kill -9 of a worker',
  opens: true,
  contenders: [...PEERS, 'single', 'pm2'],
  cases: [{ workers: 4 }],
  measures: {
    replaced: { title: 'ms to its replacement serving (one process: started again by hand)', digits: 0 },
    overBoot: { title: 'replacement / boot of one worker more, same load', digits: 2 },
    lost: { title: 'later requests without an answer, of 3 kills', digits: 0 },
    own: { title: 'earlier requests without an answer, of 3 kills', digits: 0 },
  },
  targets: [
    { measure: 'overBoot', atMost: 1.15 },
    { measure: 'lost', atMost: 0, worst: true },
  ],

  async run({ open, contender }) {
    if (contender === 'single') return { replaced: await bootAgain(open) };
    const server = await open();
    const kills = [];
    for (let i = 0; i < KILLS; i++) kills.push(await signalled(server, server.workers[i], 'SIGKILL'));
    const replaced = median(kills.map(({ milliseconds }) => milliseconds));
    return {
      replaced,
      ...(contender.startsWith(PRODUCT) ? { overBoot: replaced / (await boot(server)) } : {}),
      lost: kills.reduce((sum, { lost }) => sum + lost, 0),
      own: kills.reduce((sum, { own }) => sum + own, 0),
    };
  },
};

async function bootAgain(open) {
  const first = await open();
  await first.stop();
  const start = performance.now();
  await open();
  return performance.now() - start;
}

/** One worker more, three times: boots with the same load beside them as the replacements. */
async function boot(server) {
  const boots = [];
  for (let i = 0; i < KILLS; i++) boots.push(await signalled(server, server.pid, 'SIGTTIN'));
  return median(boots.map(({ milliseconds }) => milliseconds));
}

/** Signals while requests are sent. @returns the time until one worker more has said that it serves, and what is lost */
async function signalled(server, pid, signal) {
  let isOver = false;
  let sentSignalAt = Number.POSITIVE_INFINITY;
  const [lost, own] = [[], []];
  const asking = askSteadily(
    10,
    () => isOver,
    () => {
      const at = performance.now();
      return ask(server, '/pid', { limit: 3000 }).catch((error) => (at > sentSignalAt ? lost : own).push(error));
    },
  );
  try {
    await sleep(300);
    const known = server.workers.length;
    sentSignalAt = performance.now();
    process.kill(pid, signal);
    const servesAt = await server.serving(known + 1, 10_000);
    await sleep(500);
    isOver = true;
    await Promise.all(await asking);
    return { milliseconds: servesAt - sentSignalAt, lost: lost.length, own: own.length };
  } finally {
    isOver = true;
  }
}
