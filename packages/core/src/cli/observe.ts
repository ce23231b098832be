// The `prefork` command, beside a server: reads what the manager has in memory, through /proc. The server knows nothing of
// it: its user, and root, may look. Nothing is written.

import { closeSync, fstatSync, openSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { News } from '../bulletin.js';
import { FACTS_NAME, type Facts, readPage } from '../handover.js';
import { SCOREBOARD_BYTES, SCOREBOARD_NAME, Scoreboard, SLOT_BYTES } from '../scoreboard.js';
import { CommandError, FAILED } from './command-error.js';
import { descriptorsOf, type Target } from './target.js';

/** How often the command looks while it waits. Milliseconds. */
const PACE = 20;

/** The facts of a server are smaller. Bytes. */
const LARGEST = 2 ** 24;

/** A manager, and the page it tells on; the page can be read after the manager has gone. */
export class Observed {
  readonly pid: number;
  /** How many servers its script runs: a signal reaches all of them. */
  readonly servers: number;
  readonly #birth: string | undefined;
  readonly #fd: number;

  /** @throws CommandError with status 1 when it is not ours to see, or none of its servers is the one with this PID file. */
  constructor({ pid, pidFile, inode }: Target) {
    this.pid = pid;
    this.#birth = birthOf(pid);
    const boards = openMemory(pid, SCOREBOARD_NAME);
    this.servers = boards.length;
    if (boards.length === 0) throw new CommandError(FAILED, `Server ${pid} has not started yet, or stops: try again`);
    const fd = boards.length === 1 ? boards[0] : boards.find((board) => read(board, SLOT_BYTES).hasPidFile(inode));
    if (fd === undefined) {
      throw new CommandError(
        FAILED,
        `Process ${pid} runs ${boards.length} servers, and none says that ${pidFile} is its PID file: try again`,
      );
    }
    for (const other of boards) if (other !== fd) closeSync(other);
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
    return read(this.#fd, length);
  }

  /** Where it listens; without the secrets. @throws CommandError when the process says nothing of that kind */
  locations(): string[] {
    const pages = openMemory(this.pid, FACTS_NAME);
    try {
      const { ino } = fstatSync(this.#fd);
      const all = pages.map((fd) => this.#parse(fd));
      // a server of an older version does not say which page is its own, and has one
      const facts = all.find(({ board }) => board === ino) ?? (all.length === 1 ? all[0] : undefined);
      return facts?.urls ?? [];
    } finally {
      for (const fd of pages) closeSync(fd);
    }
  }

  /** Any process may have memory of that name, with anything in it. */
  #parse(fd: number): { board: unknown; urls: string[] } {
    try {
      if (fstatSync(fd).size > LARGEST) throw new Error('too large');
      const { board, locations = [], onDemand = [] } = readPage(fd) as Partial<Facts>;
      const urls: unknown[] = [...locations.map(({ url }) => url), ...onDemand];
      if (!urls.every((url) => typeof url === 'string')) throw new Error('no locations');
      return { board, urls };
    } catch {
      throw new CommandError(
        FAILED,
        `Can't read where server ${this.pid} listens: its memory holds something else. Is it a server of Prefork?`,
      );
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

function read(fd: number, length: number): Scoreboard {
  const bytes = new Uint8Array(length);
  readSync(fd, bytes, 0, length, 0);
  return new Scoreboard(new Uint32Array(bytes.buffer));
}

/** Memory that a process has by this name, without what it has just closed. */
function openMemory(pid: number, name: string): number[] {
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
