// What a worker takes that has booted and answered some requests.

import { setTimeout as sleep } from 'node:timers/promises';
import { askInTurn } from '../lib/client.js';
import { memory } from '../lib/proc.js';
import { median } from '../lib/stats.js';

export default {
  name: 'memory',
  title: 'Memory per worker',
  contenders: ['prefork', 'shared', 'cluster', 'pm2'],
  cases: [{ workers: 4 }],
  measures: {
    pss: { title: 'MB, its part of what is shared included (PSS)', digits: 1 },
    uss: { title: 'MB of its own (USS)', digits: 1 },
  },
  targets: [{ measure: 'pss', over: 'cluster', atMost: 4, unit: 'MB' }],

  async run({ server }) {
    await askInTurn(server, '/', 100);
    await sleep(500);
    const each = server.workers.map(memory);
    return { pss: median(each.map(({ pss }) => pss)), uss: median(each.map(({ uss }) => uss)) };
  },
};
