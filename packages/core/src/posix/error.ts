// Both processes. Errors of libc calls, as Node's own errors look.

import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import { libc } from '../libc.js';
import { printable } from '../printable.js';

/** A failed call as Node's own errors look: `listen EADDRINUSE: address already in use 127.0.0.1:8080`. */
export function systemError(syscall: string, subject = ''): NodeJS.ErrnoException {
  const errno = -libc().errno();
  const [code, text] = getSystemErrorMap().get(errno) ?? [nameOf(-errno), 'no more is known'];
  const message = `${syscall} ${code}: ${text}${subject && ` ${printable(subject)}`}`;
  return Object.assign(new Error(message), { errno, code, syscall });
}

/** Node has no text for some of the system's errors, ENOLCK among them. */
function nameOf(errno: number): string {
  return Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
}

/** The result of a call, unless it is -1. */
export function check(result: number, syscall: string, subject?: string): number {
  if (result === -1) throw systemError(syscall, subject);
  return result;
}
