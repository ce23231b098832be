// One request in a hundred takes 50 ms of CPU: how many others wait behind it.

import { join } from 'node:path';
import { PEERS } from '../contenders/index.js';
import { load, WARM_UP } from '../lib/load.js';

const script = join(import.meta.dirname, 'mixed.lua');
const paths = [...Array(99).fill('/'), '/slow'];

export default {
  name: 'mixed',
  title: 'A new connection per request, 64 clients, 1 % take 50 ms of CPU',
  contenders: [...PEERS, 'single', 'pm2'],
  cases: [
    { app: 'http', workers: 4 },
    { app: 'express', workers: 4 },
  ],
  measures: {
    rps: { title: 'requests/s', digits: 0 },
    p50: { title: 'p50, ms', digits: 1 },
    p99: { title: 'p99, ms', digits: 1 },
  },
  targets: [{ measure: 'p99', over: 'shared', atMost: 0.9 }],

  warm: ({ url }) => load(url, { seconds: WARM_UP, close: true }),

  async run({ server, seconds }) {
    const { rps, p50, p99 } = await load(server.url, { seconds, close: true, script, paths });
    return { rps, p50, p99 };
  },
};
