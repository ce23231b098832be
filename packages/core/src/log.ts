// Both processes. The operator's log (stderr, replaceable) and the developer's trace (`DEBUG=prefork:*`). A line that cannot be
// written is lost; that never ends a process.

import { format } from 'node:util';
import type debug from 'debug';
import { printable } from './printable.js';
import { load } from './require.js';

// not imported: Node would read and parse it for its exports, although the application has often loaded it already
const createDebug = loadDebug();

/** A bundle may not contain it. Then there are no traces. */
function loadDebug(): typeof debug | undefined {
  try {
    return load('debug') as typeof debug;
  } catch {
    return undefined;
  }
}

/** The part of `debug` that is used. */
interface Trace {
  (format: string, ...args: unknown[]): void;
  enabled: boolean;
}

/**
 * The methods that a logger must have. pino, winston and `console` have them.
 *
 * @example
 * preforkExpress(app, { log: pino() }).listen(8080);
 */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

let isGuarded = false;

/** EPIPE (no reader) and ENOSPC (a full disk) come later, as an event. */
function write(line: string): void {
  if (!isGuarded) process.stderr.on('error', () => {});
  isGuarded = true;
  process.stderr.write(`${line}\n`);
}

/** Traces of the manager, of a worker's life, of the accept path, and of each connection: `DEBUG=prefork:manager node server.js`. */
export const trace = {
  manager: createTrace('prefork:manager'),
  worker: createTrace('prefork:worker'),
  accept: createTrace('prefork:accept'),
  connection: createTrace('prefork:connection'),
};

function createTrace(name: string): Trace {
  if (!createDebug) return Object.assign(() => {}, { enabled: false });
  const own = createDebug(name);
  own.log = (...args: unknown[]) => write(format(...args));
  return own;
}

/** One line a message on stderr, with the local time and the pid: `[2026-11-22 09:30:00.123] [4711] [info] ...`. */
export const defaultLog: Log = {
  info: (message) => writeEntry('info', message),
  warn: (message) => writeEntry('warn', message),
  error: (message) => writeEntry('error', message),
};

function writeEntry(level: string, message: string): void {
  write(`[${timestamp(new Date())}] [${process.pid}] [${level}] ${message}`);
}

function timestamp(date: Date): string {
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, -1).replace('T', ' ');
}

/**
 * Wraps a log so that it never throws, and each message is one line: a path or an argument in a message can contain line breaks and
 * escape sequences.
 */
export function guardLog(log: Log): Log {
  const guard = (level: keyof Log) => (message: string) => {
    try {
      const result: unknown = log[level](printable(message));
      // an async method
      if (result instanceof Promise) result.catch(() => {});
    } catch {
      // the line is lost
    }
  };
  return { info: guard('info'), warn: guard('warn'), error: guard('error') };
}

/** A thrown value, with its stack, in one line. */
export function describeThrown(error: unknown): string {
  if (!(error instanceof Error)) return `${String(error)} was thrown`;
  return (error.stack ?? `${error.name}: ${error.message}`).split(/\n\s*/).join('; ');
}
