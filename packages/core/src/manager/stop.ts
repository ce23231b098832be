// Manager. How a server stops: at once, gracefully, or gracefully after `shutdownDelay`. A stop that runs can be hurried but not
// slowed down. It sets the target's goal; the pass does the rest.

import type { Settings } from '../options.js';
import type { Target } from './policy.js';

export interface StopParts {
  readonly settings: Settings;
  readonly target: Target;
  /** Whether connections wait that no worker takes, and a worker comes up that will. */
  isDeserted(): boolean;
  /** Nothing new gets into the accept queues, and workers that leave know that the server goes away; or the contrary. */
  announce(isStopping: boolean): void;
  /** The goal is another one. */
  aimed(): void;
}

export class Stop {
  readonly #parts: StopParts;
  #timer: NodeJS.Timeout | undefined;
  /** It waits for a worker that has to answer the clients in the accept queue. */
  #waitsForWorker = false;

  constructor(parts: StopParts) {
    this.#parts = parts;
  }

  /** Whether a stop was asked for, also one that is delayed. */
  get hasBegun(): boolean {
    return this.#parts.target.goal !== 'run' || this.#timer !== undefined;
  }

  /** How long a graceful stop may take: a worker that comes up for the waiting clients has a time of its own. Milliseconds. */
  get takes(): number {
    const { shutdownDelay, gracefulTimeout } = this.#parts.settings;
    return shutdownDelay + 2 * gracefulTimeout;
  }

  /** @returns what there is to do: nothing, the beginning of the stop, or more haste. */
  ask(graceful: boolean): 'nothing' | 'first' | 'hurry' {
    if (this.#parts.target.goal === 'stop immediately') return 'nothing';
    if (!this.hasBegun) return 'first';
    return graceful ? 'nothing' : 'hurry';
  }

  /** Does what {@link ask} has allowed. */
  begin(graceful: boolean): void {
    const { shutdownDelay, log } = this.#parts.settings;
    clearTimeout(this.#timer);
    if (!graceful) {
      this.#parts.announce(true);
      return this.#aim('stop immediately');
    }
    if (shutdownDelay === 0) return this.gracefully();
    log.info(`Stopping in ${shutdownDelay / 1000} s`);
    this.#timer = setTimeout(() => this.gracefully(), shutdownDelay);
  }

  /** @param mayWait for a worker that answers those who wait */
  gracefully(mayWait = true): void {
    clearTimeout(this.#timer);
    const { isDeserted, announce, aimed, settings } = this.#parts;
    // first no new connection may arrive, then the queue is checked
    announce(true);
    this.#waitsForWorker = mayWait && isDeserted();
    if (!this.#waitsForWorker) return this.#aim('stop gracefully');
    // the workers have left before we were told, and others boot: one of them answers the clients, and then all stop
    announce(false);
    this.#timer = setTimeout(() => this.gracefully(false), settings.gracefulTimeout);
    aimed();
  }

  /** A worker has come up. */
  healthy(): void {
    if (this.#waitsForWorker) this.gracefully();
  }

  /** No timer is left. */
  end(): void {
    clearTimeout(this.#timer);
  }

  #aim(goal: Target['goal']): void {
    this.#parts.target.goal = goal;
    this.#parts.aimed();
  }
}
