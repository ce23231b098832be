// Manager. The events of the manager, and the facts of the pool that systemd gets. Types only.

import type { PreforkError } from '../errors.js';
import type { HangReport } from './hang-report.js';
import type { WorkerState } from './policy.js';

/** The events of the manager, with the names of the seed. */
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
  upgraded?(pid: number): void;
  /** In the next manager: the old one knows that this one serves. */
  tookOver?(): void;
  /** Once: the first worker is healthy. */
  listening(): void;
  /** Once: everything has ended and been cleaned up. */
  finished(error?: Error): void;
}

/** The facts of the pool that systemd gets. */
export interface Summary {
  workers: number;
  reloading: boolean;
  reloadError: string | undefined;
  pool: { state: WorkerState; heartbeatAge: number }[];
}
