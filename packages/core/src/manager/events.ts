// Manager. What the manager tells the server's object, and what systemd is told of the pool. Types only.

import type { PreforkError } from '../errors.js';
import type { HangReport } from './hang-report.js';
import type { WorkerState } from './policy.js';

/** What the manager tells, in the seed's words. */
export interface ManagerEvents {
  wait(): void;
  spawn(pid: number): void;
  heartbeat(pid: number): void;
  healthy(pid: number): void;
  reap(pid: number): void;
  /** A worker hangs: where, with `hangReport`. */
  hang?(pid: number, report: HangReport): void;
  finish(graceful: boolean): void;
  reload(error?: PreforkError): void;
  /** The next manager of an upgrade serves, `finish` follows. */
  upgraded?(heir: number): void;
  /** In that next manager: the old one knows. */
  tookOver?(): void;
  /** Once: the first worker is healthy. */
  listening(): void;
  /** Once: everything has ended and been cleaned up. */
  finished(error?: Error): void;
}

/** The pool as systemd is told of it. */
export interface Summary {
  workers: number;
  reloading: boolean;
  reloadError: string | undefined;
  pool: { state: WorkerState; heartbeatAge: number }[];
}
