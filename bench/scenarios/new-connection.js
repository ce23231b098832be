// A new connection for each request: what the accept path itself costs.

import { PEERS } from '../contenders/index.js';
import { BOTH_APPS, throughput } from '../lib/throughput.js';

export default {
  ...throughput({ close: true }),
  name: 'new-connection',
  title: 'A new connection per request, 64 clients',
  contenders: [...PEERS, 'single', 'prefork-koa', 'single-koa', 'pm2'],
  cases: BOTH_APPS,
  targets: [
    { measure: 'rps', over: 'shared', atLeast: 0.98 },
    { measure: 'rps', over: 'cluster', atLeast: { 20: 1.5, 24: 1.9 } },
    { measure: 'rps', over: 'watt', atLeast: 1 },
    { measure: 'cpu', over: 'shared', atMost: 1.03 },
    { measure: 'p99', over: 'shared', atMost: 1.1 },
    { measure: 'p99', over: ['cluster', 'watt'], atMost: 1 },
  ],
};
