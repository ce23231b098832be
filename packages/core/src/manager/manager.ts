// Manager. Supervises the pool. Inputs (signals, beats, exits, the timer) record and ask for a pass; the pass is the only
// place that acts; events tell. It never sees a connection, a request or the application.

import { rmSync } from 'node:fs';
import { Phase } from '../bulletin.js';
import { monotonic } from '../clock.js';
import { messageOf, PreforkError } from '../errors.js';
import type { BoundLocation } from '../handover.js';
import type { Location } from '../locations.js';
import { describeThrown } from '../log.js';
import { MAX_WORKERS, type Settings } from '../options.js';
import { readStatus, type Status } from '../pool-status.js';
import { isShutDown, waitingConnections } from '../posix/queue.js';
import { listenAgain } from '../posix/sockets.js';
import { Backoff } from './backoff.js';
import { followFolder } from './folder.js';
import { attempt } from './guard.js';
import { type Inheritance, takeInheritance } from './inheritance.js';
import { createInit } from './init.js';
import { lockFilePath } from './lock-file.js';
import * as policy from './policy.js';
import { Pool } from './pool.js';
import { openPremises, type Premises } from './premises.js';
import { QueueWatch } from './queue-watch.js';
import { Reload } from './reload.js';
import { ownRights, rightsError } from './rights.js';
import { Saturation } from './saturation.js';
import type { ManagerSignal } from './signals.js';
import { recordWorkers } from './statistics.js';
import { surviveUncaught } from './uncaught.js';
import { Upgrade } from './upgrade.js';

/** What the manager tells, in the seed's words. */
export interface ManagerEvents {
  wait(): void;
  spawn(pid: number): void;
  heartbeat(pid: number): void;
  healthy(pid: number): void;
  reap(pid: number): void;
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
  pool: { state: policy.WorkerState; heartbeatAge: number }[];
}

const waitingAt = (fds: readonly number[]) => fds.reduce((sum, fd) => sum + waitingConnections(fd), 0);

/** How long the manager sleeps at the most, so that a deleted PID file is back soon. Milliseconds. */
const TICK = 1_000;

export class Manager {
  readonly #settings: Settings;
  readonly #run: number;
  readonly #isOnDemand: boolean;
  readonly #events: ManagerEvents;
  readonly #target: policy.Target;
  readonly #backoff = new Backoff();
  readonly #reload: Reload;
  readonly #buryOrphans = createInit();
  #premises: Premises | undefined;
  #pool: Pool | undefined;
  #inheritance: Inheritance | undefined;
  readonly #upgrade: Upgrade;
  #watch: QueueWatch | undefined;
  #saturation: Saturation | undefined;
  readonly #rights = ownRights();
  #stopSurviving = () => {};
  #delay: NodeJS.Timeout | undefined;
  #failure: Error | undefined;
  #isFinished = false;
  /** A stop waits for a worker, which has to answer what waits in the queue. */
  #isDeserted = false;
  #pass: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wakeAt = Number.POSITIVE_INFINITY;
  #judgeFrom = 0;

  /** `isOnDemand`: its workers may ask for sockets, as those of the command do. */
  constructor(settings: Settings, run: number, events: ManagerEvents, isOnDemand = false) {
    this.#settings = settings;
    this.#isOnDemand = isOnDemand;
    this.#run = run;
    this.#events = events;
    this.#target = { goal: 'run', workers: settings.workers, generation: 0, proven: false };
    const reloaded = (error?: PreforkError) => {
      this.#premises?.stats.page.happened(error ? 'reloadsFailed' : 'reloads');
      events.reload(error);
    };
    this.#reload = new Reload(this.#target, { reload: reloaded }, settings.log, () => {
      followFolder(settings.directory);
      this.#premises?.renewSecrets();
    });
    this.#upgrade = new Upgrade(run, settings, {
      succeeded: (heir) => {
        this.#premises?.stats.page.happened('upgrades');
        this.#events.upgraded?.(heir);
        this.#aim('stop gracefully');
        this.#events.finish(true);
      },
      failed: (heir) => this.#upgradeFailed(heir),
    });
  }

  /** Where the server listens, once it does. */
  get addresses(): BoundLocation['address'][] {
    return (this.#premises?.sockets ?? []).map(({ location }) => location.address);
  }

  get workers(): number {
    return this.#target.workers;
  }

  set workers(count: number) {
    this.#target.workers = count;
    this.#manage();
  }

  /** What each signal means. */
  signal(signal: ManagerSignal): void {
    attempt(this.#settings.log, `act on ${signal}`, () => this.#signal(signal));
  }

  #signal(signal: ManagerSignal): void {
    switch (signal) {
      case 'SIGINT':
        return this.stop(false);
      case 'SIGTERM':
        return this.stop(this.#settings.gracefulTerm && this.#target.goal === 'run' && !this.#delay);
      case 'SIGQUIT':
        return this.stop(true);
      case 'SIGTTIN':
        return this.#resize(1);
      case 'SIGTTOU':
        return this.#resize(-1);
      case 'SIGHUP':
        return this.reload();
      case 'SIGUSR2':
        return this.upgrade();
    }
  }

  /** Binds, makes the files, and starts the pool; what fails is undone and goes to `finished`. */
  async start(locations: Location[]): Promise<void> {
    const { log, silent } = this.#settings;
    process.on('exit', this.#cleanUp);
    try {
      this.#inheritance = takeInheritance(this.#run);
      const changed = this.#isOnDemand ? () => this.#watchQueues() : undefined;
      this.#premises = await openPremises(this.#settings, locations, this.#inheritance, changed);
      this.#inheritance?.close();
    } catch (error) {
      log.error(messageOf(error));
      this.#failure = error as Error;
      return this.#finished();
    }
    this.#stopSurviving = surviveUncaught(log);
    this.#watchQueues();
    this.#pool = new Pool(this.#settings, this.#run, this.#premises, {
      spawned: ({ pid }) => this.#events.spawn(pid),
      beaten: (worker, isFirst) => this.#beaten(worker, isFirst),
      reaped: (worker, end) => this.#reaped(worker, end),
      notSpawned: (error) => this.#notSpawned(error),
    });
    if (!silent) for (const { location } of this.#premises.sockets) log.info(`Listening at "${location.url}"`);
    log.info(`Manager ${process.pid} started`);
    this.#manage();
    if (this.#target.workers === 0) this.#tellListening();
  }

  /** Also when there are more of them, or fewer. */
  #watchQueues(): void {
    if (!this.#premises) return;
    const { board, sockets } = this.#premises;
    const locations = sockets.map(({ fds, location }) => ({
      reuse: location.reuse ?? false,
      waiting: () => waitingAt(fds),
    }));
    this.#watch = new QueueWatch(board, locations, this.#settings.acceptLock);
    this.#saturation ??= new Saturation(board, this.#settings.maxClients);
  }

  /** As the signals QUIT (`graceful`) and TERM; a stop that runs can be hurried but not slowed down. */
  stop(graceful: boolean): void {
    const { shutdownDelay, log } = this.#settings;
    if (this.#isFinished || this.#target.goal === 'stop immediately') return;
    const isFirst = this.#target.goal === 'run' && !this.#delay;
    if (graceful && !isFirst) return;
    clearTimeout(this.#delay);
    this.#upgrade.cancel(graceful);
    if (graceful && shutdownDelay > 0) {
      log.info(`Stopping in ${shutdownDelay / 1000} s`);
      this.#delay = setTimeout(() => this.#aim('stop gracefully'), shutdownDelay);
    } else {
      this.#aim(graceful ? 'stop gracefully' : 'stop immediately');
    }
    if (isFirst) this.#events.finish(graceful);
  }

  /** As the signal HUP: new workers take over from the old ones, if they come up. */
  reload(): void {
    if (this.#target.goal !== 'run' || !this.#target.proven) return;
    this.#reload.request(this.#isReloading());
    this.#manage();
  }

  /** As the signal USR2: a new manager takes over from this one, if it comes up. */
  upgrade(): void {
    if (!this.#premises || this.#target.goal !== 'run' || !this.#target.proven) return;
    this.#upgrade.begin(this.#premises);
    this.#manage();
  }

  /** What the next manager may have left is tidied: its lock file, and its pid in our PID file. */
  #upgradeFailed(heir: number): void {
    this.#premises?.stats.page.happened('upgradesFailed');
    const { log, lockFile } = this.#settings;
    attempt(log, 'remove the lock file of the next manager', () => {
      if (heir !== 0 && lockFile !== undefined) rmSync(lockFilePath(lockFile, heir), { force: true });
    });
    this.#premises?.pidFile.rewrite();
    this.#manage();
  }

  ensurePidFile(): void {
    this.#premises?.pidFile.ensure();
  }

  /** `undefined` before the server runs. */
  status(): Status | undefined {
    if (!this.#premises) return undefined;
    this.#publish();
    const { board, stats, sockets } = this.#premises;
    const locations = sockets.map(({ location, fds }) => ({ url: location.url, waiting: waitingAt(fds) }));
    const { reloadError } = this.#reload;
    return {
      ...readStatus({ pid: process.pid, board, stats: stats.page, locations, now: monotonic() }),
      reloading: this.#isReloading(),
      ...(reloadError === undefined ? {} : { reloadError }),
    };
  }

  summary(): Summary {
    const now = performance.now();
    return {
      workers: this.#target.workers,
      reloading: this.#isReloading(),
      reloadError: this.#reload.reloadError,
      pool: this.#workers.map(({ state, heartbeatAt }) => ({ state, heartbeatAge: now - heartbeatAt })),
    };
  }

  get #workers(): policy.WorkerRecord[] {
    return this.#pool?.workers ?? [];
  }

  #isReloading(): boolean {
    return policy.isReloading(this.#workers, this.#target);
  }

  #aim(goal: policy.Target['goal'], waits = true): void {
    const { board } = this.#premises ?? {};
    if (!this.#isOthers) this.#premises?.setWelcome(false);
    // workers tell their WebSockets whether the server goes away, or comes back
    if (!this.#upgrade.hasSucceeded) board?.announceStop();
    this.#isDeserted = goal === 'stop gracefully' && waits && this.#hasNobodyFor();
    if (this.#isDeserted) {
      // the workers have left before we were told, and others boot: one of them answers those who wait, and then all stop
      board?.withdrawStop();
      this.#premises?.setWelcome(true);
      this.#delay = setTimeout(() => this.#aim(goal, false), this.#settings.gracefulTimeout);
    } else {
      this.#target.goal = goal;
      // the workers take what is queued: only then the sockets may be shut down, see #keepSockets
      if (!this.#upgrade.hasSucceeded && this.#isOthers) this.#premises?.closeSockets(true);
    }
    this.#manage();
  }

  /** Whether connections wait that no worker takes, and one will come up that does. */
  #hasNobodyFor(): boolean {
    const { proven, workers } = this.#target;
    return !this.#isOthers && proven && workers > 0 && this.#watch?.isDeserted(this.#workers) === true;
  }

  /** Whether the paths are those of another manager: the next one that serves, or the old one whose place we have not taken. */
  get #isOthers(): boolean {
    return this.#upgrade.hasSucceeded || this.#inheritance !== undefined;
  }

  #resize(by: number): void {
    this.workers = Math.max(0, Math.min(this.workers + by, MAX_WORKERS));
    this.#settings.log.info(`Resizing the pool to ${this.workers} workers`);
  }

  /** Asks for a pass, after all that this loop turn has to tell: queued beats are read before anybody is judged. */
  #manage(): void {
    this.#pass ??= setImmediate(() => {
      this.#pass = undefined;
      this.#actGuarded();
    });
  }

  /** A fault in a pass, ours or of what we rely on, must not end the manager: the next pass comes in a while. */
  #actGuarded(): void {
    try {
      this.#act();
    } catch (error) {
      this.#settings.log.error(`The manager's pass failed, it goes on: ${describeThrown(error)}`);
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#manage(), TICK);
    }
  }

  /** The pass. */
  #act(): void {
    if (this.#isFinished || !this.#pool) return;
    const now = performance.now();
    clearTimeout(this.#timer);
    // a manager that was stopped or blocked has missed what its workers said
    if (now > this.#wakeAt + TICK / 2) this.#judgeFrom = now + TICK;
    if (this.#target.goal === 'run') {
      this.#reload.step(this.#isReloading(), this.#workers);
      this.#spawnMissing(this.#pool, now);
      this.#keepFiles();
      if (!this.#upgrade.isRunning) this.#premises?.onDemand?.sweep(this.#workers, this.#target, now);
    }
    for (const worker of policy.surplus(this.#workers, this.#target)) {
      this.#pool.quit(worker, worker.generation === this.#target.generation ? 'resized' : 'reloaded');
    }
    // now that the signals of this loop turn have been heard, a stop among them
    for (const worker of this.#workers) if (worker.isAsking) this.#pool.grant(worker);
    if (now >= this.#judgeFrom) for (const worker of this.#workers) this.#judge(this.#pool, worker, now);
    this.#wake(this.#pool, now);
    this.#keepSockets();
    this.#checkRights();
    this.#buryOrphans();
    this.#publish();
    if (this.#target.goal !== 'run' && this.#workers.length === 0 && !this.#upgrade.isRunning) return this.#finished();
    this.#sleep(now);
    this.#events.wait();
  }

  /** Tells the `prefork` command. */
  #publish(): void {
    const { goal, proven, workers } = this.#target;
    const running = proven ? Phase.serving : Phase.starting;
    const phase = this.#upgrade.hasSucceeded
      ? Phase.handedOver
      : goal !== 'run' || this.#delay
        ? Phase.stopping
        : running;
    if (!this.#premises) return;
    const { board, pidFile, stats } = this.#premises;
    recordWorkers(stats.page, this.#workers);
    board.pidFile = pidFile.inode;
    board.assert(this.#pool?.slots ?? 0, goal !== 'run' && !this.#upgrade.hasSucceeded);
    board.bulletin.write({ phase, workers, ...this.#reload.news, ...this.#upgrade.news });
  }

  #sleep(now: number): void {
    const { lockTimeout } = this.#settings;
    const deadlines = this.#workers.map((worker) => policy.deadlineOf(worker, this.#settings));
    const deadline = Math.max(Math.min(this.#backoff.until(now), ...deadlines), this.#judgeFrom);
    this.#wakeAt = Math.max(now + 1, Math.min(deadline, now + TICK, now + lockTimeout));
    this.#timer = setTimeout(() => this.#manage(), Math.ceil(this.#wakeAt - now));
  }

  #judge(pool: Pool, worker: policy.WorkerRecord, now: number): void {
    const { log, heartbeatTimeout } = this.#settings;
    const order = policy.decide(worker, this.#target, this.#settings, now);
    if (order === 'quit') pool.quit(worker, 'stopped');
    if (order === 'kill') pool.kill(worker);
    if (order !== 'expire') return;
    log.error(`Worker ${worker.pid} has no heartbeat (${heartbeatTimeout / 1000} s), restarting`);
    if (worker.state === 'healthy') return pool.quit(worker, 'hung');
    worker.order = 'hung';
    // it has never served: there is nothing to drain
    this.#reload.failed(worker, `worker ${worker.pid} sent no heartbeat`, this.#workers);
    pool.kill(worker);
  }

  #spawnMissing(pool: Pool, now: number): void {
    const ids = policy.vacancies(this.#workers, this.#target, this.#settings);
    const count = this.#backoff.allows(ids.length, now);
    for (const id of ids.slice(0, count)) pool.spawn(id, this.#target.generation);
  }

  #keepFiles(): void {
    this.#premises?.pidFile.keep();
    attempt(this.#settings.log, 'make the lock file again', () => this.#premises?.lockFile?.ensure());
  }

  #wake(pool: Pool, now: number): void {
    const { waiter = false, all = false, everyone = false } = this.#watch?.look(now) ?? {};
    if (everyone) return pool.wakeEveryone();
    if (waiter) pool.wakeWaiter();
    if (all) pool.wakeAll();
    const slots = pool.workers.filter(({ state }) => state === 'healthy').map(({ slot }) => slot);
    const line = this.#saturation?.look(slots, () => this.#watch?.waiting() ?? 0, performance.now());
    if (line !== undefined) this.#settings.log.warn(line);
  }

  /** Any process that has a listening socket can shut it down for all. At a stop this manager does, once no worker accepts. */
  #keepSockets(): void {
    const { sockets = [] } = this.#premises ?? {};
    if (this.#target.goal !== 'run') {
      if (!this.#isOthers && this.#workers.every(policy.hasLeft)) this.#premises?.closeSockets(false);
      return;
    }
    for (const { fds, location } of sockets) if (fds.some(isShutDown)) this.#listenAgain(fds, location);
  }

  #listenAgain(fds: readonly number[], { url, backlog, address }: BoundLocation): void {
    this.#settings.log.error(
      `The listening socket of ${url} was shut down, by a worker or a child of it; listening again`,
    );
    try {
      for (const fd of fds) listenAgain(fd, backlog, address);
    } catch (error) {
      const failure = new PreforkError(
        'ERR_PREFORK_SHUT_DOWN',
        `Can't listen at ${url} again: ${messageOf(error)}`,
        error,
      );
      this.#settings.log.error(`${failure.message}; stopping`);
      this.#failure ??= failure;
      this.stop(true);
    }
  }

  /** A script that gives up root in the manager leaves its workers root, and nobody could stop them: the server ends. */
  #checkRights(): void {
    if (this.#failure || ownRights() === this.#rights) return;
    const error = rightsError(this.#rights);
    this.#settings.log.error(error.message);
    this.#fail(error);
  }

  #beaten({ pid }: policy.WorkerRecord, isFirst: boolean): void {
    const isProof = isFirst && !this.#target.proven;
    if (isProof) this.#target.proven = true;
    if (isProof) this.#premises?.onDemand?.served();
    // the others start before anybody is told that the first one serves
    if (isProof) this.#actGuarded();
    if (isFirst) this.#events.healthy(pid);
    this.#events.heartbeat(pid);
    if (isProof) this.#tellListening();
    if (isFirst) this.#takeOver();
    if (isFirst && this.#isDeserted) {
      clearTimeout(this.#delay);
      this.#aim('stop gracefully');
    }
    this.#manage();
  }

  #tellListening(): void {
    this.#events.listening();
    // the place where tutorials give up root
    this.#checkRights();
  }

  /** In an upgrade, once all workers are healthy: the old manager may go. */
  #takeOver(): void {
    const healthy = this.#workers.filter(({ state }) => state === 'healthy').length;
    if (!this.#inheritance || this.#target.goal !== 'run' || healthy < this.#target.workers) return;
    this.#premises?.pidFile.adopt();
    this.#inheritance.ready(() => this.#events.tookOver?.());
    this.#inheritance = undefined;
  }

  #reaped(worker: policy.WorkerRecord, end: string): void {
    const now = performance.now();
    this.#watch?.lost();
    this.#events.reap(worker.pid);
    this.#manage();
    switch (policy.meaningOf(worker, this.#target, now, end)) {
      case 'asked for':
        return;
      case 'boot failed':
        return this.#shutDownEarly(worker.pid);
      case 'crashed early':
        if (this.#reload.failed(worker, `worker ${worker.pid} stopped too early`, this.#workers)) return;
        return this.#backoff.crashed(now, this.#settings.log);
      case 'crashed':
        return this.#backoff.crashed(now, this.#settings.log);
      case 'left':
        return;
    }
  }

  #shutDownEarly(pid: number): void {
    this.#settings.log.error(`Worker ${pid} stopped too early, shutting down`);
    this.#fail(new PreforkError('ERR_PREFORK_BOOT', `Worker ${pid} stopped before its first heartbeat`));
  }

  #notSpawned(error: Error): void {
    const { log } = this.#settings;
    const now = performance.now();
    // several starts in one pass fail together: one line, one delay
    if (this.#backoff.until(now) !== Number.POSITIVE_INFINITY) return;
    log.error(`Can't start a worker: ${error.message}`);
    if (!this.#target.proven) return this.#fail(error);
    this.#backoff.refused(now, log);
    this.#manage();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.stop(false);
  }

  #finished(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    clearTimeout(this.#timer);
    this.#stopSurviving();
    this.#cleanUp();
    process.off('exit', this.#cleanUp);
    this.#settings.log.info(`Manager ${process.pid} stopped`);
    this.#events.finished(this.#failure);
  }

  /** Also when the script ends the process under us. The workers see the pipe close, and drain. */
  readonly #cleanUp = (): void => {
    this.#premises?.close(this.#isOthers);
    this.#premises = undefined;
  };
}
