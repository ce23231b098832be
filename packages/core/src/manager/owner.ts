// Manager. The user that the workers run as: the options `user` and `group` -> numbers, and the user's environment variables.

import { messageOf, PreforkError } from '../errors.js';
import { findEntry } from './spawn.js';

/** The user and group that the workers run as. A missing one stays the manager's own. */
export interface Owner {
  uid?: number;
  gid?: number;
  /** HOME, USER, LOGNAME and SHELL of that user. */
  variables?: Record<string, string>;
}

/**
 * A user without a group gets the user's own.
 *
 * @throws PreforkError `ERR_PREFORK_OWNER` when this process may not start others as another user, or no user has this name.
 */
export function resolveOwner(user?: string | number, group?: string | number): Owner {
  if (user === undefined && group === undefined) return {};
  if (process.getuid?.() !== 0)
    throw new PreforkError('ERR_PREFORK_OWNER', 'Only root can start workers with another `user` or `group`');
  const entry = user === undefined ? ask('passwd', 0) : ask('passwd', user);
  const gid = group === undefined ? numberOf('user', user ?? 0, entry?.[3]) : groupOf(group);
  if (user === undefined) return { gid };
  const uid = typeof user === 'number' ? user : numberOf('user', user, entry?.[2]);
  const [name = `${uid}`, , , , , home = '/', shell = ''] = entry ?? [];
  return { uid, gid, variables: { HOME: home, USER: name, LOGNAME: name, SHELL: shell || '/bin/sh' } };
}

function groupOf(group: string | number): number {
  return typeof group === 'number' ? group : numberOf('group', group, ask('group', group)?.[2]);
}

function ask(database: 'passwd' | 'group', key: string | number): string[] | undefined {
  try {
    return findEntry(database, String(key));
  } catch (error) {
    if (typeof key === 'number') return undefined;
    const message = `Can't ask getent(1) for the number of \`${key}\`: ${messageOf(error)}; install it, or give numbers`;
    throw new PreforkError('ERR_PREFORK_OWNER', message, error);
  }
}

/** Never NaN: a text that is not a number is not a user id. */
function numberOf(what: 'user' | 'group', name: string | number, field: string | undefined): number {
  if (field !== undefined && /^\d+$/.test(field)) return Number(field);
  const hint = typeof name === 'number' ? ' (a number without an entry needs `group` as well)' : '';
  throw new PreforkError('ERR_PREFORK_OWNER', `Expected \`${what}\` to exist, got \`${name}\`${hint}`);
}
