// Both processes, and the fork in the road: the same script runs in the manager and in every worker; `listen` supervises
// in the one and serves in the other. A worker never loads the manager's code.

import { EventEmitter } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { callApplication, tellApplication } from './application.js';
import { commandCall, takeCall } from './calls.js';
import { type CloseCallback, CloseCallbacks } from './close-callbacks.js';
import { PreforkError } from './errors.js';
import { identity, WORKER_ID } from './handover.js';
import type { Location } from './location.js';
import { type ListenCallback, type ListenOptions, parseListen } from './locations.js';
import { guardLog } from './log.js';
import { ensureEarlyPidFile } from './manager/early-pid-file.js';
import type { ManagerEvents } from './manager/events.js';
import type { HangReport } from './manager/hang-report.js';
import type { Manager } from './manager/manager.js';
import { origin } from './manager/origin.js';
import { checkPid, defaultPidFile } from './manager/pid-file.js';
import { handleSignals, type ManagerSignal } from './manager/signals.js';
import { checkWorkers, type Listener, type PreforkOptions, resolveOptions, type Settings } from './options.js';
import type { Status } from './pool-status.js';
import { Hooks } from './worker/hooks.js';
import { serve, startWith, type WorkerEvents, type WorkerHandle } from './worker/worker.js';
import { worker as ownWorker } from './worker-events.js';

export { type Prototypes, type PrototypesOf, usePrototypes } from './worker/prototypes.js';

/** Events in the order of a server's life. */
export interface PreforkEventMap {
  /** Manager: it waits for heartbeats, exits and signals. */
  wait: [];
  /** Manager: a worker was started. */
  spawn: [pid: number];
  /** Manager: a worker's first heartbeat. */
  healthy: [pid: number];
  /** Manager: a heartbeat. */
  heartbeat: [pid: number];
  /** Manager, once: the first worker is healthy. */
  listening: [];
  /** Manager: a worker hangs, with `hangReport`: where. */
  hang: [pid: number, report: HangReport];
  /** Manager: a worker has died. */
  reap: [pid: number];
  /** Manager: a reload is over, with the reason if it failed. */
  reload: [error?: PreforkError];
  /**
   * Manager, once: the server begins to stop. Worker, once: this worker begins to drain, `graceful` is true, and nothing was
   * waited for. The place to end event streams and long polls.
   */
  finish: [graceful: boolean];
  /** Manager: what went wrong, where no callback took it. */
  error: [error: Error];
  /** Worker: a server before it serves, the place to attach WebSockets. */
  server: [server: HttpServer];
  /** Worker: the last connection has ended; a returned promise is awaited before the exit, within `gracefulTimeout`. */
  drain: [];
}

// before the application changes the folder
if (!identity) origin();

// loaded while the application loads what it needs: `listen` finds it ready
const managerHalf = identity ? undefined : import('./manager/manager.js');

const CALLBACK = 'The callback of `listen`';

/** What supervises: the manager, or the one process of `single`. */
type Supervisor = Pick<
  Manager,
  'addresses' | 'ensurePidFile' | 'reload' | 'signal' | 'start' | 'status' | 'summary' | 'workers'
>;

/**
 * A preforking server: an event emitter that is the manager in one process and a worker in the others.
 *
 * @example
 * const server = prefork((request, response) => response.end('Hello'), { workers: 4 });
 * server.on('reap', (pid) => console.log(`Worker ${pid} stopped`));
 * server.listen(8080);
 */
export class Prefork extends EventEmitter<PreforkEventMap> {
  /** Whether this process supervises. */
  readonly isManager: boolean = identity === undefined;
  /** Whether this process serves. */
  readonly isWorker: boolean;
  /**
   * This worker's number in the pool, 0 to `workers` - 1, as in the environment variable `PREFORK_WORKER_ID`. Of the workers
   * that serve each has another, and a replacement has that of the worker that left. Two have the same while one replaces the
   * other: from the start of the new one until the old one has left. With `single` it is 0; `undefined` in the manager.
   *
   * @example
   * if (server.workerId === 0) {
   *   const timer = setInterval(sendReports, 60_000);
   *   server.once('finish', () => clearInterval(timer));
   * }
   */
  readonly workerId: number | undefined;
  readonly #listener: Listener;
  readonly #settings: Settings;
  readonly #hooks: Hooks;
  /** Whether this process does all of it, also because it could not start others. */
  readonly #isSingle: boolean;
  #manager: Supervisor | undefined;
  #worker: WorkerHandle | undefined;
  #isRunning = false;
  #finished: Promise<Error | undefined> | undefined;
  /** What came while the manager's code was loaded. */
  readonly #early: ManagerSignal[] = [];
  readonly #closeCallbacks = new CloseCallbacks();

  /** @throws TypeError or RangeError that names the option and its value. */
  constructor(listener: Listener, options?: PreforkOptions) {
    super();
    if (typeof listener !== 'function') {
      throw new TypeError(`Expected the listener to be a function, got \`${String(listener)}\``);
    }
    this.#listener = listener;
    const settings = resolveOptions(options);
    this.#settings = { ...settings, log: guardLog(settings.log) };
    this.#hooks = new Hooks(ownWorker ? [this, ownWorker] : [this], this.#settings.log);
    this.#isSingle = identity === undefined && (this.#settings.single || process.platform !== 'linux');
    this.isWorker = identity !== undefined || this.#isSingle;
    this.workerId = this.#isSingle ? 0 : identity?.id;
    if (this.#isSingle) process.env[WORKER_ID] = '0';
  }

  /**
   * Worker processes; set it to resize the pool, as TTIN and TTOU do.
   *
   * @throws TypeError or RangeError for a number that is no count.
   */
  get workers(): number {
    return this.#manager?.workers ?? this.#settings.workers;
  }

  set workers(count: number) {
    checkWorkers('`workers`', count);
    this.#settings.workers = count;
    if (this.#manager) this.#manager.workers = count;
  }

  /** The path of the lock file, if the option names one; with the manager's pid once the server runs. */
  get lockFile(): string | undefined {
    const { lockFile } = this.#settings;
    return lockFile !== undefined && this.#isRunning ? `${lockFile}.${process.pid}` : lockFile;
  }

  /** The PID file's path. */
  get pidFile(): string {
    return this.#settings.pidFile ?? defaultPidFile();
  }

  /**
   * Listens, and when the server has finished, exits: 0 after a requested stop, 1 after a failure. In a worker, serves.
   * Takes what `http.Server#listen` takes, or listen locations; without any, the option `listen`.
   *
   * @param callback once, in the manager: when the first worker is healthy. One that takes an argument is called with the error, too,
   * in place of the event `error`.
   * @throws TypeError or RangeError that names the argument and its value.
   *
   * @example
   * server.listen(8080, () => console.log('ready'));
   * server.listen(['http://*:8080', 'http+unix://%2Ftmp%2Fapp.sock']);
   */
  listen(port?: number | string, host?: string, backlog?: number, callback?: ListenCallback): this;
  listen(port: number | string, host: string, callback?: ListenCallback): this;
  listen(port: number | string, backlog: number, callback?: ListenCallback): this;
  listen(target: number | string | string[] | ListenOptions, callback?: ListenCallback): this;
  listen(callback: ListenCallback): this;
  listen(...args: unknown[]): this {
    const finished = this.#start(args);
    void finished?.then(async (error) => {
      process.exitCode = error ? 1 : 0;
      await this.#closeCallbacks.over();
      process.exit();
    });
    return this;
  }

  /**
   * The seed's form: listens where the option `listen` says, resolves when the server has finished, and leaves the process
   * as it was. In a worker of this call it never resolves; a worker of a later call passes through.
   *
   * @throws what the server failed with.
   */
  async run(): Promise<void> {
    const error = await this.#start([]);
    if (error) throw error;
  }

  /** Stops the server, gracefully unless told otherwise; in a worker, this worker. Resolves when it has finished. */
  async stop({ graceful = true }: { graceful?: boolean } = {}): Promise<void> {
    // in the tick of `listen` a worker does not serve yet
    if (identity && this.#finished && !this.#worker) await new Promise(setImmediate);
    if (this.#worker && graceful) this.#worker.drain();
    else if (this.#worker) this.#worker.exit();
    if (this.#isRunning) this.#signal(graceful ? 'SIGQUIT' : 'SIGINT');
    await this.#finished;
  }

  /**
   * As `http.Server#close`: stops the server gracefully; in a worker, this worker. The process lives until the callback
   * has returned, and until the promise that it may return has settled.
   *
   * @param callback when it has finished, with an error when the server does not run.
   *
   * @example
   * process.on('SIGTERM', () => server.close(() => console.log('closed')));
   */
  close(callback?: CloseCallback): this {
    this.#closeCallbacks.add(this.#finished && this.stop(), callback);
    return this;
  }

  /** As `stop()`: `await using server = prefork(listener).listen(8080)`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Replaces all workers by new ones that run the code as it is now; see the event `reload`. */
  reload(): void {
    this.#manager?.reload();
  }

  /**
   * Replaces the manager as well by one that runs the code and the Node of now, as the signal USR2 does: a hot upgrade. It takes over
   * when its workers are healthy; if it does not come up, this server goes on. Nothing happens in a worker.
   */
  upgrade(): void {
    this.#manager?.signal('SIGUSR2');
  }

  /** The pool, the same in the manager and in each worker: no process is asked. `undefined` before the server runs. */
  status(): Status | undefined {
    return this.#manager?.status() ?? this.#worker?.status();
  }

  /** Where the server listens, the first of several; `null` before it does. As `http.Server#address`. */
  address(): AddressInfo | string | null {
    return (this.#manager ?? this.#worker)?.addresses[0] ?? null;
  }

  /** The pid of the server that holds the PID file. A stale PID file is deleted; a file that holds anything else is not. */
  checkPid(): number | undefined {
    return checkPid(this.pidFile);
  }

  /**
   * Makes the PID file unless this process holds it already; it is removed with the process. `listen` takes it over.
   * Nothing happens in a worker.
   *
   * @throws PreforkError `ERR_PREFORK_RUNNING`, `ERR_PREFORK_PID_FILE`.
   */
  ensurePidFile(): void {
    if (this.#manager) return this.#manager.ensurePidFile();
    // a worker runs the same script, and its manager holds the file
    if (this.isManager) ensureEarlyPidFile(this.#settings);
  }

  /** @returns when it has finished, and with what error; in a worker, never. */
  #start(args: unknown[]): Promise<Error | undefined> | undefined {
    const command = commandCall();
    const { locations: said, callback, signal } = parseListen(args, this.#settings);
    const locations = command === 'asked' ? [] : said;
    const run = takeCall();
    if (identity) {
      if (identity.run !== run) return undefined;
      const worker = identity;
      this.#finished = new Promise((resolve) => {
        setImmediate(() => {
          this.#worker = serve(worker, this.#settings, this.#lastEvents(resolve), startWith(this.#listener));
        });
      });
      return new Promise(() => {});
    }
    if (process.platform === 'win32') console.log('Preforking not available for Windows.');
    if (this.#isRunning) throw new PreforkError('ERR_PREFORK_RUNNING', 'This server listens already');
    this.#isRunning = true;
    const stop = () => void this.stop();
    if (signal?.aborted) setImmediate(stop);
    else signal?.addEventListener('abort', stop, { once: true });
    this.#finished = new Promise((resolve) => {
      const removeHandlers = handleSignals((signal) => this.#signal(signal), this.#settings.log);
      const events = this.#managerEvents(callback, (error) => {
        removeHandlers();
        signal?.removeEventListener('abort', stop);
        resolve(error);
      });
      // nothing happens before this tick has ended: handlers may be attached right after
      setImmediate(() => void this.#supervise(run, locations, events, command !== undefined));
    });
    return this.#finished;
  }

  async #supervise(run: number, locations: Location[], events: ManagerEvents, isOnDemand: boolean): Promise<void> {
    const { notifying } = process.env.NOTIFY_SOCKET ? await import('./manager/notify.js') : {};
    const told = notifying?.(events, run, this.#settings, () => this.#manager?.summary());
    this.#manager = await this.#createSupervisor(run, told ?? events, isOnDemand);
    for (const signal of this.#early.splice(0)) this.#manager.signal(signal);
    await this.#manager.start(locations);
  }

  async #createSupervisor(run: number, events: ManagerEvents, isOnDemand: boolean): Promise<Supervisor> {
    if (this.#isSingle) {
      const { Single } = await import('./single/single.js');
      return new Single(this.#listener, this.#settings, { ...this.#workerEvents(), ...events });
    }
    const { Manager } = await (managerHalf ?? import('./manager/manager.js'));
    return new Manager(this.#settings, run, events, isOnDemand);
  }

  /** Emits an event; a listener that fails ends nothing. */
  #tell<K extends keyof PreforkEventMap>(event: K, ...args: PreforkEventMap[K]): void {
    void tellApplication(this.#settings.log, this, event, ...args);
  }

  #workerEvents(): WorkerEvents {
    return {
      server: (server) => this.#tell('server', server),
      finish: (graceful) => this.#hooks.finish(graceful),
      drained: (patience) => this.#hooks.drained(patience),
    };
  }

  /** In a worker: `stop()` resolves, and what comes after it is done, before the process exits. */
  #lastEvents(finished: (error: undefined) => void): WorkerEvents {
    const events = this.#workerEvents();
    const drained = async (patience: number) => {
      await events.drained(patience);
      finished(undefined);
      await this.#closeCallbacks.over();
    };
    return { ...events, drained };
  }

  #signal(signal: ManagerSignal): void {
    if (this.#manager) this.#manager.signal(signal);
    else this.#early.push(signal);
  }

  #managerEvents(callback: ListenCallback | undefined, resolve: (error?: Error) => void) {
    let isListening = false;
    return {
      wait: () => this.#tell('wait'),
      spawn: (pid: number) => this.#tell('spawn', pid),
      heartbeat: (pid: number) => this.#tell('heartbeat', pid),
      healthy: (pid: number) => this.#tell('healthy', pid),
      reap: (pid: number) => this.#tell('reap', pid),
      hang: (pid: number, report: HangReport) => this.#tell('hang', pid, report),
      reload: (error?: PreforkError) => (error ? this.#tell('reload', error) : this.#tell('reload')),
      finish: (graceful: boolean) => this.#tell('finish', graceful),
      listening: () => {
        if (isListening) return;
        isListening = true;
        this.#tell('listening');
        if (callback) void callApplication(this.#settings.log, CALLBACK, callback);
      },
      finished: (error?: Error) => {
        // one without an argument is called on success only, as Node calls it
        if (error && callback && callback.length > 0 && !isListening)
          void callApplication(this.#settings.log, CALLBACK, () => callback(error));
        else if (error) this.#tell('error', error);
        this.#isRunning = false;
        this.#finished = undefined;
        this.#manager = undefined;
        resolve(error);
      },
    };
  }
}

/**
 * Makes a preforking server for a request listener.
 *
 * @throws TypeError or RangeError that names the option and its value.
 *
 * @example
 * prefork((request, response) => response.end('Hello')).listen(8080);
 */
export function prefork(listener: Listener, options?: PreforkOptions): Prefork {
  return new Prefork(listener, options);
}
