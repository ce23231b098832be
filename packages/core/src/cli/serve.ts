// The `prefork` command that serves. Only workers, `--check` and `--single` load the app; the manager never does.

import { basename, dirname } from 'node:path';
import { adoptServers, watchListen } from '../adopt.js';
import { type CommandCall, firstCall } from '../calls.js';
import { PreforkError } from '../errors.js';
import { type Identity, identity } from '../handover.js';
import { type PreforkOptions, resolveOptions } from '../options.js';
import { type Prefork, prefork, usePrototypes } from '../prefork.js';
import { expressPrototypes } from './app.js';
import { FAILED, usageError } from './command-error.js';
import { load } from './load.js';
import type { Assignment } from './settings.js';
import { Changes } from './watch.js';

/** The manager's part and the worker's; resolves with the exit status, in a worker never. */
export async function serve(assignment: Assignment, watch: boolean): Promise<number> {
  const { options } = assignment;
  if (identity) return serveInWorker(identity, assignment);
  if (options.single || process.platform !== 'linux') {
    if (watch) throw usageError('A server that is single has no workers to reload: use `node --watch`');
    return serveAlone(assignment);
  }
  return statusOf(watch ? await serveAndWatch(assignment) : await outcomeOf(manager(options), callOf(assignment)));
}

/** Runs the file here, and binds nothing. */
export async function check(assignment: Assignment): Promise<number> {
  await load(assignment, watchListen(true));
  console.log('Everything looks good!');
  return 0;
}

async function serveInWorker(identity: Identity, assignment: Assignment): Promise<number> {
  const { app, options, isListenGiven } = assignment;
  usePrototypes(expressPrototypes);
  const adoption = adoptServers(identity, resolveOptions(options), { name: basename(app), isListenGiven });
  const listener = await load(assignment, adoption);
  if (listener) adoption.serve(listener);
  return new Promise(() => {});
}

/** A file that listens by itself does so here as with `node`. */
async function serveAlone(assignment: Assignment): Promise<number> {
  usePrototypes(expressPrototypes);
  const listens = watchListen(false);
  const listener = await load(assignment, listens);
  if (listener) return statusOf(await outcomeOf(prefork(listener, assignment.options), 'given'));
  if (!assignment.isListenGiven) return new Promise(() => {});
  throw usageError(
    `${basename(assignment.app)} listens itself, and alone it listens where it says: leave out --listen, or --single`,
  );
}

/** The listener is never called: a manager sees no request. */
function manager(options: PreforkOptions): Prefork {
  return prefork(() => {}, options);
}

/** The error of a failed server. */
function outcomeOf(server: Prefork, command: CommandCall): Promise<unknown> {
  return firstCall(command, () => server.run()).then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** Without a location the manager binds nothing until a worker asks. */
function callOf({ isListenGiven }: Assignment): CommandCall {
  return isListenGiven ? 'given' : 'asked';
}

/** The reason is in the log. */
function statusOf(error: unknown): number {
  return error === undefined ? 0 : FAILED;
}

function isPreforkError(error: unknown, code: PreforkError['code']): boolean {
  return error instanceof PreforkError && error.code === code;
}

/** For development: a change causes a reload. Code that does not boot is tried again after the next change. */
async function serveAndWatch(assignment: Assignment): Promise<unknown> {
  const { app, options } = assignment;
  const { log } = resolveOptions(options);
  const folder = watchedFolder(app);
  const changes = new Changes(folder, (message) => log.warn(message));
  log.info(`Watching ${folder}`);
  try {
    for (;;) {
      const before = changes.count;
      const error = await runWith(changes, manager(options), callOf(assignment), (file) =>
        log.info(`${file} has changed`),
      );
      if (!isPreforkError(error, 'ERR_PREFORK_BOOT')) return error;
      log.info(`Waiting for a change of ${basename(app)}, or what it loads`);
      if (changes.count === before) await changes.next();
    }
  } finally {
    changes.close();
  }
}

/** As {@link outcomeOf}, with a reload for each change. */
function runWith(
  changes: Changes,
  server: Prefork,
  command: CommandCall,
  tell: (file: string) => void,
): Promise<unknown> {
  const before = changes.count;
  let isListening = false;
  server.once('listening', () => {
    isListening = true;
    // changes during the boot: the manager accepts no reload before its first worker serves
    if (changes.count > before) server.reload();
  });
  const stop = changes.listen((file) => {
    tell(file);
    if (isListening) server.reload();
  });
  return outcomeOf(server, command).finally(stop);
}

/** The working folder, where the app's other modules are, or the app's own if that is elsewhere. */
function watchedFolder(app: string): string {
  const folder = process.cwd();
  return app.startsWith(`${folder}/`) ? folder : dirname(app);
}
