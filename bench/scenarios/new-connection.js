// A new connection for each request: what the accept path itself costs.

import { PEERS } from '../contenders/index.js';
import { throughput } from '../lib/throughput.js';

export default {
  ...throughput({ close: true }),
  name: 'new-connection',
  title: 'A new connection per request, 64 clients',
  contenders: [...PEERS, 'single', 'prefork-http', 'prefork-koa', 'single-http', 'single-koa', 'pm2'],
  cases: [{ workers: 2 }, { workers: 4 }],
  targets: [
    { measure: 'rps', over: 'shared', atLeast: 0.98 },
    { measure: 'rps', over: 'cluster', atLeast: { 20: 1.5, 24: 1.9 } },
  ],
};
