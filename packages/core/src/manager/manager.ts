// Manager. The life of a server: it starts, serves, reloads, is upgraded, stops. Inputs (signals, beats, exits, the timer) record
// and ask for a pass; the pass (`#act`) is the only place that acts; events tell. It never sees a connection, a request or the
// application.

import { rmSync } from 'node:fs';
import { messageOf, type PreforkError } from '../errors.js';
import { listenFixOf } from '../fixes.js';
import type { BoundLocation } from '../handover.js';
import type { Location } from '../location.js';
import { MAX_WORKERS, type Settings } from '../options.js';
import type { Status } from '../pool-status.js';
import { publishReload } from './channels.js';
import type { ManagerEvents, Summary } from './events.js';
import { followFolder } from './folder.js';
import { attempt } from './guard.js';
import { checkHangReport, HangReports } from './hang-report.js';
import type { Inheritance } from './inheritance.js';
import { createInit } from './init.js';
import { lockFilePath } from './lock-file.js';
import { PARTS, type PoolLike, type UpgradeLike } from './parts.js';
import * as policy from './policy.js';
import type { Premises } from './premises.js';
import { Queues } from './queues.js';
import { Reload } from './reload.js';
import { publish, type Subject, statusOf, summaryOf } from './report.js';
import { ownRights, rightsError } from './rights.js';
import { Schedule } from './schedule.js';
import type { ManagerSignal } from './signals.js';
import { SlowLoops } from './slow-loops.js';
import { Stop } from './stop.js';
import { surviveUncaught } from './uncaught.js';
import { Upkeep } from './upkeep.js';

/** What exists from the start until the end. */
interface Running {
  readonly premises: Premises;
  readonly pool: PoolLike;
  readonly queues: Queues;
  readonly upkeep: Upkeep;
}

export class Manager {
  readonly #settings: Settings;
  readonly #run: number;
  readonly #events: ManagerEvents;
  readonly #isOnDemand: boolean;
  readonly #parts: typeof PARTS;
  readonly #target: policy.Target;
  readonly #reload: Reload;
  readonly #upgrade: UpgradeLike;
  readonly #stop: Stop;
  readonly #schedule: Schedule;
  readonly #buryOrphans = createInit();
  readonly #rights = ownRights();
  #premises: Premises | undefined;
  #running: Running | undefined;
  /** Of an upgrade, until the old manager knows that this one serves. */
  #inheritance: Inheritance | undefined;
  #stopSurviving = () => {};
  #failure: Error | undefined;
  #isFinished = false;

  /** `isOnDemand`: its workers may ask for sockets, as those of the command do. */
  constructor(settings: Settings, run: number, events: ManagerEvents, isOnDemand = false, parts = PARTS) {
    this.#settings = settings;
    this.#run = run;
    this.#events = events;
    this.#isOnDemand = isOnDemand;
    this.#parts = parts;
    this.#target = { goal: 'run', workers: settings.workers, generation: 0, proven: false };
    this.#schedule = new Schedule((now, mayJudge) => this.#act(now, mayJudge), settings.log, settings.lockTimeout);
    const prepare = () => {
      followFolder(settings.directory);
      this.#premises?.renewSecrets();
    };
    this.#reload = new Reload(this.#target, { reload: (error) => this.#reloaded(error) }, settings.log, prepare);
    this.#upgrade = parts.createUpgrade(run, settings, {
      succeeded: (pid) => this.#upgraded(pid),
      failed: (pid) => this.#upgradeFailed(pid),
    });
    this.#stop = new Stop({
      settings,
      target: this.#target,
      isDeserted: () => this.#isDeserted(),
      announce: (isStopping) => this.#announce(isStopping),
      aimed: () => this.#aimed(),
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
    this.#schedule.ask();
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
        return this.stop(this.#settings.gracefulTerm && !this.#stop.hasBegun);
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
      checkHangReport(this.#settings);
      this.#inheritance = this.#parts.takeInheritance(this.#run);
      const changed = this.#isOnDemand ? () => this.#socketsChanged() : undefined;
      this.#premises = await this.#parts.openPremises(this.#settings, locations, this.#inheritance, changed);
      this.#inheritance?.close();
    } catch (error) {
      log.error(`${messageOf(error)}${listenFixOf(error)}`);
      this.#failure = error as Error;
      return this.#finished();
    }
    this.#stopSurviving = surviveUncaught(log);
    this.#running = this.#createRunning(this.#premises);
    if (!silent) for (const { location } of this.#premises.sockets) log.info(`Listening at "${location.url}"`);
    log.info(`Manager ${process.pid} started`);
    this.#schedule.ask();
    if (this.#target.workers === 0) this.#tellListening();
  }

  #createRunning(premises: Premises): Running {
    const settings = this.#settings;
    const queues = new Queues(settings, premises.board, premises.sockets);
    const pool = this.#parts.createPool(settings, this.#run, premises, {
      spawned: ({ pid }) => this.#events.spawn(pid),
      beaten: (worker, isFirst) => this.#beaten(worker, isFirst),
      reaped: (worker, end) => {
        queues.lost();
        this.#events.reap(worker.pid);
        upkeep.reaped(worker, end);
        this.#schedule.ask();
      },
      notSpawned: (error) => {
        upkeep.notStarted(error);
        this.#schedule.ask();
      },
    });
    const failed = (error: Error) => this.#fail(error, false);
    const hangs = settings.hangReport
      ? new HangReports(settings, (pid, report) => this.#events.hang?.(pid, report))
      : undefined;
    const slow =
      hangs && settings.slowRequest > 0
        ? new SlowLoops(premises.board, settings.slowRequest, (worker) => void hangs.slow(worker))
        : undefined;
    const upkeep = new Upkeep({ settings, target: this.#target, pool, reload: this.#reload, hangs, slow, failed });
    return { premises, queues, pool, upkeep };
  }

  /** Sockets were closed, or workers of the command have asked for one or no longer want one. */
  #socketsChanged(): void {
    if (this.#running) this.#running.queues.watch(this.#running.premises.sockets);
  }

  /** As the signals QUIT (`graceful`) and TERM; a stop that runs can be hurried but not slowed down. */
  stop(graceful: boolean): void {
    const order = this.#isFinished ? 'nothing' : this.#stop.ask(graceful);
    if (order === 'nothing') return;
    this.#upgrade.cancel(graceful);
    this.#stop.begin(graceful);
    this.#publish();
    if (order === 'first') this.#events.finish(graceful);
  }

  /** As the signal HUP: new workers take over from the old ones, if they come up. */
  reload(): void {
    if (this.#target.goal !== 'run' || !this.#target.proven) return;
    this.#reload.request(this.#isReloading());
    this.#schedule.ask();
  }

  /** As the signal USR2: a new manager takes over from this one, if it comes up. */
  upgrade(): void {
    if (!this.#premises || this.#target.goal !== 'run' || !this.#target.proven) return;
    this.#upgrade.begin(this.#premises);
    this.#schedule.ask();
  }

  ensurePidFile(): void {
    this.#premises?.pidFile.ensure();
  }

  /** `undefined` before the server runs. */
  status(): Status | undefined {
    if (!this.#running) return undefined;
    this.#publish();
    return statusOf(this.#subject, this.#running);
  }

  summary(): Summary {
    return summaryOf(this.#subject, this.#workers);
  }

  get #subject(): Subject {
    return { target: this.#target, reload: this.#reload, upgrade: this.#upgrade, stop: this.#stop };
  }

  get #workers(): policy.WorkerRecord[] {
    return this.#running?.pool.workers ?? [];
  }

  #isReloading(): boolean {
    return policy.isReloading(this.#workers, this.#target);
  }

  #resize(by: number): void {
    this.workers = Math.max(0, Math.min(this.workers + by, MAX_WORKERS));
    this.#settings.log.info(`Resizing the pool to ${this.workers} workers`);
  }

  #reloaded(error?: PreforkError): void {
    this.#premises?.stats.page.happened(error ? 'reloadsFailed' : 'reloads');
    publishReload(this.#target.generation, error);
    this.#events.reload(error);
  }

  #upgraded(pid: number): void {
    this.#premises?.stats.page.happened('upgrades');
    this.#events.upgraded?.(pid);
    this.#stop.gracefully();
    this.#events.finish(true);
  }

  /** What the next manager may have left is tidied: its lock file, and its pid in our PID file. */
  #upgradeFailed(pid: number): void {
    this.#premises?.stats.page.happened('upgradesFailed');
    const { log, lockFile } = this.#settings;
    attempt(log, 'remove the lock file of the next manager', () => {
      if (pid !== 0 && lockFile !== undefined) rmSync(lockFilePath(lockFile, pid), { force: true });
    });
    this.#premises?.pidFile.rewrite();
    this.#schedule.ask();
  }

  /** Whether the paths are those of another manager: the next one that serves, or the old one whose place we have not taken. */
  get #isOthers(): boolean {
    return this.#upgrade.hasSucceeded || this.#inheritance !== undefined;
  }

  #isDeserted(): boolean {
    const { proven, workers } = this.#target;
    return !this.#isOthers && proven && workers > 0 && this.#running?.queues.isDeserted(this.#workers) === true;
  }

  #announce(isStopping: boolean): void {
    if (!this.#isOthers) this.#premises?.setWelcome(!isStopping);
    // workers tell their WebSockets whether the server goes away, or comes back
    if (this.#premises && !this.#upgrade.hasSucceeded) this.#premises.board.isStopping = isStopping;
  }

  #aimed(): void {
    const isStopping = this.#target.goal !== 'run';
    // the workers take what is queued: only then the sockets may be shut down, see #act
    if (isStopping && !this.#upgrade.hasSucceeded && this.#isOthers) this.#closeSockets(true);
    this.#schedule.ask();
  }

  /** The pass. @returns when it has to come again at the latest. */
  #act(now: number, mayJudge: boolean): number | undefined {
    if (this.#isFinished || !this.#running) return undefined;
    const { premises, pool, upkeep, queues } = this.#running;
    const isRunning = () => this.#target.goal === 'run';
    if (isRunning()) {
      this.#reload.step(this.#isReloading(), pool.workers);
      upkeep.startMissing(now);
      this.#keepFiles(premises);
      if (!this.#upgrade.isRunning) premises.onDemand?.sweep(pool.workers, this.#target, now);
    }
    upkeep.drainSurplus();
    upkeep.answer();
    if (mayJudge) upkeep.judge(now);
    queues.wake(pool, now);
    const broken = isRunning() ? queues.repair() : undefined;
    if (broken) this.#fail(broken, true);
    // Only when no worker accepts. A copy of the socket in another process must not keep the port.
    if (!isRunning() && !this.#isOthers && pool.workers.every(policy.hasLeft)) this.#closeSockets(false);
    this.#checkRights();
    this.#buryOrphans();
    this.#publish();
    if (!isRunning() && pool.workers.length === 0 && !this.#upgrade.isRunning) {
      this.#finished();
      return undefined;
    }
    this.#events.wait();
    return upkeep.deadline(now);
  }

  #keepFiles({ pidFile, lockFile }: Premises): void {
    pidFile.keep();
    attempt(this.#settings.log, 'make the lock file again', () => lockFile?.ensure());
  }

  #closeSockets(toOther: boolean): void {
    this.#premises?.closeSockets(toOther);
    this.#socketsChanged();
  }

  /** A script that gives up root in the manager leaves its workers root, and nobody could stop them: the server ends. */
  #checkRights(): void {
    if (this.#failure || ownRights() === this.#rights) return;
    const error = rightsError(this.#rights);
    this.#settings.log.error(error.message);
    this.#fail(error, false);
  }

  #publish(): void {
    if (this.#running) publish(this.#subject, this.#running);
  }

  #beaten(worker: policy.WorkerRecord, isFirst: boolean): void {
    const { pid } = worker;
    this.#running?.upkeep.beaten(worker);
    const isProof = isFirst && !this.#target.proven;
    if (isProof) {
      this.#target.proven = true;
      this.#premises?.onDemand?.served();
      // the other workers start before the event that the first one serves
      this.#schedule.run();
    }
    if (isFirst) this.#events.healthy(pid);
    this.#events.heartbeat(pid);
    if (isProof) this.#tellListening();
    if (isFirst) this.#takeOver();
    if (isFirst) this.#stop.healthy();
    this.#schedule.ask();
  }

  #tellListening(): void {
    this.#events.listening();
    // many tutorials give up root in this event
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

  #fail(error: Error, graceful: boolean): void {
    this.#failure ??= error;
    this.stop(graceful);
  }

  #finished(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#schedule.stop();
    this.#stop.end();
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
    this.#running = undefined;
  };
}
