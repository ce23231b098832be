// Public names, nothing else.

export type { PreforkConfig } from './cli/config.js';
export type { CloseCallback } from './close-callbacks.js';
export { ERROR_CODES, PreforkError, type PreforkErrorCode } from './errors.js';
export type { BoundLocation } from './handover.js';
export type { Location, ServerLocation } from './location.js';
export type { ListenCallback, ListenOptions } from './locations.js';
export type { Log } from './log.js';
export type { HangReport, HungRequest } from './manager/hang-report.js';
export { type MetricsRegistry, registerMetrics } from './metrics.js';
export type { Listener, PreforkOptions, ServerListener } from './options.js';
export type { Durations, Status, Totals, WorkerStatus } from './pool-status.js';
export {
  Prefork,
  type PreforkEventMap,
  type Prototypes,
  type PrototypesOf,
  prefork,
  usePrototypes,
} from './prefork.js';
export { readyHandler, type StatusSource, statusHandler } from './status-handler.js';
export { type WorkerEventMap, worker } from './worker-events.js';
