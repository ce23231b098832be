// Both processes. The operator's log (stderr, replaceable) and the developer's trace (`DEBUG=prefork:*`).

import { createRequire } from 'node:module';
import type debug from 'debug';

// not imported: Node would read and parse it for its exports, though the application has often loaded it already
const createDebug = createRequire(import.meta.url)('debug') as typeof debug;

/**
 * What the server needs of a logger: pino, winston and `console` fit as they are.
 *
 * @example
 * preforkExpress(app, { log: pino() }).listen(8080);
 */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** Traces of the manager, of a worker's life, and of the accept path: `DEBUG=prefork:manager node server.js`. */
export const trace = {
  manager: createDebug('prefork:manager'),
  worker: createDebug('prefork:worker'),
  accept: createDebug('prefork:accept'),
};

/** One line a message on stderr, with the local time and the pid: `[2026-11-22 09:30:00.123] [4711] [info] ...`. */
export const defaultLog: Log = {
  info: (message) => write('info', message),
  warn: (message) => write('warn', message),
  error: (message) => write('error', message),
};

function write(level: string, message: string): void {
  process.stderr.write(`[${timestamp(new Date())}] [${process.pid}] [${level}] ${message}\n`);
}

function timestamp(date: Date): string {
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, -1).replace('T', ' ');
}
