// Server. node:cluster as its documentation shows it; BENCH_POLICY=none lets the workers accept for themselves.

import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { host, leash, loadApp, port, ready, workers } from './common.js';

if (cluster.isPrimary) {
  leash();
  cluster.schedulingPolicy = process.env.BENCH_POLICY === 'none' ? cluster.SCHED_NONE : cluster.SCHED_RR;
  for (let i = 0; i < workers; i++) cluster.fork();
  cluster.on('exit', () => cluster.fork());
} else {
  const { listener } = await loadApp();
  createServer(listener).listen(port, host, () => ready());
}
