// Requests on connections that stay open: what the accept path costs those who do not need it.

import { PEERS } from '../contenders/index.js';
import { throughput } from '../lib/throughput.js';

export default {
  ...throughput({}),
  name: 'keep-alive',
  title: 'Keep-alive, 64 clients',
  contenders: [...PEERS, 'shared-even', 'single', 'pm2'],
  cases: [{ workers: 2 }, { workers: 4 }],
  targets: [
    { measure: 'rps', over: 'shared', atLeast: 0.98 },
    { measure: 'p99', over: PEERS, atMost: 1 },
  ],
};
