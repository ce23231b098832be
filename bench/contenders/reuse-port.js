// Server. A socket for each worker on the same port, Node >= 22.12; the kernel hashes connections onto them.

import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { host, leash, loadApp, port, ready, workers } from './common.js';

if (process.env.BENCH_CHILD) {
  const { listener } = await loadApp();
  createServer(listener).listen({ port, host, reusePort: true }, () => ready());
} else {
  leash();
  const fork = () => {
    const env = { ...process.env, BENCH_CHILD: '1' };
    spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
    }).once('exit', fork);
  };
  for (let i = 0; i < workers; i++) fork();
}
