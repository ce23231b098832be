// Manager. The environment of new processes: the one that the manager was started with, without the variables that are meant
// for this one process. Those of systemd are also taken out of process.env, and given back when the server has finished.

import { OWN_VARIABLES, WORKER_ID } from '../handover.js';
import { origin } from './origin.js';

/** child_process and cluster set these, and Node removes them at its start. */
const NODE_VARIABLES = ['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE', 'NODE_UNIQUE_ID'];

const taken: Record<string, string> = {};

/** @returns a function that gives them back. */
export function takeVariables(names: readonly string[]): () => void {
  for (const name of names) {
    const value = process.env[name];
    if (value === undefined) continue;
    taken[name] = value;
    delete process.env[name];
  }
  return () => {
    for (const name of names) {
      if (taken[name] !== undefined) process.env[name] = taken[name];
      delete taken[name];
    }
  };
}

/** The environment of the next manager of an upgrade, without the variables that name this process' pid. */
export function nextVariables(): NodeJS.ProcessEnv {
  const { NOTIFY_SOCKET, WATCHDOG_USEC } = taken;
  return { NOTIFY_SOCKET, WATCHDOG_USEC };
}

/**
 * The environment that the manager was started with. Variables that the application has set since, or has read from a file, are not
 * passed on: the script runs again in the new process, and reads the file as it is then.
 */
export function inheritedVariables(folder: string): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...origin().env };
  for (const name of [...NODE_VARIABLES, ...OWN_VARIABLES, WORKER_ID, ...Object.keys(taken)]) delete env[name];
  // as a shell does after cd
  return { ...env, PWD: folder };
}
