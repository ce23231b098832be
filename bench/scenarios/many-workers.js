// The same 1000 sequential connections to 4 and to 64 workers: what the size of the pool costs each of them.

import { askInTurn } from '../lib/client.js';
import { percentile } from '../lib/stats.js';

/** Requests per worker before: else 64 cold workers are compared with 4 warm ones. */
const WARM_UP = 50;

export default {
  name: 'many-workers',
  title: '64 workers, 1000 sequential connections',
  opens: true,
  contenders: ['prefork', 'shared', 'cluster', 'pm2'],
  cases: [{}],
  measures: {
    growth: { title: 'p99 with 64 workers / p99 with 4', digits: 2 },
    few: { title: 'connect to answer with 4 workers, p99, ms', digits: 2 },
    many: { title: 'connect to answer with 64 workers, p99, ms', digits: 2 },
  },
  targets: [{ measure: 'growth', atMost: 2 }],

  async run({ open }) {
    const few = await handOver(open, 4);
    const many = await handOver(open, 64);
    return { few, many, growth: many / few };
  },
};

async function handOver(open, workers) {
  const server = await open({ workers });
  await askInTurn(server, '/', WARM_UP * workers);
  const answers = await askInTurn(server, '/', 1000);
  await server.stop();
  return percentile(
    answers.map(({ milliseconds }) => milliseconds),
    99,
  );
}
