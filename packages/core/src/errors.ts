// Both processes. The errors of the server itself. Bad options are TypeError and RangeError; system errors of listen() stay as they are.

import { printable } from './printable.js';

/** Every code a {@link PreforkError} can carry, with the sentence `docs/errors.md` explains. */
export const ERROR_CODES = {
  ERR_PREFORK_ACTIVATION: 'What systemd passed on cannot be used',
  ERR_PREFORK_BOOT: 'A worker stopped before its first heartbeat',
  ERR_PREFORK_DIRECTORY: 'The folder of new processes cannot be entered',
  ERR_PREFORK_HANG_REPORT_FILE: 'The file of hang reports cannot be written',
  ERR_PREFORK_LOCK_FILE: 'The lock file cannot be used',
  ERR_PREFORK_OWNER: 'The workers cannot be started as `user` and `group`',
  ERR_PREFORK_PID_FILE: 'The PID file cannot be used',
  ERR_PREFORK_PLATFORM: 'This machine or this Node has not what sharing a listening socket needs',
  ERR_PREFORK_RELOAD: 'A reload did not come up, the old workers stay',
  ERR_PREFORK_RUNNING: 'This server, or another one with the same PID file, runs already',
  ERR_PREFORK_SHUT_DOWN: 'A listening socket was shut down, and cannot listen again',
  ERR_PREFORK_TLS: 'A TLS certificate, key or CA file cannot be used',
} as const;

/** @see {@link ERROR_CODES} */
export type PreforkErrorCode = keyof typeof ERROR_CODES;

/**
 * An error of the server itself; `cause` holds the original one.
 *
 * @example
 * server.on('error', (error) => { if (error.code === 'ERR_PREFORK_RUNNING') notify(); });
 */
export class PreforkError extends Error {
  override readonly name = 'PreforkError';
  /** A stable name for the reason, the message may change. */
  readonly code: PreforkErrorCode;

  constructor(code: PreforkErrorCode, message: string, cause?: unknown) {
    super(printable(message), cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** The message of a thrown value of any type. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
