// The `prefork` command with `--watch`, in its manager. Folders with code -> one event after the last change of a series.
// It watches folders itself: what Node calls recursive watches every file, those of node_modules among them.

import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../errors.js';

/** What is loaded as code. Logs, uploads and databases are not. */
const CODE = /^[^.].*\.([cm]?[jt]sx?|json|node|wasm)$/;

/** How long a series of changes has to be quiet: an editor writes a file in several steps. Milliseconds. */
const QUIET = 100;

export interface Changes {
  /** How many series there were. */
  readonly count: number;
  /** @returns what ends it */
  listen(changed: (file: string) => void): () => void;
  /** Resolves with the next one. */
  next(): Promise<void>;
  close(): void;
}

/** Watches a folder and the folders in it, but for node_modules and those that begin with a dot. */
export function watchFolder(root: string, warn: (message: string) => void): Changes {
  const folders = new Map<string, FSWatcher>();
  const listeners = new Set<(file: string) => void>();
  let count = 0;
  let timer: NodeJS.Timeout | undefined;

  const changed = (file: string) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      count += 1;
      for (const listener of [...listeners]) listener(file);
    }, QUIET);
  };

  const add = (folder: string, isNew: boolean) => {
    if (folders.has(folder)) return;
    try {
      const watcher = watch(folder, (_event, name) => seen(folder, name ?? ''));
      watcher.on('error', () => remove(folder));
      folders.set(folder, watcher);
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        if (entry.isDirectory() && isWatched(entry.name)) add(join(folder, entry.name), isNew);
        else if (isNew && CODE.test(entry.name)) changed(join(folder, entry.name));
      }
    } catch (error) {
      // it has gone already, or it is not ours to read; too many folders are worth a word
      if (!/^(ENOENT|EACCES)$/.test(codeOf(error))) warn(`Can't watch ${folder}: ${messageOf(error)}`);
    }
  };

  const remove = (folder: string) => {
    folders.get(folder)?.close();
    folders.delete(folder);
  };

  const seen = (folder: string, name: string) => {
    const path = join(folder, name);
    if (CODE.test(name)) changed(path);
    if (isFolder(path)) {
      if (name !== '' && isWatched(name)) add(path, true);
    } else if (folders.has(path)) remove(path);
  };

  add(root, false);
  return {
    get count() {
      return count;
    },
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    next() {
      return new Promise((resolve) => {
        const end = this.listen(() => {
          end();
          resolve();
        });
      });
    },
    close() {
      clearTimeout(timer);
      for (const folder of [...folders.keys()]) remove(folder);
    },
  };
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
