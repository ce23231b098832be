// Server. The limit for a Node program: all workers poll one inherited descriptor, and nothing else is done. With
// BENCH_CLIENTS they do one thing more: each stops polling at its even share of so many connections, and polls again when
// all of these have ended. So it has the spread of a balancer, and no balancer.

import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import net from 'node:net';
import { host, leash, loadApp, port, ready, workers } from './common.js';

const share = Number(process.env.BENCH_CLIENTS) / workers; // NaN: no limit
const FIRST_FD = 3;
/** A descriptor for each time that a worker polls: Node closes it when it stops. */
const copies = Number.isNaN(share) ? 1 : 8;

if (process.env.BENCH_CHILD) {
  const { listener } = await loadApp();
  const server = createServer(listener);
  if (Number.isNaN(share)) server.listen({ fd: FIRST_FD }, () => ready());
  else
    poll(server, FIRST_FD, () => {
      server.emit('listening'); // it keeps track of its connections from here on, as one that listens does
      ready();
    });
} else {
  leash();
  // bound, but not polled by the parent: only this internal function, which node:cluster uses too, does that
  const { fd } = net._createServerHandle(host, port, 4);
  const fork = () => {
    const env = { ...process.env, BENCH_CHILD: '1' };
    spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      env,
      stdio: ['ignore', 'inherit', 'inherit', ...Array(copies).fill(fd)],
    }).once('exit', fork);
  };
  for (let i = 0; i < workers; i++) fork();
}

function poll(server, fd, told) {
  const gate = net.createServer({ allowHalfOpen: true, noDelay: true });
  let open = 0;
  gate.on('connection', (socket) => {
    open += 1;
    if (open >= share) gate.close();
    socket.once('close', () => {
      open -= 1;
      if (open === 0 && !gate.listening && fd < FIRST_FD + copies - 1) poll(server, fd + 1);
    });
    server.emit('connection', socket);
  });
  gate.listen({ fd }, told);
}
