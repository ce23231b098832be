// Requests on connections that stay open: what the accept path costs those who do not need it.

import { PEERS } from '../contenders/index.js';
import { BOTH_APPS, throughput } from '../lib/throughput.js';

export default {
  ...throughput({}),
  name: 'keep-alive',
  title: 'Keep-alive, 64 clients',
  contenders: [...PEERS, 'shared-even', 'single', 'pm2'],
  cases: BOTH_APPS,
  targets: [
    { measure: 'rps', over: PEERS, atLeast: 0.99 },
    { measure: 'p99', over: PEERS, atMost: 1 },
  ],
};
