// Manager. PID files that `Prefork#ensurePidFile` makes before `listen`: the server that listens takes its own over. What is left
// is removed with the process.

import { resolve } from 'node:path';
import { readTakeover, succession } from '../handover.js';
import type { Settings } from '../options.js';
import { createPidFile, defaultPidFile, type PidFile } from './pid-file.js';

const early = new Map<string, { file: PidFile; isRemoved: boolean }>();

/**
 * Makes the file, unless this process holds it already, or is about to inherit it in an upgrade.
 *
 * @throws PreforkError `ERR_PREFORK_RUNNING`, `ERR_PREFORK_PID_FILE`.
 */
export function ensureEarlyPidFile({ pidFile = defaultPidFile(), cleanup, log }: Settings): void {
  const path = resolve(pidFile);
  const known = early.get(path);
  if (known) return known.file.ensure();
  if (succession && readTakeover().pidFile === path) return;
  const file = createPidFile(path, () => log.info(`Creating process id file "${pidFile}"`));
  if (early.size === 0) process.once('exit', removeAll);
  early.set(path, { file, isRemoved: cleanup });
}

/** From here on the caller releases it. */
export function takeEarlyPidFile(path: string): PidFile | undefined {
  const file = early.get(resolve(path))?.file;
  early.delete(resolve(path));
  return file;
}

function removeAll(): void {
  for (const { file, isRemoved } of early.values()) file.release(isRemoved);
}
