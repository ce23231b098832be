// The `prefork` command, beside a server: what /proc says of a process, proc(5). Nothing is written.

import { closeSync, fstatSync, openSync, readFileSync, readlinkSync } from 'node:fs';
import { descriptorsOf } from './target.js';

/** How many connections wait at each port where a process listens, tcp(7). UNIX sockets do not tell. */
export function queuesOf(pid: number): Map<number, number> {
  const queues = new Map<number, number>();
  const own = new Set(descriptorsOf(pid).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)));
  for (const line of ['tcp', 'tcp6'].flatMap((name) => linesOf(`/proc/${pid}/net/${name}`))) {
    const [, local = '', , state, queue = '', , , , , inode] = line.trim().split(/\s+/);
    if (state !== LISTEN || !own.has(`socket:[${inode}]`)) continue;
    const port = Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16);
    const waiting = Number.parseInt(queue.slice(queue.indexOf(':') + 1), 16);
    queues.set(port, (queues.get(port) ?? 0) + waiting);
  }
  return queues;
}

const LISTEN = '0A';

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'latin1').split('\n').slice(1);
  } catch {
    return []; // no IPv6, or it has gone
  }
}

/** The shared memory of a process with this name, without the pages that it has just closed. */
export function openMemory(pid: number, name: string): number[] {
  const paths = descriptorsOf(pid).map((fd) => `/proc/${pid}/fd/${fd}`);
  const ours = paths.filter((path) => linkOf(path).startsWith(`/memfd:${name} `));
  // one page may have several descriptors
  const inodes = new Set<number>();
  return ours.flatMap((path) => {
    try {
      const fd = openSync(path, 'r');
      const { ino } = fstatSync(fd);
      if (!inodes.has(ino)) {
        inodes.add(ino);
        return [fd];
      }
      closeSync(fd);
    } catch {
      // closed meanwhile
    }
    return [];
  });
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // closed meanwhile
  }
}

/** When a process was started, in ticks since the boot. Pid and ticks together are never reused. Nothing for a zombie. proc(5) */
export function startTicksOf(pid: number): string | undefined {
  const fields = statOf(pid);
  return fields === undefined || /^[ZX]$/.test(fields[0] ?? '') ? undefined : fields[19];
}

/** The fields from the state on. The name before it may contain any characters. */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
