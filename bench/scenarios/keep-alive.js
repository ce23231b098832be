// Requests on connections that stay open: what the accept path costs those who do not need it.

import { PEERS } from '../contenders/index.js';
import { load, WARM_UP } from '../lib/load.js';
import { cpuTime } from '../lib/proc.js';

export default {
  name: 'keep-alive',
  title: 'Keep-alive, 64 clients',
  contenders: [...PEERS, 'shared-even', 'single', 'pm2'],
  cases: [{ workers: 2 }, { workers: 4 }],
  measures: {
    rps: { title: 'requests/s', digits: 0 },
    cpu: { title: 'us of CPU per request', digits: 0 },
    p99: { title: 'p99, ms', digits: 1 },
  },
  targets: [
    { measure: 'rps', over: 'shared', atLeast: 0.98 },
    { measure: 'p99', over: PEERS, atMost: 1 },
  ],

  warm: ({ url }) => load(url, { seconds: WARM_UP }),

  async run({ server, seconds }) {
    const before = cpuTime(server.pids);
    const { rps, p99, requests } = await load(server.url, { seconds });
    return { rps, p99, cpu: ((cpuTime(server.pids) - before) / requests) * 1000 };
  },
};
