// The `prefork` command that serves. Only workers, `--check` and `--single` load the app; the manager never does.

import { basename, dirname } from 'node:path';
import { firstCall, refuseCalls } from '../calls.js';
import { PreforkError } from '../errors.js';
import { identity } from '../handover.js';
import { type PreforkOptions, resolveOptions } from '../options.js';
import { type Prefork, prefork } from '../prefork.js';
import { loadApp } from './app.js';
import { FAILED, usageError } from './command-error.js';
import type { Assignment } from './settings.js';
import { Changes } from './watch.js';

/** The manager's part and the worker's; resolves with the exit status, in a worker never. */
export async function serve({ app, options }: Assignment, watch: boolean): Promise<number> {
  if (identity) {
    const listener = await load(app);
    await run(prefork(listener, options));
    return FAILED; // this worker belongs to no server of ours
  }
  if (options.single || process.platform !== 'linux') {
    if (watch) throw usageError('A server that is single has no workers to reload: use `node --watch`');
    return statusOf(await outcomeOf(prefork(await load(app), options)));
  }
  return statusOf(watch ? await serveAndWatch(app, options) : await outcomeOf(manager(options)));
}

/** Loads the app here, and binds nothing. */
export async function check({ app }: Assignment): Promise<number> {
  await load(app);
  console.log('Everything looks good!');
  return 0;
}

async function load(app: string) {
  const name = basename(app);
  refuseCalls(
    `${name} starts a server itself: run \`node ${name}\`, or export the app and leave the server to \`prefork\``,
  );
  return loadApp(app);
}

/** The listener is never called: a manager sees no request. */
function manager(options: PreforkOptions): Prefork {
  return prefork(() => {}, options);
}

const run = (server: Prefork) => firstCall(() => server.run());

/** What the server failed with. */
function outcomeOf(server: Prefork): Promise<unknown> {
  return run(server).then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** The reason is in the log. */
function statusOf(error: unknown): number {
  return error === undefined ? 0 : FAILED;
}

function isPreforkError(error: unknown, code: PreforkError['code']): boolean {
  return error instanceof PreforkError && error.code === code;
}

/** For development: a change reloads, and code that does not boot is waited for. */
async function serveAndWatch(app: string, options: PreforkOptions): Promise<unknown> {
  const { log } = resolveOptions(options);
  const folder = watchedFolder(app);
  const changes = new Changes(folder, (message) => log.warn(message));
  log.info(`Watching ${folder}`);
  try {
    for (;;) {
      const before = changes.count;
      const error = await runWith(changes, manager(options), (file) => log.info(`${file} has changed`));
      if (!isPreforkError(error, 'ERR_PREFORK_BOOT')) return error;
      log.info(`Waiting for a change of ${basename(app)}, or what it loads`);
      if (changes.count === before) await changes.next();
    }
  } finally {
    changes.close();
  }
}

/** As {@link outcomeOf}, with a reload for each change. */
function runWith(changes: Changes, server: Prefork, tell: (file: string) => void): Promise<unknown> {
  const before = changes.count;
  let isListening = false;
  server.once('listening', () => {
    isListening = true;
    // what came during the boot: the manager knows no reload before its first worker serves
    if (changes.count > before) server.reload();
  });
  const stop = changes.listen((file) => {
    tell(file);
    if (isListening) server.reload();
  });
  return outcomeOf(server).finally(stop);
}

/** The working folder, where the app's other modules are, or the app's own if that is elsewhere. */
function watchedFolder(app: string): string {
  const folder = process.cwd();
  return app.startsWith(`${folder}/`) ? folder : dirname(app);
}
