// A new connection for each request: what the accept path itself costs.

import { PEERS } from '../contenders/index.js';
import { load, WARM_UP } from '../lib/load.js';
import { cpuTime } from '../lib/proc.js';

export default {
  name: 'new-connection',
  title: 'A new connection per request, 64 clients',
  contenders: [...PEERS, 'single', 'prefork-http', 'prefork-koa', 'single-http', 'single-koa', 'pm2'],
  cases: [{ workers: 2 }, { workers: 4 }],
  measures: {
    rps: { title: 'requests/s', digits: 0 },
    cpu: { title: 'us of CPU per request', digits: 0 },
    p99: { title: 'p99, ms', digits: 1 },
  },
  targets: [
    { measure: 'rps', over: 'shared', atLeast: 0.98 },
    { measure: 'rps', over: 'cluster', atLeast: { 20: 1.5, 24: 1.9 } },
  ],

  warm: ({ url }) => load(url, { seconds: WARM_UP, close: true }),

  async run({ server, seconds }) {
    const before = cpuTime(server.pids);
    const { rps, p99, requests } = await load(server.url, { seconds, close: true });
    return { rps, p99, cpu: ((cpuTime(server.pids) - before) / requests) * 1000 };
  },
};
