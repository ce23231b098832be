// Manager. User and group of this process. A script that gives up root after listen() changes only the manager: its workers
// stay root, and the manager can no longer signal them.

import { PreforkError } from '../errors.js';

/** User and group, real and effective, as one text to compare. */
export function ownRights(): string {
  const { getuid, geteuid, getgid, getegid } = process;
  return [getuid, geteuid, getgid, getegid].map((get) => get?.()).join(':');
}

/** @param before the result of {@link ownRights} when the server was started. */
export function rightsError(before: string): PreforkError {
  const [uid] = before.split(':');
  return new PreforkError(
    'ERR_PREFORK_OWNER',
    `The script changed the user of the manager (from ${uid} to ${process.geteuid?.()}), but its workers still run as ${uid}: ` +
      'take process.setuid() and process.setgid() out, and name the options `user` and `group`; stopping',
  );
}
