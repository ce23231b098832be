// Benchmark. What Linux knows about processes, from /proc. All threads of a process count.

import { readdirSync, readFileSync } from 'node:fs';

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it has gone
  }
}

function threads(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).map((tid) => `/proc/${pid}/task/${tid}`);
  } catch {
    return [];
  }
}

const number = (text, pattern) => Number(pattern.exec(text)?.[1] ?? 0);
const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Milliseconds of processor time. The scheduler's own count, where the kernel shows it, is exact; else 10 ms ticks. */
export function cpuTime(pids) {
  return sum(
    pids.flatMap(threads).map((thread) => {
      const exact = number(read(`${thread}/sched`), /se\.sum_exec_runtime\s*:\s*([\d.]+)/);
      return exact || ticks(read(`${thread}/stat`), [11, 12]) * 10;
    }),
  );
}

/** Fields of /proc/PID/stat behind the name, which may contain blanks. */
function ticks(stat, fields) {
  const values = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return sum(fields.map((field) => Number(values[field] ?? 0)));
}

export function contextSwitches(pids) {
  const count = (status) =>
    number(status, /\nvoluntary_ctxt_switches:\s*(\d+)/) + number(status, /nonvoluntary_ctxt_switches:\s*(\d+)/);
  return sum(pids.flatMap(threads).map((thread) => count(read(`${thread}/status`))));
}

/** Megabytes: `pss` shares what is shared among those who share it, `uss` is what the process has alone. */
export function memory(pid) {
  const rollup = read(`/proc/${pid}/smaps_rollup`);
  const kilobytes = (name) => number(rollup, new RegExp(`^${name}:\\s*(\\d+)`, 'm'));
  return {
    pss: kilobytes('Pss') / 1024,
    uss: (kilobytes('Private_Clean') + kilobytes('Private_Dirty')) / 1024,
  };
}

/** Milliseconds of processor time of the children that a process has reaped. */
export function reapedTime(pid) {
  return ticks(read(`/proc/${pid}/stat`), [13, 14]) * 10;
}

/** Milliseconds that all processors were busy since boot, and that this process and the ones it reaped were. */
export function machineTime() {
  const [user, nice, system, , , irq, softirq, steal] = read('/proc/stat')
    .split('\n')[0]
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return {
    busy: (user + nice + system + irq + softirq + steal) * 10,
    own: ticks(read('/proc/self/stat'), [11, 12, 13, 14]) * 10,
    at: performance.now(),
  };
}

/** Whether it has not ended; a zombie has. */
export function isAlive(pid) {
  return threads(pid).length > 0 && !/^State:\s+Z/m.test(read(`/proc/${pid}/status`));
}
