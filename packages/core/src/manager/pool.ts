// Manager. The worker processes and their records: starts them, hears their beats, reaps them, gives them orders. It does
// what it is told; the manager's pass decides.

import type { Duplex } from 'node:stream';
import { layOutWorker } from '../descriptors.js';
import { ASKING_BEAT, DRAINING_BEAT, GRANT } from '../handover.js';
import { trace } from '../log.js';
import type { Settings } from '../options.js';
import { SLOTS, State } from '../scoreboard.js';
import { publishWorker } from './channels.js';
import type { WorkerRecord } from './policy.js';
import type { Premises } from './premises.js';
import { forget, waiterOf } from './queue-watch.js';
import { signalProcess, spawnWorker } from './spawn.js';
import { exitOf, recordStart } from './statistics.js';

/** What happened to a worker; the record has been brought up to date. */
export interface PoolEvents {
  spawned(worker: WorkerRecord): void;
  beaten(worker: WorkerRecord, isFirst: boolean): void;
  /** The process has ended, by a signal or with an `exit status`; its record is deleted after this. */
  reaped(worker: WorkerRecord, end: string): void;
  notSpawned(error: Error): void;
}

/** The functions that reach the system. A unit test passes its own. */
const SYSTEM = { spawnWorker, signalProcess };

export class Pool {
  readonly #system: typeof SYSTEM;
  readonly #workers = new Map<number, WorkerRecord>();
  #slots = 0;
  readonly #pipes = new Map<number, Duplex>();
  readonly #settings: Settings;
  readonly #run: number;
  readonly #premises: Premises;
  readonly #events: PoolEvents;

  constructor(settings: Settings, run: number, premises: Premises, events: PoolEvents, system = SYSTEM) {
    this.#system = system;
    this.#settings = settings;
    this.#run = run;
    this.#premises = premises;
    this.#events = events;
  }

  /** Every worker that has not been reaped. */
  get workers(): WorkerRecord[] {
    return [...this.#workers.values()];
  }

  /** How many slots have been used. */
  get slots(): number {
    return this.#slots;
  }

  /** Starts a worker with this number in the pool. */
  spawn(id: number, generation: number): void {
    const { board, descriptors, owner, onDemand } = this.#premises;
    const now = performance.now();
    const slot = this.#freeSlot();
    if (slot >= SLOTS) return;
    board.claim(slot);
    this.#slots = Math.max(this.#slots, slot + 1);
    const identity = { manager: process.pid, run: this.#run, slot, id, patience: this.#patience() };
    const channel = onDemand?.open();
    const all = layOutWorker({ ...descriptors, channel: channel?.fd });
    const { directory, hangReport } = this.#settings;
    const started = this.#system.spawnWorker(
      identity,
      { descriptors: all, directory, hangReport, ...owner },
      this.#events.notSpawned,
    );
    if (!started) {
      channel?.given(undefined);
      return board.clear(slot);
    }
    const { pid, child, pipe } = started;
    const worker: WorkerRecord = { pid, slot, id, generation, state: 'starting', spawnedAt: now, heartbeatAt: now };
    this.#workers.set(pid, worker);
    this.#pipes.set(pid, pipe);
    channel?.given(worker);
    recordStart(this.#premises.stats.page, worker);
    pipe.on('data', (beats: Buffer) => this.#beaten(worker, beats));
    pipe.on('error', () => {}); // the exit follows
    child.once('exit', (status, signal) => this.#reap(worker, signal ?? `exit status ${status}`));
    trace.manager('worker %d spawned in slot %d', pid, slot);
    this.#settings.log.info(`Worker ${pid} started`);
    publishWorker('spawn', worker);
    this.#events.spawned(worker);
  }

  /** Orders a worker to drain. */
  quit(worker: WorkerRecord, order: WorkerRecord['order']): void {
    if (order) worker.order ??= order;
    const { log, gracefulTimeout } = this.#settings;
    log.info(`Trying to stop worker ${worker.pid} gracefully (${gracefulTimeout / 1000} s)`);
    this.#drains(worker);
    // a worker that is not on the scoreboard yet has no handler and no connection
    const handlesQuit = this.#premises.board.pid(worker.slot) === worker.pid;
    this.#signal(worker.pid, handlesQuit ? 'SIGQUIT' : 'SIGTERM');
  }

  /** Answers a worker that was told to leave, but not by the manager. It can now read whether the whole server stops. */
  grant(worker: WorkerRecord): void {
    worker.isAsking = false;
    if (worker.state === 'healthy') this.#drains(worker);
    this.#pipes.get(worker.pid)?.write(GRANT);
  }

  #drains(worker: WorkerRecord): void {
    worker.state = 'draining';
    worker.drainingSince = performance.now();
    publishWorker('drain', worker, () => ({ order: worker.order }));
  }

  kill(worker: WorkerRecord): void {
    this.#settings.log.info(`Stopping worker ${worker.pid} immediately`);
    worker.state = 'killed';
    this.#signal(worker.pid, 'SIGKILL');
  }

  /** The manager may no longer signal this worker, so it closes the worker's pipe. The worker then drains. */
  #signal(pid: number, signal: NodeJS.Signals): void {
    if (this.#system.signalProcess(pid, signal) !== 'denied') return;
    this.#settings.log.error(`Can't send ${signal} to worker ${pid}: it belongs to another user; closing its pipe`);
    this.#pipes.get(pid)?.destroy();
  }

  /** Sends one worker that has room and is not in user code to look at the accept queue; the holder if there is no other. */
  wakeWaiter(): void {
    const waiter = waiterOf(this.#premises.board, this.workers);
    if (waiter) this.#system.signalProcess(waiter.pid, 'SIGURG');
  }

  /** Sends all workers that have room to look at their seats. */
  wakeAll(): void {
    const { board } = this.#premises;
    this.#wake(({ slot }) => board.state(slot) === State.ready);
  }

  /** Sends all workers that serve to look, whatever the scoreboard says of them. */
  wakeEveryone(): void {
    this.#wake(({ state }) => state === 'healthy');
  }

  #wake(isMeant: (worker: WorkerRecord) => boolean): void {
    for (const { pid } of this.workers.filter(isMeant)) this.#system.signalProcess(pid, 'SIGURG');
  }

  /** The result of an order to a hung worker. */
  #patience(): number {
    const { heartbeatInterval, heartbeatTimeout, gracefulTimeout } = this.#settings;
    return Math.ceil(heartbeatInterval + heartbeatTimeout + gracefulTimeout);
  }

  #freeSlot(): number {
    const taken = new Set(this.workers.map(({ slot }) => slot));
    let slot = 0;
    while (taken.has(slot)) slot += 1;
    return slot;
  }

  #beaten(worker: WorkerRecord, beats: Buffer): void {
    const isFirst = worker.state === 'starting';
    worker.heartbeatAt = performance.now();
    if (isFirst) {
      worker.state = 'healthy';
      worker.healthyAt = worker.heartbeatAt;
      publishWorker('healthy', worker, () => ({ bootTime: worker.heartbeatAt - worker.spawnedAt }));
    }
    if (beats.includes(ASKING_BEAT)) worker.isAsking = true;
    if (beats.includes(DRAINING_BEAT)) worker.hasLeft = true;
    if (worker.state === 'healthy' && worker.hasLeft) this.#drains(worker);
    this.#events.beaten(worker, isFirst);
  }

  #reap(worker: WorkerRecord, end: string): void {
    const { log } = this.#settings;
    const isExpected = worker.state === 'draining' || worker.state === 'killed';
    forget(this.#premises.board, worker.slot);
    const reason = exitOf(worker, end);
    this.#premises.stats.page.retire(worker.slot, reason);
    publishWorker('reap', worker, () => ({ reason, end }));
    this.#pipes.delete(worker.pid);
    this.#premises.onDemand?.reaped(worker);
    this.#events.reaped(worker, end);
    this.#workers.delete(worker.pid);
    // TERM is our order to a worker that has no handler yet
    const isOrdered = end === 'exit status 0' || (end === 'SIGTERM' && worker.healthyAt === undefined);
    const how = isExpected && isOrdered ? '' : ` (${end})`;
    const why = isExpected || end.startsWith('SIG') ? '' : ', nobody told it to';
    log[isExpected ? 'info' : 'warn'](`Worker ${worker.pid} stopped${how}${why}`);
  }
}
