// What the parent process does for a connection, less what it does anyway in the same time.

import { setTimeout as sleep } from 'node:timers/promises';
import { load } from '../lib/load.js';
import { cpuTime } from '../lib/proc.js';

export default {
  name: 'manager',
  title: 'CPU of the manager',
  contenders: ['prefork', 'shared', 'cluster', 'cluster-none', 'pm2'],
  cases: [{ workers: 2 }],
  measures: {
    cpu: { title: 'ms per 10 000 connections', digits: 1 },
    idle: { title: 'ms per second, idle', digits: 2 },
  },
  targets: [{ measure: 'cpu', atMost: 1 }],

  async run({ server, seconds }) {
    await load(server.url, { seconds: 1, close: true });
    const idle = (await during(server.pid, () => sleep(seconds * 1000))).perSecond;
    let requests = 0;
    const busy = await during(server.pid, async () => {
      ({ requests } = await load(server.url, { seconds, close: true }));
    });
    const extra = Math.max(0, busy.cpu - idle * busy.seconds);
    return { idle, cpu: (extra / requests) * 10_000 };
  },
};

async function during(pid, work) {
  const [cpu, start] = [cpuTime([pid]), performance.now()];
  await work();
  const [used, seconds] = [cpuTime([pid]) - cpu, (performance.now() - start) / 1000];
  return { cpu: used, seconds, perSecond: used / seconds };
}
