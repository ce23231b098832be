// Worker, and the one process of `single`. The application's listeners at the beginning and at the end of a drain. What fails
// in them is logged, and ends no process.

import type { EventEmitter } from 'node:events';
import { describeThrown, type Log } from '../log.js';

type Listener = (...args: unknown[]) => unknown;

export class Hooks {
  readonly #emitters: readonly EventEmitter[];
  readonly #log: Log;

  constructor(emitters: readonly EventEmitter[], log: Log) {
    this.#emitters = emitters;
    this.#log = log;
  }

  /** The drain begins. */
  finish(graceful: boolean): void {
    void this.#call('finish', graceful);
  }

  /** The last connection has ended. Resolves when all listeners have finished, and at the latest after so many milliseconds. */
  async drained(patience: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#log.error('Listeners of drain do not finish within gracefulTimeout, leaving without them');
        resolve();
      }, patience);
    });
    await Promise.race([this.#call('drain'), late]);
    clearTimeout(timer);
  }

  /** Each on its own: one that fails does not keep the others from being called. */
  async #call(event: 'finish' | 'drain', ...args: unknown[]): Promise<void> {
    const calls = this.#emitters.flatMap((emitter) => {
      // with the wrappers of once(), which take themselves off
      const listeners = emitter.rawListeners(event) as Listener[];
      return listeners.map(async (listener) => listener.apply(emitter, args));
    });
    const failed = (error: unknown) => this.#log.error(`A listener of \`${event}\` failed: ${describeThrown(error)}`);
    await Promise.all(calls.map((call) => call.catch(failed)));
  }
}
