// The `prefork` command. Whether a config file may run. It is code: a user that can write it, or its folder, could run code with
// the rights of the caller.

import { realpathSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { usageError } from './command-error.js';

const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;

/** Who may write a file that runs. */
export interface Trust {
  /** Besides the caller and root. */
  owners: readonly number[];
  /** Otherwise only a file of somebody else in a folder that everybody may write is refused. */
  isStrict: boolean;
}

/** @throws CommandError with status 2 that names the file and what is wrong with it. */
export function expectTrusted(file: string, { owners, isStrict }: Trust): void {
  const me = process.geteuid?.();
  if (me === undefined) return; // Windows
  const real = realpathSync(file);
  const trusted = [0, me, ...owners];
  const [stats, ...folders] = [real, dirname(file), dirname(real)].map((path) => ({ path, ...facts(path) }));
  const isPlanted = !trusted.includes(stats?.uid ?? -1) && folders.some(({ mode }) => (mode & OTHERS_WRITE) !== 0);
  if (!isStrict && !isPlanted) return;
  const flaw =
    flawOf('it', stats, trusted) ??
    folders.map((folder) => flawOf(`its folder ${folder.path}`, folder, trusted)).find(Boolean) ??
    flawAbove(dirname(real));
  if (flaw === undefined) return;
  throw usageError(
    `Refusing to run the config file ${file}: ${flaw}; take it away, or let it and its folder be yours or root's and nobody else's to write`,
  );
}

function facts(path: string): Pick<Stats, 'uid' | 'gid' | 'mode'> {
  const { uid, gid, mode } = statSync(path);
  return { uid, gid, mode };
}

function flawOf(what: string, stats: Pick<Stats, 'uid' | 'gid' | 'mode'> | undefined, trusted: readonly number[]) {
  if (!stats) return undefined;
  const { uid, gid, mode } = stats;
  if (!trusted.includes(uid)) return `${what} belongs to user ${uid}`;
  if (mode & OTHERS_WRITE) return `${what} can be written by every user`;
  const isOwnGroup = gid === 0 || gid === process.getegid?.();
  return mode & GROUP_WRITES && !isOwnGroup ? `${what} can be written by the group ${gid}` : undefined;
}

/** A user that can rename a folder of the path can replace it. In a sticky folder only the owner can. */
function flawAbove(folder: string): string | undefined {
  for (let path = folder; path !== dirname(path); path = dirname(path)) {
    const { mode } = facts(dirname(path));
    if (mode & OTHERS_WRITE && !(mode & STICKY)) return `the folder ${dirname(path)} can be written by every user`;
  }
  return undefined;
}
