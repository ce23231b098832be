// Manager. Owns the pool. Inputs (signals, beats, exits, the timer) record and ask for a pass; the pass is the only place
// that acts; events tell. It never sees a connection, a request or the application.

import { closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, PreforkError } from '../errors.js';
import { DRAINING_BEAT, writeFacts } from '../handover.js';
import type { Location } from '../locations.js';
import { trace } from '../log.js';
import type { Settings } from '../options.js';
import { anonymousFile, waitingConnections } from '../posix.js';
import { type Counters, SCOREBOARD_BYTES, Scoreboard, SLOTS, State } from '../scoreboard.js';
import { Backoff } from './backoff.js';
import { type BoundSocket, bindAll } from './listeners.js';
import { createLockFile, type LockFile } from './lock-file.js';
import { createPidFile, type PidFile } from './pid-file.js';
import * as policy from './policy.js';
import { Reload } from './reload.js';
import { handleSignals } from './signals.js';
import { resolveIdentity, signalProcess, spawnWorker, type WorkerProcess } from './spawn.js';

/** What the manager tells, in the seed's words. */
export interface ManagerEvents {
  wait(): void;
  spawn(pid: number): void;
  heartbeat(pid: number): void;
  healthy(pid: number): void;
  reap(pid: number): void;
  finish(graceful: boolean): void;
  reload(error?: PreforkError): void;
  /** Once: the first worker is healthy. */
  listening(): void;
  /** Once: everything has ended and been cleaned up. */
  finished(error?: Error): void;
}

/** A worker in {@link Status}. */
export interface WorkerStatus extends Counters {
  pid: number;
  state: policy.WorkerState;
  /** Milliseconds since it was started. */
  age: number;
  /** Milliseconds since its last heartbeat. */
  heartbeatAge: number;
}

/** What `status()` returns. */
export interface Status {
  pid: number;
  workers: number;
  reloading: boolean;
  /** Why the last reload failed, if it did. */
  reloadError?: string;
  listen: string[];
  pool: WorkerStatus[];
}

/** How long the manager sleeps at the most, so that a deleted PID file is back soon. Milliseconds. */
const TICK = 1_000;

type Worker = policy.WorkerRecord & { readonly process: WorkerProcess };

export class Manager {
  readonly #settings: Settings;
  readonly #run: number;
  readonly #events: ManagerEvents;
  readonly #pool = new Map<number, Worker>();
  readonly #target: policy.Target;
  readonly #backoff = new Backoff();
  readonly #reload: Reload;
  #sockets: BoundSocket[] = [];
  #board: Scoreboard | undefined;
  /** Descriptors of what the workers inherit beside the sockets: the scoreboard and the facts. */
  #memory: number[] = [];
  #owner: { uid?: number; gid?: number } = {};
  #lockFile: LockFile | undefined;
  #pidFile: PidFile | undefined;
  #removeHandlers: () => void = () => {};
  #failure: Error | undefined;
  #isFinished = false;
  #pass: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wakeAt = 0;
  #judgeFrom = 0;

  constructor(settings: Settings, run: number, events: ManagerEvents) {
    this.#settings = settings;
    this.#run = run;
    this.#events = events;
    this.#target = { goal: 'run', workers: settings.workers, generation: 0, proven: false };
    this.#reload = new Reload(this.#target, events, settings.log);
  }

  /** Where the server listens, once it does. */
  get addresses(): BoundSocket['location']['address'][] {
    return this.#sockets.map(({ location }) => location.address);
  }

  get workers(): number {
    return this.#target.workers;
  }

  set workers(count: number) {
    this.#target.workers = count;
    this.#manage();
  }

  /** Binds, makes the files, and starts the pool; what fails is undone and goes to `finished`. */
  async start(locations: Location[]): Promise<void> {
    const { log, silent } = this.#settings;
    this.#removeHandlers = this.#handleSignals();
    process.on('exit', this.#cleanUp);
    try {
      this.#owner = this.#resolveOwner();
      this.#sockets = await bindAll(locations);
      if (this.#target.goal === 'run') this.#createFiles();
    } catch (error) {
      log.error(messageOf(error));
      this.#failure = error as Error;
      this.#target.goal = 'stop immediately';
      return this.#finished();
    }
    if (!silent) for (const { location } of this.#sockets) log.info(`Listening at "${location.url}"`);
    log.info(`Manager ${process.pid} started`);
    this.#manage();
    if (this.#target.workers === 0) this.#events.listening();
  }

  /** As the signals QUIT (`graceful`) and TERM; a stop that runs can be hurried but not slowed down. */
  stop(graceful: boolean): void {
    const first = this.#target.goal === 'run';
    if (this.#isFinished || (!first && graceful)) return;
    this.#target.goal = graceful ? 'stop gracefully' : 'stop immediately';
    this.#board?.announceStop();
    if (first) this.#events.finish(graceful);
    this.#manage();
  }

  /** As the signal HUP: new workers take over from the old ones, if they come up. */
  reload(): void {
    if (this.#target.goal !== 'run' || !this.#target.proven) return;
    this.#reload.request(this.#isReloading());
    this.#manage();
  }

  ensurePidFile(): void {
    this.#pidFile?.ensure();
  }

  status(): Status {
    const now = performance.now();
    const { reloadError } = this.#reload;
    return {
      pid: process.pid,
      workers: this.#target.workers,
      reloading: this.#isReloading(),
      ...(reloadError === undefined ? {} : { reloadError }),
      listen: this.#sockets.map(({ location }) => location.url),
      pool: [...this.#pool.values()].map(({ pid, slot, state, spawnedAt, heartbeatAt }) => ({
        pid,
        state,
        age: Math.round(now - spawnedAt),
        heartbeatAge: Math.round(now - heartbeatAt),
        ...(this.#board?.counters(slot) ?? { connections: 0, requests: 0, accepts: 0, served: 0 }),
      })),
    };
  }

  #isReloading(): boolean {
    return policy.isReloading([...this.#pool.values()], this.#target);
  }

  #handleSignals(): () => void {
    const resize = (by: number) => {
      this.workers = Math.max(0, Math.min(this.workers + by, SLOTS / 2));
      this.#settings.log.info(`Resizing the pool to ${this.workers} workers`);
    };
    return handleSignals({
      SIGINT: () => this.stop(false),
      SIGTERM: () => this.stop(this.#settings.gracefulTerm && this.#target.goal === 'run'),
      SIGQUIT: () => this.stop(true),
      SIGTTIN: () => resize(1),
      SIGTTOU: () => resize(-1),
      SIGHUP: () => this.reload(),
    });
  }

  #resolveOwner(): { uid?: number; gid?: number } {
    const { user, group } = this.#settings;
    if (user === undefined && group === undefined) return {};
    if (process.getuid?.() !== 0) throw new Error('Only root can start workers with another `user` or `group`');
    try {
      return resolveIdentity(user, group);
    } catch (error) {
      throw new Error(`No such user or group: ${user ?? ''} ${group ?? ''}`.trimEnd(), { cause: error });
    }
  }

  #createFiles(): void {
    const { log, lockFile, pidFile } = this.#settings;
    try {
      const path = pidFile ?? defaultPidFile();
      this.#pidFile = createPidFile(path, () => log.info(`Creating process id file "${path}"`));
    } catch (error) {
      // whoever names a PID file relies on it
      if (pidFile !== undefined) throw error;
      log.warn(`${messageOf(error)}; running without one`);
    }
    this.#lockFile = createLockFile(lockFile, this.#owner);
    const scoreboard = anonymousFile('prefork-scoreboard', SCOREBOARD_BYTES);
    this.#board = Scoreboard.map(scoreboard);
    const facts = writeFacts({
      lockFile: this.#lockFile.path,
      locations: this.#sockets.map(({ location }) => location),
    });
    this.#memory = [scoreboard, facts];
  }

  /** Asks for a pass, after all that this loop turn has to tell: queued beats are read before anybody is judged. */
  #manage(): void {
    this.#pass ??= setImmediate(() => {
      this.#pass = undefined;
      this.#act();
    });
  }

  /** The pass. */
  #act(): void {
    if (this.#isFinished || !this.#board) return;
    const now = performance.now();
    clearTimeout(this.#timer);
    // a manager that was stopped or blocked has missed what its workers said
    if (this.#wakeAt !== 0 && now > this.#wakeAt + TICK / 2) this.#judgeFrom = now + TICK;
    if (this.#target.goal === 'run') {
      this.#reload.step(this.#isReloading(), [...this.#pool.values()]);
      this.#spawnMissing(now);
      this.#ensurePidFile();
    }
    for (const worker of policy.surplus([...this.#pool.values()], this.#target)) this.#quit(worker, now);
    if (now >= this.#judgeFrom) for (const worker of this.#pool.values()) this.#judge(worker, now);
    this.#wakeWaiter();
    if (this.#target.goal !== 'run' && this.#pool.size === 0) return this.#finished();
    this.#sleep(now);
    this.#events.wait();
  }

  #sleep(now: number): void {
    const limits = this.#settings;
    const deadlines = [...this.#pool.values()].map((worker) => policy.deadlineOf(worker, limits));
    const next = Math.min(now + Math.min(TICK, limits.lockTimeout), this.#backoff.until(now), ...deadlines);
    this.#wakeAt = Math.max(next, this.#judgeFrom, now + 1);
    if (next > now) this.#wakeAt = Math.min(next, now + TICK);
    this.#timer = setTimeout(() => this.#manage(), Math.max(1, Math.ceil(this.#wakeAt - now)));
  }

  #judge(worker: Worker, now: number): void {
    const { log, heartbeatTimeout } = this.#settings;
    const order = policy.decide(worker, this.#target, this.#settings, now);
    if (order === 'quit') return this.#quit(worker, now);
    if (order === 'kill') return this.#kill(worker);
    if (order === 'keep') return;
    log.error(`Worker ${worker.pid} has no heartbeat (${seconds(heartbeatTimeout)}), restarting`);
    if (worker.state === 'starting') {
      this.#reload.failed(worker, `worker ${worker.pid} sent no heartbeat`, this.#pool.values());
      return this.#kill(worker);
    }
    this.#quit(worker, now);
  }

  #quit(worker: Worker, now: number): void {
    this.#settings.log.info(
      `Trying to stop worker ${worker.pid} gracefully (${seconds(this.#settings.gracefulTimeout)})`,
    );
    worker.state = 'draining';
    worker.drainingSince = now;
    // who is not on the scoreboard has no handler and no connection yet
    const handlesQuit = this.#board?.pid(worker.slot) === worker.pid;
    signalProcess(worker.pid, handlesQuit ? 'SIGQUIT' : 'SIGTERM');
  }

  #kill(worker: Worker): void {
    this.#settings.log.info(`Stopping worker ${worker.pid} immediately`);
    worker.state = 'killed';
    signalProcess(worker.pid, 'SIGKILL');
  }

  #ensurePidFile(): void {
    try {
      this.#pidFile?.ensure();
    } catch (error) {
      this.#settings.log.error(messageOf(error));
    }
  }

  #spawnMissing(now: number): void {
    const missing = policy.shortage([...this.#pool.values()], this.#target, this.#settings);
    const count = this.#backoff.allows(missing, now);
    for (let i = 0; i < count; i++) this.#spawn(now);
  }

  #spawn(now: number): void {
    const slot = this.#freeSlot();
    this.#board?.claim(slot);
    const identity = { manager: process.pid, run: this.#run, slot };
    const options = { descriptors: [...this.#memory, ...this.#sockets.map(({ fd }) => fd)], ...this.#owner };
    const started = spawnWorker(identity, options, (error) => {
      this.#settings.log.error(`Can't start a worker: ${error.message}`);
      this.#backoff.crashed(performance.now(), this.#settings.log);
      if (!this.#target.proven) this.#fail(error);
    });
    if (!started) return;
    const { pid, child, pipe } = started;
    const { generation } = this.#target;
    const worker: Worker = {
      pid,
      slot,
      generation,
      state: 'starting',
      spawnedAt: now,
      heartbeatAt: now,
      process: started,
    };
    this.#pool.set(pid, worker);
    pipe.on('data', (beats: Buffer) => this.#beaten(worker, beats));
    pipe.on('error', () => {}); // the exit follows
    child.once('exit', () => this.#reap(worker));
    trace.manager('worker %d spawned in slot %d', pid, slot);
    this.#settings.log.info(`Worker ${pid} started`);
    this.#events.spawn(pid);
  }

  #freeSlot(): number {
    const taken = new Set([...this.#pool.values()].map(({ slot }) => slot));
    let slot = 0;
    while (taken.has(slot)) slot += 1;
    return slot;
  }

  #beaten(worker: Worker, beats: Buffer): void {
    const now = performance.now();
    worker.heartbeatAt = now;
    const becomesHealthy = worker.state === 'starting';
    if (becomesHealthy) {
      worker.state = 'healthy';
      worker.healthyAt = now;
    }
    if (worker.state === 'healthy' && beats.includes(DRAINING_BEAT)) {
      worker.state = 'draining';
      worker.drainingSince = now;
    }
    const first = becomesHealthy && !this.#target.proven;
    if (first) this.#target.proven = true;
    // the others start before anybody is told that the first one serves
    if (first) this.#act();
    if (becomesHealthy) this.#events.healthy(worker.pid);
    this.#events.heartbeat(worker.pid);
    if (first) this.#events.listening();
    this.#manage();
  }

  #reap(worker: Worker): void {
    const now = performance.now();
    const { log } = this.#settings;
    const { pid, state, slot } = worker;
    this.#events.reap(pid);
    this.#pool.delete(pid);
    if (this.#board?.holder === slot) this.#board.holder = undefined;
    this.#board?.clear(slot);
    log.info(`Worker ${pid} stopped`);
    const wasUnexpected = state === 'starting' || state === 'healthy' || (state === 'killed' && !worker.healthyAt);
    if (wasUnexpected && this.#target.goal === 'run') {
      if (!this.#target.proven) {
        log.error(`Worker ${pid} stopped too early, shutting down`);
        this.#fail(new PreforkError('ERR_PREFORK_BOOT', `Worker ${pid} stopped before its first heartbeat`));
      } else if (!worker.healthyAt && this.#reload.failed(worker, `worker ${pid} stopped too early`, this.#pool.values())) {
        trace.manager('reload failed');
      } else if (policy.isCrash(worker, now)) {
        this.#backoff.crashed(now, log);
      }
    }
    this.#manage();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.stop(false);
  }

  /**
   * What a holder that is dead, stopped or blocked leaves waiting, another worker takes: at every pass one waiter is sent
   * to look if there is something to take. One look costs 1 us, and nobody is woken while the queue is empty.
   */
  #wakeWaiter(): void {
    const board = this.#board;
    if (!board || !this.#settings.acceptLock) return;
    const waits = this.#sockets.some(({ fd }) => waitingConnections(fd) > 0);
    if (!waits && board.holder !== undefined) return;
    const holder = board.holder;
    for (const { slot, pid } of this.#pool.values()) {
      if (slot === holder || board.state(slot) !== State.ready || board.busySince(slot) !== 0) continue;
      signalProcess(pid, 'SIGURG');
      return;
    }
  }

  #finished(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    clearTimeout(this.#timer);
    this.#cleanUp();
    process.off('exit', this.#cleanUp);
    this.#removeHandlers();
    this.#settings.log.info(`Manager ${process.pid} stopped`);
    this.#events.finished(this.#failure);
  }

  /** Also when the script ends the process under us. The workers see the pipe close, and drain. */
  readonly #cleanUp = (): void => {
    const { cleanup } = this.#settings;
    for (const socket of this.#sockets.splice(0)) socket.close();
    for (const fd of this.#memory.splice(0)) closeSync(fd);
    this.#pidFile?.release(cleanup);
    if (cleanup) this.#lockFile?.remove();
    this.#pidFile = undefined;
    this.#lockFile = undefined;
  };
}

function seconds(milliseconds: number): string {
  return `${milliseconds / 1000} s`;
}

/** Shared by all servers of the machine that name none. */
export function defaultPidFile(): string {
  return join(tmpdir(), 'prefork.pid');
}
