// Both processes. What the pool has done since it was started, in one shared page: a record for each worker, and a base into
// which the manager adds the record of a worker that has died, so that no total ever goes down. The page outlives a hot
// upgrade: each manager writes a bank of its own. A broken worker can write anything here, so readers take what is no count
// for 0, and the manager decides nothing by it.

import { BUCKETS } from './durations.js';
import {
  bankOf,
  banksOf,
  count,
  type Exit,
  FIRST_BUCKET,
  FIRST_WORK,
  GAUGES,
  headerWord,
  KNOWN,
  LAYOUT,
  type PoolEvent,
  RECORD_WORDS,
  readRecord,
  recordAt,
  recordWord,
  type SlotRecord,
  type StatsRecord,
  usedSlots,
  WORK,
} from './stats-layout.js';
import { type RawTotals, readTotals } from './totals.js';

/** What /proc calls the page. */
export const STATS_NAME = 'prefork-stats';

const SEQUENCE = headerWord('sequence');
const USED = headerWord('used');
const PID = recordWord('pid');
const ACCEPTS = recordWord('accepts');
const REQUESTS = recordWord('requests');
const CODES = recordWord('code1');
const DURATION = recordWord('duration');

/** One manager's part of the page, and everybody's view of all of it. */
export class Stats {
  readonly #all: Float64Array;
  readonly #bank: Float64Array;

  /** @param words the page; `bank` is the number of the manager's bank, in a worker that of its manager. */
  constructor(words: Float64Array, bank: number) {
    this.#all = words;
    this.#bank = bankOf(words, bank);
  }

  /** Manager: begins its bank. What is left of a manager four upgrades ago stays in the totals. */
  open(now: number): void {
    const bank = this.#bank;
    if (bank[headerWord('layout')] !== LAYOUT) bank.fill(0);
    for (let slot = 0; slot < usedSlots(bank); slot++) this.retire(slot);
    bank[USED] = 0;
    bank[headerWord('layout')] = LAYOUT;
    const before = banksOf(this.#all).map((other) => count(other[headerWord('startedAt')]));
    bank[headerWord('startedAt')] = Math.min(...before.filter((time) => time > 0), now);
  }

  /** Manager: a worker was started. */
  claim(slot: number, record: Pick<StatsRecord, (typeof KNOWN)[number]>): void {
    this.#bank.fill(0, recordAt(slot), recordAt(slot + 1));
    for (const name of KNOWN) this.#bank[recordAt(slot) + recordWord(name)] = record[name];
    this.#bank[USED] = Math.max(usedSlots(this.#bank), slot + 1);
  }

  /** Manager: what it knows of a worker has changed. */
  set(slot: number, name: (typeof KNOWN)[number], value: number): void {
    this.#bank[recordAt(slot) + recordWord(name)] = value;
  }

  /** Manager: a worker has ended. Its record is added to the base; a reader that looks meanwhile looks again. */
  retire(slot: number, exit?: Exit): void {
    const bank = this.#bank;
    const from = recordAt(slot);
    const base = recordAt(-1);
    bank[SEQUENCE] = (bank[SEQUENCE] ?? 0) + 1;
    const { requests, code1, code2, code3, code4, code5 } = readRecord(bank, slot);
    const answered = code1 + code2 + code3 + code4 + code5;
    // killed in the middle of a turn, it has told of answers, but not yet of the requests
    bank[from + REQUESTS] = Math.max(requests, answered);
    bank[headerWord('unanswered')] = count(bank[headerWord('unanswered')]) + Math.max(0, requests - answered);
    for (let word = FIRST_WORK; word < FIRST_BUCKET + BUCKETS; word++) {
      if (word < FIRST_WORK + WORK.length || word >= FIRST_BUCKET) {
        bank[base + word] = count(bank[base + word]) + count(bank[from + word]);
      }
    }
    bank.fill(0, from, from + RECORD_WORDS);
    if (exit) bank[headerWord(exit)] = count(bank[headerWord(exit)]) + 1;
    bank[SEQUENCE] = (bank[SEQUENCE] ?? 0) + 1;
  }

  /** Manager: something happened to the pool. */
  happened(event: PoolEvent): void {
    this.#bank[headerWord(event)] = (this.#bank[headerWord(event)] ?? 0) + 1;
  }

  /** Worker: where it counts. */
  recorder(slot: number): Recorder {
    return new Recorder(this.#bank.subarray(recordAt(slot), recordAt(slot + 1)));
  }

  /** Any process: the workers of this bank's manager, by slot. */
  records(): SlotRecord[] {
    const found: SlotRecord[] = [];
    for (let slot = 0; slot < usedSlots(this.#bank); slot++) {
      if (count(this.#bank[recordAt(slot) + PID]) > 0) found.push(readRecord(this.#bank, slot));
    }
    return found;
  }

  /** Any process: how long the requests of a worker took; the page itself, to be read at once. */
  buckets(slot: number): Float64Array {
    return this.#bank.subarray(recordAt(slot) + FIRST_BUCKET, recordAt(slot) + FIRST_BUCKET + BUCKETS);
  }

  /** Any process: the sum over all workers, dead ones and those of other managers included. */
  totals(): RawTotals {
    return readTotals(this.#all);
  }
}

/** The words that one worker writes. */
export class Recorder {
  readonly #words: Float64Array;

  constructor(words: Float64Array) {
    this.#words = words;
  }

  /** So many connections were accepted in this worker's life. */
  accepted(total: number): void {
    this.#words[ACCEPTS] = total;
  }

  /** So many requests have begun. */
  begun(total: number): void {
    this.#words[REQUESTS] = total;
  }

  /** A response has ended. @param bucket see {@link bucketOf}; `duration` in milliseconds. */
  ended(status: number, bucket: number, duration: number): void {
    const words = this.#words;
    const code = CODES - 1 + (status >= 100 && status < 600 ? (status / 100) | 0 : 5);
    words[code] = (words[code] ?? 0) + 1;
    words[DURATION] = (words[DURATION] ?? 0) + duration;
    words[FIRST_BUCKET + bucket] = (words[FIRST_BUCKET + bucket] ?? 0) + 1;
  }

  /** At each heartbeat. */
  measured(gauges: Record<(typeof GAUGES)[number], number>): void {
    for (const name of GAUGES) this.#words[recordWord(name)] = gauges[name];
  }
}
