// Benchmark. What the scenarios that count requests have in common: workers that are warm, and CPU beside the latency.

import { load, WARM_UP } from './load.js';
import { cpuTime } from './proc.js';

/** What accepts and keeps connections shows itself with plain http; with a framework most of a request is the framework. */
export const BOTH_APPS = ['http', 'express'].flatMap((app) => [2, 4].map((workers) => ({ app, workers })));

/** @param options - of the load, see {@link load} */
export const throughput = (options) => ({
  measures: {
    rps: { title: 'requests/s', digits: 0 },
    cpu: { title: 'us of CPU per request', digits: 0 },
    p50: { title: 'p50, ms', digits: 1 },
    p99: { title: 'p99, ms', digits: 1 },
  },

  warm: ({ url }) => load(url, { ...options, seconds: WARM_UP }),

  async run({ server, seconds }) {
    const before = cpuTime(server.pids);
    const { rps, p50, p99, requests } = await load(server.url, { ...options, seconds });
    return { rps, p50, p99, cpu: ((cpuTime(server.pids) - before) / requests) * 1000 };
  },
});
