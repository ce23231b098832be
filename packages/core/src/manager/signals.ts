// Manager. The signals it takes while a server runs, and what they mean in this process; taken away after, so that a process
// can go on.

import { defaultLog, type Log } from '../log.js';
import { findNodemon, flagFor, isThere, type Nodemon } from './other-users.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGTTIN', 'SIGTTOU', 'SIGHUP', 'SIGUSR2'] as const;

/** The signals of the manager, as `docs/signals.md` lists them. */
export type ManagerSignal = (typeof SIGNALS)[number];

/** These signals end the server, even if other code listens for them. */
const STOPS: readonly ManagerSignal[] = ['SIGINT', 'SIGTERM', 'SIGQUIT'];

/**
 * timeout(1) sends TERM to its child and then to the whole group, the child included. So a second TERM that comes this soon may belong to
 * the same order. It counts a moment later, when quick requests have ended. Milliseconds.
 */
const SOON = 100;
const MOMENT = 300;

/** The handlers of all servers of this process: every other one is the application's. */
const handlers = new Set<unknown>();

/** @returns a function that takes the handler away again. */
export function handleSignals(handler: (signal: ManagerSignal) => void, log: Log = defaultLog): () => void {
  const { isatty } = process.getBuiltinModule('node:tty');
  const terminals = [0, 1, 2].filter((fd) => isatty(fd));
  const nodemon = findNodemon();
  let isClosing = false;
  let termAt = Number.NEGATIVE_INFINITY;
  let delayed: NodeJS.Timeout | undefined;
  const handle = (name: NodeJS.Signals) => {
    const now = performance.now();
    const isSoon = name === 'SIGTERM' && now - termAt < SOON;
    if (name === 'SIGTERM') termAt = now;
    if (!isSoon) return take(name as ManagerSignal);
    delayed ??= setTimeout(() => take('SIGTERM'), MOMENT).unref();
  };
  const take = (signal: ManagerSignal) => {
    const isEnd = signal === 'SIGINT' || signal === 'SIGTERM';
    if (isEnd && !isClosing && isApplications(signal)) {
      // it closes the server itself, maybe in the same tick: a second signal means that it takes too long
      isClosing = true;
      return handler('SIGQUIT');
    }
    // the terminal was closed, so this HUP is no order to reload
    if (signal === 'SIGHUP' && terminals.some((fd) => !isatty(fd))) return handler('SIGQUIT');
    const meant = STOPS.includes(signal) ? signal : meaningOf(signal, nodemon, log);
    if (meant) handler(meant);
  };
  handlers.add(handle);
  for (const signal of SIGNALS) process.on(signal, handle);
  return () => {
    clearTimeout(delayed);
    handlers.delete(handle);
    for (const signal of SIGNALS) process.off(signal, handle);
  };
}

/** The meaning of a signal for the manager; nothing when the signal is for Node. */
function meaningOf(signal: ManagerSignal, nodemon: Nodemon | undefined, log: Log): ManagerSignal | undefined {
  const name = signal.replace('SIG', '');
  const flag = flagFor(signal);
  if (flag !== undefined) {
    log.warn(`Ignoring ${name}: Node has taken it by ${flag}, name another signal there`);
    return undefined;
  }
  if (nodemon?.signal !== signal || !isThere(nodemon)) return signal;
  log.info(`Stopping for nodemon ${nodemon.pid}, which restarts the server by ${name}`);
  return 'SIGQUIT';
}

/** Whether the application listens for this signal, too. */
function isApplications(signal: ManagerSignal): boolean {
  return process.listeners(signal).some((listener) => !handlers.has(listener));
}
