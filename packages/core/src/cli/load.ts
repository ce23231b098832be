// The `prefork` command, in a worker, with `--check` and with `--single`. Runs the file and sees what happens: a server of the file
// listens, or the file exports an app.

import Module from 'node:module';
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { refuseCalls } from '../calls.js';
import { type Listener, resolveOptions } from '../options.js';
import { findListener, mistakeOf } from './app.js';
import type { Assignment } from './settings.js';

/** What is known of the servers of the file. */
export interface Listening {
  /** Whether one of them has called `listen`, which may look an address up first. */
  readonly isCalled: boolean;
  /** Resolves when one listens. */
  readonly first: Promise<void>;
  /** Why one of them could not. */
  readonly refusal?: string | undefined;
}

/**
 * Resolves with the app that the file exports, unless it has called `listen`: then with nothing, once a server listens.
 *
 * @throws CommandError with status 1 when neither happens in the time that a worker has for booting, or can happen any more
 */
export async function load({ app, args, options }: Assignment, listening: Listening): Promise<Listener | undefined> {
  const name = basename(app);
  refuseCalls(
    `${name} starts a server itself: run \`node ${name}\`, or export the app and leave the server to \`prefork\``,
  );
  const tooLate = bootTime(resolveOptions(options));
  const module = await runMain(app, args);
  const listener = listening.isCalled ? undefined : await findListener(module);
  if (listener && !listening.isCalled) return listener;
  const isLate = Promise.race([tooLate, nothingLeft()]).then(() => true);
  if (await Promise.race([listening.first, isLate])) throw await mistakeOf(app, module, listening.refusal);
  return undefined;
}

/**
 * Runs the file as Node's main module, as `node <file> <args>` does.
 *
 * @returns what it exports, once its import has settled.
 */
async function runMain(file: string, args: readonly string[]): Promise<unknown> {
  process.argv.splice(1, process.argv.length, file, ...args);
  Module.runMain();
  // of CommonJS; an ES module has none
  if (process.mainModule) return { default: process.mainModule.exports };
  // Node's own import of it must be the first: that one makes it the main module
  await new Promise(setImmediate);
  return import(pathToFileURL(file).href).catch(() => new Promise(() => {})); // Node tells, and ends the process
}

/** A little before the manager kills the worker: after that the worker could not log the reason. */
function bootTime({ heartbeatInterval, heartbeatTimeout }: { heartbeatInterval: number; heartbeatTimeout: number }) {
  const left = 0.9 * (heartbeatInterval + heartbeatTimeout) - 1000 * process.uptime();
  return new Promise<void>((resolve) => void setTimeout(resolve, Math.max(1, left)).unref());
}

/** Nothing keeps the event loop alive any more. */
function nothingLeft(): Promise<void> {
  return new Promise((resolve) => void process.once('beforeExit', () => resolve()));
}
