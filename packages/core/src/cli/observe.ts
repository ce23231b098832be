// The `prefork` command, beside a server: reads the manager's shared memory through /proc. The server does not notice. Only root and
// the server's own user may do this. Nothing is written.

import { closeSync, fstatSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { News } from '../bulletin.js';
import { monotonic } from '../clock.js';
import { FACTS_NAME, type Facts, readPage } from '../handover.js';
import { readStatus, type Status } from '../pool-status.js';
import { SCOREBOARD_BYTES, SCOREBOARD_NAME, Scoreboard, SLOT_BYTES } from '../scoreboard.js';
import { STATS_NAME, Stats } from '../stats.js';
import { copyUsed, STATS_BYTES } from '../stats-layout.js';
import { CommandError, FAILED } from './command-error.js';
import { openMemory, queuesOf, startTicksOf } from './proc.js';
import type { Target } from './target.js';

/** How often the command looks while it waits. Milliseconds. */
const PACE = 20;

/** The facts of a server are smaller. Bytes. */
const LARGEST = 2 ** 24;

/** What the command needs of a server's facts. */
interface ReadFacts {
  board: unknown;
  urls: string[];
  manager: number;
  stats: number;
}

/** A manager, and its shared page. The page can still be read after the manager has ended. */
export class Observed {
  readonly pid: number;
  /** How many servers the script runs: a signal reaches all of them. */
  readonly servers: number;
  readonly #startTicks: string | undefined;
  readonly #fd: number;

  /** @throws CommandError with status 1 when this user may not look, or no server of the process has this PID file. */
  constructor({ pid, pidFile, inode }: Target) {
    this.pid = pid;
    this.#startTicks = startTicksOf(pid);
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

  /** Whether the process is alive; a zombie is not. */
  get isAlive(): boolean {
    const ticks = startTicksOf(this.pid);
    return ticks !== undefined && ticks === this.#startTicks;
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

  /** What the server is and does now, as its own `status()` says it. @throws CommandError when its memory holds something else */
  status(): Status {
    const { urls, manager, stats } = this.#facts();
    const queues = queuesOf(this.pid);
    return readStatus({
      pid: this.pid,
      board: this.board(),
      stats: new Stats(this.#statistics(stats), manager),
      locations: urls.map((url) => ({ url, waiting: queues.get(portOf(url)) ?? 0 })),
      now: monotonic(),
    });
  }

  /** A copy of what is used of the page; of zeros for a server of an older version. */
  #statistics(inode: number): Float64Array {
    const [fd, ...others] = openMemory(this.pid, STATS_NAME).sort((a, b) => rank(a, inode) - rank(b, inode));
    for (const other of others) closeSync(other);
    if (fd === undefined) return new Float64Array(STATS_BYTES / 8);
    try {
      return copyUsed((to, position) => readSync(fd, to, 0, to.length, position));
    } finally {
      closeSync(fd);
    }
  }

  /** Where it listens, without the secrets, and which page of statistics it has. */
  #facts(): ReadFacts {
    const pages = openMemory(this.pid, FACTS_NAME);
    try {
      const { ino } = fstatSync(this.#fd);
      const all = pages.map((fd) => this.#parse(fd));
      // a server of an older version does not say which page is its own, and has one
      const own = all.find(({ board }) => board === ino) ?? (all.length === 1 ? all[0] : undefined);
      return own ?? { board: ino, urls: [], manager: 0, stats: 0 };
    } finally {
      for (const fd of pages) closeSync(fd);
    }
  }

  /** Any process can have memory with this name and any content. */
  #parse(fd: number): ReadFacts {
    try {
      if (fstatSync(fd).size > LARGEST) throw new Error('too large');
      const { board, locations = [], onDemand = [], manager = 0, stats = 0 } = readPage(fd) as Partial<Facts>;
      const urls: unknown[] = [...locations.map(({ url }) => url), ...onDemand];
      if (!urls.every((url) => typeof url === 'string')) throw new Error('no locations');
      return { board, urls, manager: Number.isSafeInteger(manager) ? Math.abs(manager) : 0, stats };
    } catch {
      throw new CommandError(
        FAILED,
        `Can't read where server ${this.pid} listens: its memory holds something else. Is it a server of Prefork?`,
      );
    }
  }

  /** Looks until there is an answer or the process has ended, and then once more at the page that it left. */
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

/** 0 for the page that was looked for. */
function rank(fd: number, inode: number): number {
  return fstatSync(fd).ino === inode ? 0 : 1;
}

function portOf(url: string): number {
  const port = /:(\d+)(?=[/?]|$)/.exec(url.replace(/^[^:]*:\/\//, ''))?.[1];
  return port === undefined ? -1 : Number(port);
}
