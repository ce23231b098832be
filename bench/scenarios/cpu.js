// Every request takes 5 ms of CPU, more than the machine has: how fairly the queue is served.

import { PEERS } from '../contenders/index.js';
import { load } from '../lib/load.js';

export default {
  name: 'cpu',
  title: '5 ms of CPU per request, 64 clients',
  contenders: [...PEERS, 'single', 'pm2'],
  cases: [
    { workers: 4, connection: 'new' },
    { workers: 4, connection: 'kept' },
  ],
  measures: {
    p99: { title: 'p99, ms', digits: 0 },
    p50: { title: 'p50, ms', digits: 0 },
    rps: { title: 'requests/s', digits: 0 },
  },
  targets: [
    { measure: 'p99', over: 'shared', atMost: 0.65, only: { connection: 'kept' } },
    { measure: 'p99', over: 'cluster', atMost: 0.35, only: { connection: 'kept' } },
  ],

  async run({ server, seconds, connection }) {
    const close = connection === 'new';
    await load(server.url, { seconds: 1, close });
    const { rps, p50, p99 } = await load(`${server.url}/cpu`, { seconds: 2 * seconds, close });
    return { rps, p50, p99 };
  },
};
