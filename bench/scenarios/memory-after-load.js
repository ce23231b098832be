// What a worker takes after some seconds of load: the code that V8 has compiled, and the heap that it has grown.

import { setTimeout as sleep } from 'node:timers/promises';
import { load } from '../lib/load.js';
import { memory } from '../lib/proc.js';
import { median } from '../lib/stats.js';

/** Seconds of load; the median of several rounds is what counts. */
const LOAD = 3;

export default {
  name: 'memory-after-load',
  title: 'Memory per worker after load, keep-alive, 64 clients',
  contenders: ['prefork', 'shared', 'cluster', 'pm2', 'watt'],
  cases: ['http', 'express'].map((app) => ({ app, workers: 4 })),
  measures: {
    pss: { title: 'MB, its part of what is shared included (PSS)', digits: 1 },
    uss: { title: 'MB of its own (USS)', digits: 1 },
  },
  targets: [{ measure: 'pss', over: 'shared', atMost: 3, unit: 'MB' }],

  async run({ server }) {
    await load(server.url, { seconds: LOAD });
    await sleep(500);
    // workers that are threads are one process
    const each = [...new Set(server.workers)].map(memory);
    const shareOf = (name) => (median(each.map((one) => one[name])) * each.length) / server.workers.length;
    return { pss: shareOf('pss'), uss: shareOf('uss') };
  },
};
