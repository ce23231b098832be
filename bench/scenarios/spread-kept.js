// 100 connections arrive, send one request and stay: how evenly they lie on the workers from then on.

import { setTimeout as sleep } from 'node:timers/promises';
import { PEERS } from '../contenders/index.js';
import { ask, askInTurn } from '../lib/client.js';
import { spread } from '../lib/stats.js';

export default {
  name: 'spread-kept',
  title: '100 kept connections',
  contenders: [...PEERS, 'pm2'],
  cases: [
    { workers: 4, gap: 0, pool: 'just booted' },
    { workers: 4, gap: 0 },
    { workers: 4, gap: 2 },
    { workers: 4, gap: 20 },
  ],
  measures: { spread: { title: 'most less fewest connections', digits: 0 } },
  targets: [{ measure: 'spread', atMost: 1 }],

  async run({ server, workers, gap, pool }) {
    // a worker's first request takes as long as fifty later ones
    if (!pool) await askInTurn(server, '/pid', 10 * workers);
    const asked = [];
    for (let i = 0; i < 100; i++) {
      if (gap > 0) await sleep(gap);
      asked.push(ask(server, '/pid', { keep: true }));
    }
    const answers = await Promise.all(asked);
    for (const { socket } of answers) socket.destroy();
    return {
      spread: spread(
        answers.map(({ body }) => body),
        workers,
      ),
    };
  },
};
