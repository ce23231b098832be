// 200 connections one after the other: what a hand-over to the next worker costs while nothing else happens.

import { PEERS } from '../contenders/index.js';
import { askInTurn } from '../lib/client.js';
import { median, spread } from '../lib/stats.js';

export default {
  name: 'spread-sequential',
  title: '200 sequential connections',
  contenders: [...PEERS, 'pm2'],
  cases: [{ workers: 4 }],
  measures: {
    spread: { title: 'most less fewest connections', digits: 0 },
    p50: { title: 'connect to answer, p50, ms', digits: 2 },
  },
  targets: [
    { measure: 'spread', atMost: 8 },
    { measure: 'p50', over: 'shared', atMost: 1.2 },
  ],

  async run({ server, workers }) {
    const answers = await askInTurn(server, '/pid', 200);
    return {
      spread: spread(
        answers.map(({ body }) => body),
        workers,
      ),
      p50: median(answers.map(({ milliseconds }) => milliseconds)),
    };
  },
};
