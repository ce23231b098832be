// Worker. How a worker leaves, and how its process ends. A worker that is told to leave does not know whether the
// whole server stops, because a signal to a process group may reach it before the manager. So it asks the manager, and
// accepts connections until the answer comes.

/** Signals for the manager. They reach workers when somebody signals a process group or a whole container. */
const OF_MANAGER = ['SIGHUP', 'SIGTTIN', 'SIGTTOU', 'SIGUSR2'] as const;

/** How long an application may continue after it has closed its servers itself. Milliseconds. */
const OWN_END = 5_000;
/** How long an application that listens for our signal may take to close its servers. Milliseconds. */
const OWN_CLOSE = 1_000;

export interface DepartureParts {
  /** TERM means QUIT. */
  readonly gracefulTerm: boolean;
  /** Milliseconds. */
  readonly gracefulTimeout: number;
  /** Whether the manager stops the whole server. */
  isStopping(): boolean;
  /** Whether the application has closed all servers itself. */
  isClosed(): boolean;
  /** Asks the manager; {@link Departure.granted} is its answer. @returns whether it will answer. */
  ask(): boolean;
  leave(reason: string): void;
}

export class Departure {
  readonly #parts: DepartureParts;
  readonly #signals: readonly NodeJS.Signals[];
  #reason: string | undefined;

  constructor(parts: DepartureParts) {
    this.#parts = parts;
    this.#signals = parts.gracefulTerm ? ['SIGQUIT', 'SIGTERM'] : ['SIGQUIT'];
    for (const signal of this.#signals) process.on(signal, () => this.request(signal));
    for (const signal of OF_MANAGER) process.on(signal, () => {});
  }

  /** This worker is told to leave. */
  request(reason: string): void {
    this.#reason ??= reason;
    if (this.#parts.isStopping() || !this.#parts.ask()) this.granted();
  }

  /** The manager knows that this worker leaves. */
  granted(): void {
    this.#parts.leave(this.#reason ?? 'the manager says so');
  }

  /**
   * Ends the process after the last connection. An application that has closed its servers itself also ends its process
   * itself, as without Prefork, and gets time for that. So does an application that listens for the signal.
   */
  async end(): Promise<never> {
    const { gracefulTimeout, isClosed } = this.#parts;
    const wait = (limit: number) =>
      new Promise<void>((over) => setTimeout(over, Math.min(limit, gracefulTimeout / 2)).unref());
    // Node ends this process when nothing else is left. Without a status it may warn about an unsettled `await`.
    process.exitCode ??= 0;
    const isHeard = this.#signals.some((signal) => process.listenerCount(signal) > 1);
    if (isHeard && !isClosed()) await wait(OWN_CLOSE);
    if (isClosed()) await wait(OWN_END);
    process.exit();
  }
}
