// Manager. Hot upgrade: the next manager is started from the same command line with the bound sockets and the locked PID
// file in its hands. When its workers are healthy the old manager drains; if it does not come up, nothing has changed.

import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { ESTATE_FD, INHERITED_FD, locationKey, READY_FD, readEstate, succession, writeFacts } from '../handover.js';
import type { Log } from '../log.js';
import type { ActivatedSocket } from './activation.js';
import type { BoundSocket } from './listeners.js';
import type { PidFile } from './pid-file.js';
import { signalProcess, spawnManager } from './spawn.js';

export interface UpgradeOptions {
  run: number;
  gracefulTimeout: number;
  upgradeTimeout: number;
  log: Log;
  /** The next manager serves. */
  succeeded(pid: number): void;
  /** The next manager has gone; what it left under its pid can be removed. */
  failed(pid: number): void;
}

/** What a next manager that is told to stop at once is given. Milliseconds. */
const CANCEL_PATIENCE = 500;

/** An upgrade under way. */
export interface Upgrade {
  /** Ends the next manager as this one ends; `failed` follows when it has gone. */
  cancel(graceful: boolean): void;
}

/** Starts the next manager. */
export function startUpgrade(
  sockets: readonly BoundSocket[],
  pidFile: PidFile | undefined,
  options: UpgradeOptions,
): Upgrade | undefined {
  const { log, run, gracefulTimeout, upgradeTimeout } = options;
  const started = bequeath(sockets, pidFile, (descriptors) =>
    spawnManager({ manager: process.pid, run }, descriptors, (error) => {
      log.error(`Upgrade failed, can't start the next manager: ${error.message}`);
      options.failed(0);
    }),
  );
  if (!started) return undefined;
  const { pid, child, pipe } = started;
  log.info(`Upgrading, the next manager is ${pid}`);
  let verdict: 'pending' | 'ready' | 'late' | 'cancelled' = 'pending';
  /** It ends its workers and its files by itself; what hangs is killed. */
  const end = (signal: NodeJS.Signals, patience: number) => {
    clearTimeout(timer);
    signalProcess(pid, signal);
    timer = setTimeout(() => signalProcess(pid, 'SIGKILL'), patience);
  };
  let timer = setTimeout(() => {
    verdict = 'late';
    log.error(`The next manager ${pid} is not ready (${upgradeTimeout / 1000} s), stopping it`);
    end('SIGQUIT', gracefulTimeout);
  }, upgradeTimeout);
  pipe.once('data', () => {
    if (verdict !== 'pending') return;
    verdict = 'ready';
    clearTimeout(timer);
    log.info(`Upgrade finished, manager ${pid} takes over`);
    child.unref();
    options.succeeded(pid);
    // which tells the next manager that it stands in our place
    pipe.destroy();
  });
  pipe.on('error', () => {}); // the exit follows
  child.once('exit', () => {
    clearTimeout(timer);
    if (verdict === 'ready') return;
    if (verdict !== 'cancelled') log.error('Upgrade failed, this manager carries on');
    options.failed(pid);
  });
  return {
    cancel(graceful) {
      if (verdict === 'ready') return;
      verdict = 'cancelled';
      if (graceful) end('SIGQUIT', gracefulTimeout);
      else end('SIGTERM', CANCEL_PATIENCE);
    },
  };
}

/** Starts with the descriptors of all that the next manager takes over, the page that says what they are before them. */
function bequeath<T>(
  sockets: readonly BoundSocket[],
  pidFile: PidFile | undefined,
  start: (descriptors: number[]) => T,
): T {
  const own = sockets.filter(({ activated }) => !activated);
  const given = sockets.filter(({ activated }) => activated);
  const page = writeFacts({
    sockets: own.flatMap(({ fds, location }) => fds.map(() => locationKey(location.asked))),
    activated: sockets.flatMap(({ activated: socket }) =>
      socket ? [{ number: socket.number, name: socket.name }] : [],
    ),
    ...(pidFile ? { pidFile: pidFile.path } : {}),
  });
  try {
    return start([page, ...[...own, ...given].flatMap(({ fds }) => fds), ...(pidFile ? [pidFile.fd] : [])]);
  } finally {
    closeSync(page);
  }
}

/** What this manager takes over from an old one. */
export interface Inheritance {
  readonly sockets: ReadonlyMap<string, readonly number[]>;
  readonly activated: readonly ActivatedSocket[];
  readonly pidFile?: { path: string; fd: number };
  /** Tells the old manager that it may go; `tookOver` follows when it knows. */
  ready(tookOver: () => void): void;
  /** Closes what we were given; the listening sockets in use are duplicates. Those of systemd stay. */
  close(): void;
}

/** Set in the manager that an upgrade has started, for the server that was upgraded. */
export function takeInheritance(run: number): Inheritance | undefined {
  if (succession?.run !== run) return undefined;
  const estate = readEstate();
  const sockets = new Map<string, number[]>();
  for (const [i, key] of estate.sockets.entries()) sockets.set(key, [...(sockets.get(key) ?? []), INHERITED_FD + i]);
  const next = INHERITED_FD + estate.sockets.length;
  const activated = estate.activated.map((socket, i) => ({ ...socket, fd: next + i }));
  const pidFile = estate.pidFile === undefined ? undefined : { path: estate.pidFile, fd: next + activated.length };
  return {
    sockets,
    activated,
    ...(pidFile ? { pidFile } : {}),
    ready(tookOver) {
      const pipe = new Socket({ fd: READY_FD });
      pipe.on('error', () => {}); // the close follows
      pipe.once('close', tookOver);
      pipe.resume();
      pipe.end('1');
    },
    close() {
      closeSync(ESTATE_FD);
      for (const fd of [...sockets.values()].flat()) closeSync(fd);
    },
  };
}
