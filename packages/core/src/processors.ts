// Both processes. How many processors this process may use: those that Node counts, and no more than the CPU quota of its
// control group, of which Node 20 knows nothing.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Where the kernel's control groups are mounted: version 2, and the CPU controller of version 1. */
const UNIFIED = '/sys/fs/cgroup';
const CONTROLLERS = ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpu,cpuacct'];

/** The text of a file; nothing where it cannot be read. */
export type Read = (path: string) => string | undefined;

/** A quota is rounded up, so that none of it is left unused. At least 1. */
export function usableProcessors(read: Read = readText, counted: number = availableParallelism()): number {
  const quotas = groupsOf(read('/proc/self/cgroup') ?? '').flatMap(({ controllers, path }) =>
    controllers === ''
      ? unifiedQuotas(path, read)
      : controllers.split(',').includes('cpu')
        ? oldQuotas(path, read)
        : [],
  );
  return Math.max(1, Math.min(counted, ...quotas.map(Math.ceil)));
}

/** cgroups(7), /proc/pid/cgroup; the controllers are empty for version 2. */
function groupsOf(text: string): { controllers: string; path: string }[] {
  return text.split('\n').flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    return controllers === undefined || path === undefined ? [] : [{ controllers, path }];
  });
}

/** `200000 100000`: so many microseconds in each such period; `max` for no limit. */
function unifiedQuotas(path: string, read: Read): number[] {
  return foldersOf(path).flatMap((folder) => {
    const [quota, period] = (read(`${UNIFIED}${folder}/cpu.max`) ?? '').trim().split(/\s+/);
    return processorsOf(quota, period);
  });
}

function oldQuotas(path: string, read: Read): number[] {
  return CONTROLLERS.flatMap((mount) =>
    foldersOf(path).flatMap((folder) => {
      const [quota, period] = ['quota', 'period'].map((name) => read(`${mount}${folder}/cpu.cfs_${name}_us`)?.trim());
      return processorsOf(quota, period);
    }),
  );
}

/** A group and those above it, each of which may have a quota. Some are seen in no container, whose own is at the root. */
function foldersOf(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '');
  // outside of what is mounted here
  if (names.includes('..')) return [''];
  return ['', ...names.map((_, i) => `/${names.slice(0, i + 1).join('/')}`)];
}

function processorsOf(quota: string | undefined, period: string | undefined): number[] {
  if (!/^\d{1,15}$/.test(quota ?? '') || !/^\d{1,15}$/.test(period ?? '')) return [];
  const [microseconds, length] = [Number(quota), Number(period)];
  return microseconds === 0 || length === 0 ? [] : [microseconds / length];
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // not there, or no Linux
  }
}
