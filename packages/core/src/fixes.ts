// Both processes. The fix for a system error of a file of ours, of a listening socket, or of a file for TLS. Pure.

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

const LISTEN_FIXES: Record<string, string> = {
  EACCES: 'a port below 1024 and a folder of others need rights: start as root with `user`, or choose another one',
  EADDRINUSE: 'another process listens there, `ss -ltnpx` shows which: stop it, or choose another address',
  EADDRNOTAVAIL: 'no interface of this machine has this address, `ip addr` shows them: `*` listens at all of them',
  EAI_AGAIN: 'the name server does not answer: use an address',
  ENOENT: 'make the folder of the socket',
  ENOTFOUND: 'the name has no address: use an address',
};

const TLS_FIXES: Record<string, string> = {
  EACCES: 'let the user of the manager read it',
  ENOENT: 'the path is relative to the folder of the manager, if it does not begin with a slash',
  ERR_OSSL_PEM_NO_START_LINE: 'expected PEM, text with lines of `-----BEGIN ...-----`',
  ERR_SSL_NO_CIPHER_MATCH: 'expected `ciphers` as `openssl ciphers` knows them',
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'the key is the one of another certificate',
};

/** The end of a message: `; make its folder`. Empty where the error needs no explanation. */
export function fixOf(error: unknown): string {
  return lookUp(FIXES, error);
}

/** Likewise, when a server cannot listen. */
export function listenFixOf(error: unknown): string {
  const syscall = error instanceof Error && 'syscall' in error ? error.syscall : undefined;
  return syscall === 'listen' || syscall === 'bind' || syscall === 'getaddrinfo' ? lookUp(LISTEN_FIXES, error) : '';
}

/** Likewise, for certificates, keys and their parameters. */
export function tlsFixOf(error: unknown): string {
  return lookUp(TLS_FIXES, error);
}

function lookUp(fixes: Record<string, string>, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const fix = Object.hasOwn(fixes, code) ? fixes[code] : undefined;
  return fix === undefined ? '' : `; ${fix}`;
}
