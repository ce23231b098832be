// The `prefork` command, beside a server: reads what the manager has in memory, through /proc. The server knows nothing of
// it: its user, and root, may look. Nothing is written.

import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { News } from '../bulletin.js';
import { messageOf } from '../errors.js';
import { FACTS_NAME, type Facts, readPage } from '../handover.js';
import { SCOREBOARD_BYTES, SCOREBOARD_NAME, Scoreboard, SLOT_BYTES } from '../scoreboard.js';
import { CommandError, FAILED } from './command-error.js';

/** How often the command looks while it waits. Milliseconds. */
const PACE = 20;

/** A manager, and the page it tells on; the page can be read after the manager has gone. */
export class Observed {
  readonly #birth: string | undefined;
  readonly #fd: number;

  /** @throws CommandError with status 1 when it is not ours to see */
  constructor(readonly pid: number) {
    this.#birth = birthOf(pid);
    const fd = openMemory(pid, SCOREBOARD_NAME);
    if (fd === undefined) throw new CommandError(FAILED, `Server ${pid} has not started yet, or stops: try again`);
    this.#fd = fd;
  }

  /** Whether the process is there; one that nobody has waited for is not. */
  get isAlive(): boolean {
    const birth = birthOf(this.pid);
    return birth !== undefined && birth === this.#birth;
  }

  /** A copy of the scoreboard, as it is now. */
  board(): Scoreboard {
    return this.#copy(SCOREBOARD_BYTES);
  }

  news(): News {
    return this.#copy(SLOT_BYTES).bulletin.read();
  }

  #copy(length: number): Scoreboard {
    const bytes = new Uint8Array(length);
    readSync(this.#fd, bytes, 0, length, 0);
    return new Scoreboard(new Uint32Array(bytes.buffer));
  }

  /** Where it listens; without the secrets. */
  locations(): string[] {
    const fd = openMemory(this.pid, FACTS_NAME);
    if (fd === undefined) return [];
    try {
      const { locations, onDemand = [] } = readPage(fd) as Partial<Facts>;
      return [...(locations ?? []).map(({ url }) => url), ...onDemand];
    } finally {
      closeSync(fd);
    }
  }

  /** Looks until there is an answer, or the process has gone: then once more, at what it left. */
  async until<T>(answer: (news: News, isAlive: boolean) => T | undefined): Promise<T | undefined> {
    for (;;) {
      const { isAlive } = this;
      const result = answer(this.news(), isAlive);
      if (result !== undefined || !isAlive) return result;
      await sleep(PACE);
    }
  }
}

/** Memory that a process has by this name; nothing when it has none, or has just closed it. */
function openMemory(pid: number, name: string): number | undefined {
  const folder = `/proc/${pid}/fd`;
  let descriptors: string[];
  try {
    descriptors = readdirSync(folder);
  } catch (error) {
    throw new CommandError(FAILED, `Can't look at server ${pid}, be its user or root: ${messageOf(error)}`);
  }
  const fd = descriptors.find((entry) => linkOf(`${folder}/${entry}`).startsWith(`/memfd:${name} `));
  try {
    return fd === undefined ? undefined : openSync(`${folder}/${fd}`, 'r');
  } catch {
    return undefined;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // closed meanwhile
  }
}

/** When a process was started, in ticks since the boot: with the pid its name for good. Nothing for a zombie. proc(5) */
function birthOf(pid: number): string | undefined {
  const fields = statOf(pid);
  return fields === undefined || /^[ZX]$/.test(fields[0] ?? '') ? undefined : fields[19];
}

const TICKS_PER_SECOND = 100; // sysconf(_SC_CLK_TCK), the same on every Linux that Node runs on

/** Milliseconds since the process was started. */
export function ageOf(pid: number): number | undefined {
  const birth = birthOf(pid);
  if (birth === undefined) return undefined;
  const [uptime] = readFileSync('/proc/uptime', 'latin1').split(' ');
  return Math.max(0, Math.round((Number(uptime) - Number(birth) / TICKS_PER_SECOND) * 1000));
}

/** From the state on; the name before it may hold anything. */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
