// Worker, and the one process of `single`. The application's listeners at the beginning and at the end of a drain. An error
// in them is logged, and does not end the process.

import type { EventEmitter } from 'node:events';
import { tellApplication } from '../application.js';
import type { Log } from '../log.js';

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

  async #call(event: 'finish' | 'drain', ...args: unknown[]): Promise<void> {
    await Promise.all(this.#emitters.map((emitter) => tellApplication(this.#log, emitter, event, ...args)));
  }
}
