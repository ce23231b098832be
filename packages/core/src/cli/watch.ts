// The `prefork` command with `--watch`, in its manager. Folders with code -> one event after the last change of a series. It watches
// each folder itself: Node's recursive watch would watch every file, also those of node_modules.

import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../errors.js';

/** The files that are code. Logs, uploads and databases are not. */
const CODE = /^[^.].*\.([cm]?[jt]sx?|json|node|wasm)$/;

/** A series of changes ends after a pause of this length: an editor writes a file in several steps. Milliseconds. */
const QUIET = 100;

/** A folder and the folders in it, but for node_modules and those that begin with a dot. */
export class Changes {
  /** How many series of changes there have been. */
  count = 0;
  readonly #folders = new Map<string, FSWatcher>();
  readonly #listeners = new Set<(file: string) => void>();
  readonly #warn: (message: string) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(root: string, warn: (message: string) => void) {
    this.#warn = warn;
    this.#add(root, false);
  }

  /** @returns what ends it */
  listen(changed: (file: string) => void): () => void {
    this.#listeners.add(changed);
    return () => void this.#listeners.delete(changed);
  }

  /** Resolves with the next series. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      const end = this.listen(() => {
        end();
        resolve();
      });
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const folder of [...this.#folders.keys()]) this.#remove(folder);
  }

  #changed(file: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.count += 1;
      for (const listener of [...this.#listeners]) listener(file);
    }, QUIET);
  }

  /** Files in a new folder may be older than its watch. */
  #add(folder: string, isNew: boolean): void {
    if (this.#folders.has(folder)) return;
    try {
      const watcher = watch(folder, (_event, name) => this.#seen(folder, name ?? ''));
      watcher.on('error', () => this.#remove(folder));
      this.#folders.set(folder, watcher);
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        if (entry.isDirectory() && isWatched(entry.name)) this.#add(join(folder, entry.name), isNew);
        else if (isNew && CODE.test(entry.name)) this.#changed(join(folder, entry.name));
      }
    } catch (error) {
      // The folder has gone, or this user may not read it. Too many folders are worth a warning.
      if (!/^(ENOENT|EACCES)$/.test(codeOf(error))) this.#warn(`Can't watch ${folder}: ${messageOf(error)}`);
    }
  }

  #remove(folder: string): void {
    this.#folders.get(folder)?.close();
    this.#folders.delete(folder);
  }

  #seen(folder: string, name: string): void {
    const path = join(folder, name);
    if (CODE.test(name)) this.#changed(path);
    if (!isFolder(path)) this.#remove(path);
    else if (name !== '' && isWatched(name)) this.#add(path, true);
  }
}

function isWatched(name: string): boolean {
  return name !== 'node_modules' && !name.startsWith('.');
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code);
}
