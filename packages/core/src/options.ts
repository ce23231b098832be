// Both processes. What a user may set: names, defaults, and the checks that run before anything is bound.

import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Http2SecureServer, Http2Server, Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { ServerLocation } from './location.js';
import { defaultLog, type Log } from './log.js';
import { memoryOf } from './memory-limit.js';
import { parsePeriod } from './period.js';
import { usableProcessors } from './processors.js';
import { checkOption, type Kind, show, unknownOption } from './validation.js';

/** An application as Node's http server takes it: Express apps and `koa.callback()` are such functions. */
export type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** The application as `createServer` gets it: servers of http, https and http2 take it alike. */
export type ServerListener = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
) => void;

/** Options, all of them optional. Times are milliseconds. Where one comes from Mojo::Server::Prefork it keeps its name. */
export interface PreforkOptions {
  /**
   * Connections that a worker accepts before it is replaced; 0 means no limit. Up to half is subtracted at random, for
   * each worker anew, so that they do not leave together.
   * @default 10000
   */
  accepts?: number;
  /**
   * How often the deputy, the one waiter that stands in for a holder in user code, looks at the accept lock.
   * @default 25
   */
  acceptInterval?: number;
  /**
   * `false` lets every worker poll the listening socket all the time (shared accept): no accept lock, an uneven spread.
   * @default true
   */
  acceptLock?: boolean;
  /**
   * Connections that the kernel queues while no worker takes them, listen(2); the kernel caps it at `somaxconn`.
   * @default 511
   */
  backlog?: number;
  /**
   * Remove the lock file and the PID file when the server has finished.
   * @default true
   */
  cleanup?: boolean;
  /**
   * Makes the server of a listen location in each worker, in place of `http.createServer` and `https.createServer`.
   *
   * @example
   * prefork(listener, {
   *   createServer: (listener, { secure }) =>
   *     secure ? http2.createSecureServer({ ...secure, allowHTTP1: true }, listener) : http.createServer(listener),
   * })
   */
  createServer?: (listener: ServerListener, location: ServerLocation) => HttpServer | Http2Server | Http2SecureServer;
  /**
   * The folder in which the manager, its workers and the next manager of an upgrade start, an absolute path. It is looked up
   * anew for each process, so a symbolic link may lead to another release by then.
   * @default the folder of the start, by its name in `$PWD`
   *
   * @example
   * prefork(listener, { directory: '/srv/app/current' })
   */
  directory?: string;
  /**
   * TERM stops gracefully, as QUIT does; a second one stops immediately. For containers.
   * @default false
   */
  gracefulTerm?: boolean;
  /**
   * How long a worker may drain before it is killed.
   * @default 20000
   */
  gracefulTimeout?: number;
  /** Group of the workers, a name or a number; needs a manager that runs as root. */
  group?: string | number;
  /**
   * Tells where a worker hangs before it is replaced: function, file and line in the log, and the event `hang`. Opens Node's inspector
   * on loopback in that worker.
   * @default false
   */
  hangReport?: boolean;
  /** A file that gets each hang report as a line of JSON. */
  hangReportFile?: string;
  /**
   * How often a worker sends a heartbeat.
   * @default 5000
   */
  heartbeatInterval?: number;
  /**
   * How long a heartbeat may be overdue before the worker is stopped gracefully.
   * @default 20000
   */
  heartbeatTimeout?: number;
  /**
   * How long a connection may be silent before it is closed, also one that never sent a byte.
   * @default Node's own
   */
  inactivityTimeout?: number;
  /**
   * How long an idle connection is kept open after a response, and so, how long it lingers in a drain.
   * @default Node's own
   */
  keepAliveTimeout?: number;
  /**
   * Where `listen()` without arguments and `run()` listen.
   * @default ['http://*:3000']
   */
  listen?: string | string[];
  /**
   * Prefix of a file for the accept lock, the manager's pid is appended. Without it the lock is in memory and needs no file.
   * @default none
   */
  lockFile?: string;
  /**
   * How long a holder that neither accepts nor unlocks can delay a connection.
   * @default 1000
   */
  lockTimeout?: number;
  /** The operator's log: pino, winston, `console`, or anything that has `info`, `warn` and `error`. */
  log?: Log;
  /**
   * Connections that a worker has open at once; more stay in the kernel's queue for the other workers.
   * @default 1000
   */
  maxClients?: number;
  /**
   * Resident memory of a worker above which it is replaced: bytes, a size such as `'512MB'`, or a share such as `'80%'` of what the
   * container may use, divided by `workers`. It must be above it at two heartbeats. The replacement serves before it drains, and
   * nothing is lost. 0 means no limit.
   * @default 0
   */
  maxMemory?: number | string;
  /**
   * After so many milliseconds of service a worker is replaced, the replacement first; up to a tenth is subtracted at random. 0
   * means never.
   * @default 0
   */
  maxAge?: number;
  /**
   * Requests on one connection before it is closed; 0 means no limit.
   * @default 0
   */
  maxRequests?: number;
  /**
   * Connections that a worker takes from the accept queue at once, at the most.
   * @default 50
   */
  multiAccept?: number;
  /**
   * The file that names the manager's pid, locked while the server runs.
   * @default <tmpdir>/prefork.pid
   */
  pidFile?: string;
  /**
   * How long to go on accepting after QUIT (and TERM with `gracefulTerm`), for balancers that learn of it late.
   * @default 0
   */
  shutdownDelay?: number;
  /**
   * Do not log where the server listens.
   * @default false
   */
  silent?: boolean;
  /**
   * Serve from this one process, without workers: for development, and for machines that cannot prefork. What is not Linux
   * always does.
   * @default false
   */
  single?: boolean;
  /**
   * A request that takes longer is logged, once: milliseconds, or a time such as `'5s'`. 0 means never.
   * @default 0
   */
  slowRequest?: number | string;
  /**
   * Workers that may run beyond `workers` while others drain.
   * @default 2
   */
  spare?: number;
  /**
   * How long the next manager of an upgrade (USR2) may take until its workers are healthy.
   * @default 60000
   */
  upgradeTimeout?: number;
  /** User of the workers, a name or a number; needs a manager that runs as root. */
  user?: string | number;
  /**
   * Worker processes.
   * @default WEB_CONCURRENCY, else the processors that this process may use, a CPU quota included
   */
  workers?: number;
}

/** Options after {@link resolveOptions}: all defaults filled in. */
export type Settings = Required<Omit<PreforkOptions, OptionalName | 'listen' | 'maxMemory' | 'slowRequest'>> &
  Pick<PreforkOptions, OptionalName> & {
    listen: string[];
    /** Whether the number of workers was set. */
    areWorkersGiven: boolean;
    /** Bytes of each worker. */
    maxMemory: number;
    /** Milliseconds. */
    slowRequest: number;
  };
type OptionalName =
  | 'createServer'
  | 'directory'
  | 'group'
  | 'hangReportFile'
  | 'inactivityTimeout'
  | 'keepAliveTimeout'
  | 'lockFile'
  | 'pidFile'
  | 'user';

/** What each option has to be: the names there are, in the order of the docs. */
export const KINDS: Record<keyof PreforkOptions, Kind> = {
  accepts: 'count',
  acceptInterval: 'duration',
  acceptLock: 'boolean',
  backlog: 'count',
  cleanup: 'boolean',
  createServer: 'function',
  directory: 'folder',
  gracefulTerm: 'boolean',
  gracefulTimeout: 'duration',
  group: 'identity',
  hangReport: 'boolean',
  hangReportFile: 'path',
  heartbeatInterval: 'duration',
  heartbeatTimeout: 'duration',
  inactivityTimeout: 'duration',
  keepAliveTimeout: 'duration',
  listen: 'urls',
  lockFile: 'path',
  lockTimeout: 'duration',
  log: 'log',
  maxAge: 'delay',
  maxClients: 'positive',
  maxMemory: 'memory',
  maxRequests: 'count',
  multiAccept: 'positive',
  pidFile: 'path',
  shutdownDelay: 'delay',
  silent: 'boolean',
  single: 'boolean',
  slowRequest: 'period',
  spare: 'count',
  upgradeTimeout: 'duration',
  user: 'identity',
  workers: 'count',
};

/** More workers than a machine can want. The scoreboard has room for twice as many, for a reload, and as many spare ones. */
export const MAX_WORKERS = 1024;

/** The defaults that need no machine: what the README's table shows. */
export const DEFAULTS = {
  accepts: 10_000,
  acceptInterval: 25,
  acceptLock: true,
  backlog: 511,
  cleanup: true,
  gracefulTerm: false,
  gracefulTimeout: 20_000,
  hangReport: false,
  heartbeatInterval: 5_000,
  heartbeatTimeout: 20_000,
  listen: ['http://*:3000'],
  lockTimeout: 1_000,
  maxAge: 0,
  maxClients: 1_000,
  maxMemory: 0,
  maxRequests: 0,
  multiAccept: 50,
  shutdownDelay: 0,
  silent: false,
  single: false,
  slowRequest: 0,
  spare: 2,
  upgradeTimeout: 60_000,
} as const satisfies PreforkOptions;

/**
 * Checks every option and fills in the defaults.
 *
 * @throws TypeError for a wrong type or an unknown name, RangeError for a wrong value; both name the option and the value.
 */
export function resolveOptions(options: PreforkOptions = {}): Settings {
  if (options === null || typeof options !== 'object') {
    throw new TypeError(`Expected the options to be an object, got ${show(options)}`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(KINDS, name)) throw new TypeError(unknownOption(name, Object.keys(KINDS)));
    if (value !== undefined) checkValue(name as keyof PreforkOptions, value);
  }
  const given = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as PreforkOptions;
  const workers = given.workers ?? defaultWorkers();
  return {
    ...DEFAULTS,
    log: defaultLog,
    ...given,
    listen: [given.listen ?? DEFAULTS.listen].flat(),
    maxMemory: memoryOf(given.maxMemory ?? 0, workers),
    slowRequest:
      typeof given.slowRequest === 'string' ? (parsePeriod(given.slowRequest) ?? 0) : (given.slowRequest ?? 0),
    workers,
    areWorkersGiven: given.workers !== undefined || (process.env.WEB_CONCURRENCY ?? '') !== '',
  };
}

/** @throws TypeError or RangeError for an invalid value; `name` in the message is what the caller used (`--workers`). */
export function checkValue(option: keyof PreforkOptions, value: unknown, name = `\`${option}\``): void {
  if (option === 'workers' || option === 'spare') checkWorkers(name, value);
  else checkOption(name, KINDS[option], value);
}

/** @throws RangeError for an invalid number of workers. */
export function checkWorkers(name: string, value: unknown): asserts value is number {
  checkOption(name, 'count', value);
  if ((value as number) > MAX_WORKERS)
    throw new RangeError(`Expected ${name} to be at most ${MAX_WORKERS}, got ${show(value)}`);
}

function defaultWorkers(): number {
  const text = process.env.WEB_CONCURRENCY;
  if (text === undefined || text === '') return usableProcessors();
  const value = /^\d+$/.test(text) ? Number(text) : text;
  if (typeof value === 'string') {
    throw new RangeError(
      `Expected the environment variable \`WEB_CONCURRENCY\` to be a non-negative integer, got ${show(value)}`,
    );
  }
  checkWorkers('the environment variable `WEB_CONCURRENCY`', value);
  return value;
}
