// Worker. A worker's life in order: load -> serve -> beat -> drain -> exit. It owns its slot of the scoreboard, its descriptor
// of the lock file, and what serves in service.ts; it never starts or signals a process, but for the wake.

import { closeSync } from 'node:fs';
import type { Server as HttpServer } from 'node:http';
import { type Identity, listenDescriptors, readFacts, SCOREBOARD_FD } from '../handover.js';
import { trace } from '../log.js';
import type { Listener, Settings } from '../options.js';
import { Scoreboard } from '../scoreboard.js';
import { openAcceptLock } from './accept-lock.js';
import { createHeartbeat } from './heartbeat.js';
import { Service } from './service.js';

/** What the application is told, and asked. */
export interface WorkerEvents {
  /** Before it serves, once for each server. */
  server(server: HttpServer): void;
  /** After the last connection has ended; the worker exits when the promise has settled. */
  drained(): Promise<unknown>;
}

export interface WorkerHandle {
  /** Stops accepting, finishes what is open, exits 0. */
  drain(): void;
}

/** Serves until the process exits. */
export function serve(identity: Identity, listener: Listener, settings: Settings, events: WorkerEvents): WorkerHandle {
  const { locations, lockFile } = readFacts();
  const { slot, patience } = identity;
  const board = Scoreboard.map(SCOREBOARD_FD);
  const sockets = listenDescriptors(locations);
  const close = () => {
    for (const fd of sockets.flat()) closeSync(fd);
  };
  let isLeaving = false;
  const post = { slot, board, lock: openAcceptLock(lockFile), locations, sockets, close };
  const service = new Service(post, listener, settings, {
    server: events.server,
    leaving(reason) {
      isLeaving = true;
      trace.worker('worker %d drains: %s', process.pid, reason);
      heartbeat.announceDrain();
    },
    empty: () => void events.drained().finally(() => process.exit(0)),
  });
  const heartbeat = createHeartbeat(settings, patience, () => service.leave('manager has gone', true));

  process.on('SIGQUIT', () => service.leave('SIGQUIT', board.isStopping));
  process.on('SIGURG', () => service.woken());
  // whoever sees the pid on the scoreboard may signal us from here on
  board.enter(slot, process.pid);

  // nothing happens before this tick has ended: handlers may be attached right after listen()
  setImmediate(() => {
    if (isLeaving) return;
    service.start();
    heartbeat.start();
    trace.worker('worker %d serves', process.pid);
  });
  return { drain: () => service.leave('stop()', board.isStopping) };
}
