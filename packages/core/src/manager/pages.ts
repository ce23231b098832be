// Manager. The shared memory of a pool: the scoreboard, the facts that a worker reads once, and the statistics. It has no name;
// a worker inherits the descriptors.

import { closeSync, fstatSync } from 'node:fs';
import { type Facts, writeFacts } from '../handover.js';
import { checkSize } from '../platform.js';
import { anonymousFile, sealSize } from '../posix/memory.js';
import { SCOREBOARD_BYTES, SCOREBOARD_NAME, Scoreboard } from '../scoreboard.js';
import { openStats, type StatsPage } from './statistics.js';

/** The inodes of the other pages, for the page of facts. */
type OwnFacts = Pick<Facts, 'board' | 'manager' | 'stats'>;

export class Pages {
  readonly board: Scoreboard;
  readonly stats: StatsPage;
  readonly #scoreboard: number;
  readonly #factsOf: () => Omit<Facts, keyof OwnFacts>;
  #facts: number | undefined;

  /** @throws when there is no memory or no descriptor; nothing is left open. */
  constructor(inherited: { manager: number; fd: number } | undefined, facts: () => Omit<Facts, keyof OwnFacts>) {
    this.#factsOf = facts;
    this.#scoreboard = anonymousFile(SCOREBOARD_NAME, SCOREBOARD_BYTES);
    try {
      checkSize(this.#scoreboard, SCOREBOARD_BYTES);
      sealSize(this.#scoreboard);
      this.board = Scoreboard.map(this.#scoreboard);
      this.stats = openStats(inherited);
    } catch (error) {
      closeSync(this.#scoreboard);
      throw error;
    }
  }

  get descriptors(): { scoreboard: number; facts: number; stats: number } {
    this.#facts ??= this.#write();
    return { scoreboard: this.#scoreboard, facts: this.#facts, stats: this.stats.fd };
  }

  /** Replaces the facts, for the workers that start from now on. */
  changed(): void {
    const old = this.#facts;
    this.#facts = this.#write();
    if (old !== undefined) closeSync(old);
  }

  close(): void {
    for (const fd of [this.#scoreboard, this.#facts, this.stats.fd]) if (fd !== undefined) closeSync(fd);
  }

  #write(): number {
    return writeFacts({
      ...this.#factsOf(),
      board: fstatSync(this.#scoreboard).ino,
      manager: this.stats.manager,
      stats: fstatSync(this.stats.fd).ino,
    });
  }
}
