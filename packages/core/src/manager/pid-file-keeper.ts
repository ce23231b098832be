// Manager. A server's PID file over its life: made or inherited, kept, released. A PID file that cannot be made again never ends a
// server that runs: it is tried each second, and one line of the log tells why not.

import { resolve } from 'node:path';
import { messageOf, PreforkError } from '../errors.js';
import type { Settings } from '../options.js';
import { takeEarlyPidFile } from './early-pid-file.js';
import { attempt } from './guard.js';
import type { Inheritance } from './inheritance.js';
import { adoptPidFile, createPidFile, defaultPidFile, missingPidFile, type PidFile } from './pid-file.js';

export class PidFileKeeper {
  readonly #settings: Settings;
  /** Still the old manager's, until this one takes over. */
  readonly #inherited: Inheritance['pidFile'];
  #hasAdopted = false;
  #file: PidFile | undefined;
  /** The last line that was logged: each is logged once. */
  #trouble: string | undefined;

  /** @throws PreforkError when `pidFile` was named and cannot be made: a user that names one relies on it. */
  constructor(settings: Settings, inheritance: Inheritance | undefined) {
    this.#settings = settings;
    const { pidFile = defaultPidFile() } = settings;
    const inherited = inheritance?.pidFile;
    if (inherited?.path === resolve(pidFile)) this.#inherited = inherited;
    else this.#file = this.#open(pidFile);
  }

  /** Makes it anew when somebody deleted it. @throws PreforkError */
  ensure(): void {
    this.#file?.ensure();
  }

  /** Which file it is, while there is one. */
  get inode(): number | undefined {
    return this.#file?.inode;
  }

  /** For the next manager of an upgrade. A file that could not be made yet is made by the next manager. */
  get lent(): { path: string; fd: number } | undefined {
    const { path, fd } = this.#file ?? {};
    return path === undefined || fd === undefined ? undefined : { path, fd };
  }

  /** Makes it again when it has gone. */
  keep(): void {
    const before = this.#trouble;
    try {
      const inherited = this.#hasAdopted ? this.#inherited : undefined;
      if (inherited) this.#file ??= adoptPidFile(inherited.path, inherited.fd, this.#announce(inherited.path));
      this.#file?.ensure();
      this.#trouble = undefined;
    } catch (error) {
      this.#trouble = messageOf(error);
      if (this.#trouble !== before) this.#settings.log.error(this.#trouble);
    }
  }

  /** Takes it over from the old manager. */
  adopt(): void {
    this.#hasAdopted = true;
    this.keep();
  }

  /** Writes our pid into it again: the next manager of an upgrade that failed may have written its own. */
  rewrite(): void {
    attempt(this.#settings.log, 'write the process id file again', () => this.#file?.rewrite());
  }

  release(remove: boolean): void {
    attempt(this.#settings.log, 'remove the process id file', () => this.#file?.release(remove));
  }

  /** With the default name, a file that another server holds is left alone. Otherwise the file is made as soon as possible. */
  #open(path: string): PidFile | undefined {
    const creating = this.#announce(path);
    try {
      return takeEarlyPidFile(path) ?? createPidFile(path, creating);
    } catch (error) {
      if (this.#settings.pidFile !== undefined) throw error;
      this.#trouble = messageOf(error);
      this.#settings.log.warn(`${this.#trouble}; running without one`);
      const isOthers = error instanceof PreforkError && error.code === 'ERR_PREFORK_RUNNING';
      return isOthers ? undefined : missingPidFile(path, creating);
    }
  }

  #announce(path: string): () => void {
    return () => this.#settings.log.info(`Creating process id file "${path}"`);
  }
}
