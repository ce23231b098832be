// Both processes. What to do about a system error that a file of ours can meet. Pure.

const OTHER_FILE_SYSTEM = 'its file system has no locks: name a file on a local one';
const ROOM = 'make room; a server that runs tries again each second';

const FIXES: Record<string, string> = {
  EACCES: 'give this user the right, or name another file',
  EDQUOT: ROOM,
  ELOOP: 'a symbolic link is not followed: take it away, or name another file',
  ENOENT: 'make its folder',
  ENOLCK: OTHER_FILE_SYSTEM,
  ENOSPC: ROOM,
  ENOSYS: OTHER_FILE_SYSTEM,
  ENOTDIR: 'name a file in a folder',
  EOPNOTSUPP: OTHER_FILE_SYSTEM,
  EPERM: 'it belongs to another user: take it away, or name another file',
  EROFS: 'its file system can only be read: name another file',
};

/** The end of a message: `; make its folder`. Empty where the error says enough. */
export function fixOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const fix = Object.hasOwn(FIXES, code) ? FIXES[code] : undefined;
  return fix === undefined ? '' : `; ${fix}`;
}
