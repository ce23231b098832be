// Manager. Other uses of the manager's signals: flags of Node that write a report or a heap snapshot, and nodemon,
// which restarts a server by USR2.

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { origin } from './origin.js';

/** The flag of Node that has taken a signal. */
export function flagFor(signal: NodeJS.Signals): string | undefined {
  const { report } = process;
  if (report?.reportOnSignal && report.signal === signal) return '--report-on-signal';
  const flags = [...origin().execArgv, ...(process.env.NODE_OPTIONS ?? '').split(/[\s"']+/)];
  return heapSnapshotSignal(flags) === signal ? '--heapsnapshot-signal' : undefined;
}

/** Node also takes `_` for `-`, and a value as a separate word. The last flag counts. */
export function heapSnapshotSignal(flags: readonly string[]): string | undefined {
  const values = flags.flatMap((flag, i) => {
    const [name = '', value = flags[i + 1] ?? ''] = flag.split('=');
    return name.replaceAll('_', '-') === '--heapsnapshot-signal' ? [value] : [];
  });
  return values.at(-1);
}

/** What is read of a process: its command line, and its parent. */
interface Relative {
  words: readonly string[];
  parent: number;
}

type Look = (pid: number) => Relative | undefined;

/** A nodemon that runs this server. */
export interface Nodemon {
  readonly pid: number;
  /** How it restarts. */
  readonly signal: string;
}

/**
 * The nodemon above this process: its parent, or further up behind a shell or npm. Call this at the start: nodemon also ends the
 * processes between, and then the chain is lost.
 */
export function findNodemon(look: Look = lookAt, pid: number = process.ppid): Nodemon | undefined {
  let next = pid;
  // as many as there may be between two, and an end where pids lead in a circle
  for (let i = 0; i < 16 && next > 1; i++) {
    const relative = look(next);
    if (!relative) return undefined;
    const signal = restartSignal(relative.words);
    if (signal !== undefined) return { pid: next, signal };
    next = relative.parent;
  }
  return undefined;
}

/** Whether it still runs. */
export function isThere({ pid }: Nodemon, look: Look = lookAt): boolean {
  return restartSignal(look(pid)?.words ?? []) !== undefined;
}

/** How a nodemon restarts; nothing for another program. */
function restartSignal(words: readonly string[]): string | undefined {
  const at = words.slice(0, 3).findIndex((word) => /^nodemon(\.js)?$/.test(basename(word)));
  if (at === -1) return undefined;
  for (const [i, word] of words.entries()) {
    const [name, value = words[i + 1] ?? ''] = word.split('=');
    if (i > at && (name === '--signal' || name === '-s')) return value;
  }
  return 'SIGUSR2';
}

function lookAt(pid: number): Relative | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { words: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0'), parent: Number(parent) };
  } catch {
    return undefined; // it has gone, or there is no /proc
  }
}
