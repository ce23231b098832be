// Manager. The folder in which new processes start. Its name is resolved again each time: `current -> releases/7` may have changed
// since the last start. The manager changes into it at each reload, unless the application has changed the folder.

import { accessSync, constants } from 'node:fs';
import { messageOf, PreforkError } from '../errors.js';
import { origin } from './origin.js';

/** The folder that this file has set. If the manager is in another one, the application has chosen it. */
let home: string | undefined;

/**
 * The folder in which the next process starts.
 *
 * @throws PreforkError `ERR_PREFORK_DIRECTORY` when no process can start there.
 */
export function nextFolder(directory: string | undefined): string {
  const folder = directory ?? origin().folder;
  try {
    // the dot asks for a folder
    accessSync(`${folder}/.`, constants.X_OK);
  } catch (error) {
    throw unusable(folder, error);
  }
  return folder;
}

/** At the start: changes into the folder that the option names. @throws PreforkError `ERR_PREFORK_DIRECTORY` */
export function enterFolder(directory: string | undefined): void {
  if (directory !== undefined) enter(directory);
}

/** Before a reload: changes into the folder that the name means now. @throws PreforkError `ERR_PREFORK_DIRECTORY` */
export function followFolder(directory: string | undefined): void {
  const folder = nextFolder(directory);
  if (process.cwd() === (home ?? origin().start)) enter(folder);
}

function enter(folder: string): void {
  try {
    process.chdir(folder);
  } catch (error) {
    throw unusable(folder, error);
  }
  home = process.cwd();
}

function unusable(folder: string, error: unknown): PreforkError {
  const reason = (error as NodeJS.ErrnoException).code ?? messageOf(error);
  const message = `Can't enter the folder "${folder}", in which new processes start (${reason})`;
  return new PreforkError('ERR_PREFORK_DIRECTORY', message, error);
}
