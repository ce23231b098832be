// What the kernel says about processes, from /proc: it needs nobody's cooperation.

import { readdirSync, readFileSync } from 'node:fs';

/** Whether a process runs; a zombie does not. */
export function isAlive(pid) {
  const state = field(pid, 0);
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** The parent's pid; 1 or another reaper's for an orphan. */
export function parentOf(pid) {
  return Number(field(pid, 1));
}

/** Whether SIGSTOP has come through. */
export function isStopped(pid) {
  return field(pid, 0) === 'T';
}

/** Pids of all live processes whose environment has the entry, given as `NAME=value`, in ascending order. */
export function processesWith(entry) {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids
    .filter((pid) => read(pid, 'environ')?.split('\0').includes(entry) && isAlive(pid))
    .map(Number)
    .sort((a, b) => a - b);
}

/** How many children of a process have exited and are not reaped. */
export function zombiesOf(parent) {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => parentOf(pid) === parent && field(pid, 0) === 'Z').length;
}

/** proc(5), /proc/pid/stat, counted from the state: the name before it may hold anything. */
function field(pid, index) {
  const stat = read(pid, 'stat');
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[index];
}

function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return undefined; // it has gone
  }
}
