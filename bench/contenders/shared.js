// Server. The limit for a Node program: all workers poll one inherited descriptor, and nothing else is done.

import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import net from 'node:net';
import { host, leash, loadApp, port, ready, workers } from './common.js';

if (process.env.BENCH_CHILD) {
  const { listener } = await loadApp();
  createServer(listener).listen({ fd: 3 }, () => ready());
} else {
  leash();
  // bound, but not polled by the parent: only this internal function, which node:cluster uses too, does that
  const { fd } = net._createServerHandle(host, port, 4);
  const fork = () => {
    const env = { ...process.env, BENCH_CHILD: '1' };
    spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      env,
      stdio: ['ignore', 'inherit', 'inherit', fd],
    }).once('exit', fork);
  };
  for (let i = 0; i < workers; i++) fork();
}
