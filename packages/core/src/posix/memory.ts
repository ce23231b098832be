// Both processes. Shared memory without a name, memfd_create(2) and mmap(2).

import { libc } from '../libc.js';
import { check, systemError } from './error.js';

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
const F_SEAL_SEAL = 1;
const F_SEAL_SHRINK = 2;
const F_SEAL_GROW = 4;
const F_SEAL_WRITE = 8;
const PROT_READ_WRITE = 1 | 2;
const MAP_SHARED = 1;

/**
 * Memory that has a descriptor and no name: only a process that inherits the descriptor can reach it. It keeps its size: a
 * process that made it smaller would end all others that have mapped it.
 */
export function anonymousFile(name: string, bytes: number): number {
  const fd = check(libc().memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), 'memfd_create');
  check(libc().ftruncate(fd, bytes), 'ftruncate');
  return fd;
}

/** No process can change the size any more, or lift this. */
export function sealSize(fd: number): void {
  check(libc().fcntl(fd, F_ADD_SEALS, 'int', F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 'fcntl');
}

/** No process can change anything any more, or lift this. */
export function sealContent(fd: number): void {
  check(libc().fcntl(fd, F_ADD_SEALS, 'int', F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 'fcntl');
}

/** The file's first bytes as memory, shared with every process that maps it. Never unmapped. */
export function mapShared(fd: number, bytes: number): Uint32Array {
  const address = libc().mmap(null, bytes, PROT_READ_WRITE, MAP_SHARED, fd, 0);
  if (address === null || BigInt(address) === 0xffff_ffff_ffff_ffffn) throw systemError('mmap');
  return new Uint32Array(libc().view(address, bytes));
}

/** The same as doubles. */
export function mapSharedDoubles(fd: number, bytes: number): Float64Array {
  return new Float64Array(mapShared(fd, bytes).buffer);
}
