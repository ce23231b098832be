// Manager. Hot upgrade: the next manager is started from the same command line with the bound sockets and the locked PID file in
// its hands. When its workers are healthy this manager drains. If it does not come up, nothing has changed.

import { messageOf } from '../errors.js';
import type { Settings } from '../options.js';
import { passOn } from './inheritance.js';
import type { Premises } from './premises.js';
import { signalProcess, spawnManager, type WorkerProcess } from './spawn.js';

/** How long a next manager that is told to stop at once may take. Milliseconds. */
const CANCEL_PATIENCE = 500;

export interface UpgradeEvents {
  /** The next manager serves. */
  succeeded(pid: number): void;
  /** The next manager has gone, or was never started; what it left under its pid can be removed. */
  failed(pid: number): void;
}

/** A next manager that was started, and what has become of it. */
interface NextManager {
  readonly process: WorkerProcess;
  outcome: 'pending' | 'ready' | 'late' | 'cancelled';
  timer: NodeJS.Timeout;
}

/** What reaches the system; a test gives others. */
const SYSTEM = { passOn, spawnManager, signalProcess };

export class Upgrade {
  readonly #system: typeof SYSTEM;
  /** What the bulletin says about upgrades. */
  readonly news = { upgrades: 0, upgradesFailed: 0 };
  readonly #run: number;
  readonly #settings: Settings;
  readonly #events: UpgradeEvents;
  #next: NextManager | undefined;
  #hasSucceeded = false;

  constructor(run: number, settings: Settings, events: UpgradeEvents, system = SYSTEM) {
    this.#system = system;
    this.#run = run;
    this.#settings = settings;
    this.#events = events;
  }

  /** Whether a next manager runs that does not serve yet. */
  get isRunning(): boolean {
    return this.#next !== undefined;
  }

  /** Whether the next manager serves: what this manager has bound belongs to it. */
  get hasSucceeded(): boolean {
    return this.#hasSucceeded;
  }

  /** Starts the next manager, unless one was started already. */
  begin(premises: Premises): void {
    if (this.#next) return;
    this.news.upgrades += 1;
    const started = this.#start(premises);
    if (!started) return;
    const { pid, child, pipe } = started;
    this.#settings.log.info(`Upgrading, the next manager is ${pid}`);
    const next: NextManager = { process: started, outcome: 'pending', timer: this.#expectReady(pid) };
    this.#next = next;
    pipe.once('data', () => this.#ready(next));
    pipe.on('error', () => {}); // the exit follows
    child.once('exit', () => this.#exited(next));
  }

  /** Ends the next manager as this one ends; `failed` follows when it has gone. */
  cancel(graceful: boolean): void {
    if (!this.#next) return;
    this.#next.outcome = 'cancelled';
    if (graceful) this.#end(this.#next, 'SIGQUIT', this.#settings.gracefulTimeout);
    else this.#end(this.#next, 'SIGTERM', CANCEL_PATIENCE);
  }

  #start(premises: Premises): WorkerProcess | undefined {
    const failed = (error: unknown) => {
      this.#settings.log.error(`Upgrade failed, can't start the next manager: ${messageOf(error)}`);
      this.#failed(0);
    };
    const succession = { manager: process.pid, run: this.#run };
    const { directory } = this.#settings;
    const { passOn, spawnManager } = this.#system;
    try {
      return passOn(premises, (descriptors) => spawnManager(succession, { descriptors, directory }, failed));
    } catch (error) {
      failed(error); // no memory or no descriptor for the facts that the next manager needs
      return undefined;
    }
  }

  #expectReady(pid: number): NodeJS.Timeout {
    const { upgradeTimeout, gracefulTimeout, log } = this.#settings;
    return setTimeout(() => {
      if (this.#next?.process.pid !== pid) return;
      this.#next.outcome = 'late';
      log.error(`The next manager ${pid} is not ready (${upgradeTimeout / 1000} s), stopping it`);
      this.#end(this.#next, 'SIGQUIT', gracefulTimeout);
    }, upgradeTimeout);
  }

  /** The next manager ends its workers and its files by itself; if it hangs it is killed. */
  #end(next: NextManager, signal: NodeJS.Signals, patience: number): void {
    const { pid } = next.process;
    clearTimeout(next.timer);
    const { signalProcess } = this.#system;
    signalProcess(pid, signal);
    next.timer = setTimeout(() => signalProcess(pid, 'SIGKILL'), patience);
  }

  #ready(next: NextManager): void {
    const { pid, child, pipe } = next.process;
    if (next.outcome !== 'pending') return;
    next.outcome = 'ready';
    clearTimeout(next.timer);
    this.#settings.log.info(`Upgrade finished, manager ${pid} takes over`);
    child.unref();
    this.#next = undefined;
    this.#hasSucceeded = true;
    this.#events.succeeded(pid);
    // this tells the next manager that it has taken this one's place
    pipe.destroy();
  }

  #exited(next: NextManager): void {
    clearTimeout(next.timer);
    if (next.outcome === 'ready') return;
    if (next.outcome !== 'cancelled') this.#settings.log.error('Upgrade failed, this manager carries on');
    this.#failed(next.process.pid);
  }

  #failed(pid: number): void {
    this.#next = undefined;
    this.news.upgradesFailed += 1;
    this.#events.failed(pid);
  }
}
