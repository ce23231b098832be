// Both processes. Reads the page of stats.ts: the sums over all workers that ever were. It writes nothing.

import { BUCKETS } from './durations.js';
import {
  banksOf,
  count,
  EVENTS,
  EXITS,
  type Exit,
  FIRST_BUCKET,
  FIRST_WORK,
  headerWord,
  LAYOUT,
  type PoolEvent,
  RECORD_WORDS,
  recordAt,
  recordWord,
  usedSlots,
  type WORK,
} from './stats-layout.js';

const SEQUENCE = headerWord('sequence');
const LAYOUT_WORD = headerWord('layout');
const STARTED_AT = headerWord('startedAt');
const UNANSWERED = headerWord('unanswered');
const EVENT_WORDS = EVENTS.map((event) => [event, headerWord(event)] as const);
const EXIT_WORDS = EXITS.map((exit) => [exit, headerWord(exit)] as const);

const NO_EVENTS = Object.fromEntries(EVENTS.map((event) => [event, 0])) as RawTotals['events'];
const NO_EXITS = Object.fromEntries(EXITS.map((exit) => [exit, 0])) as RawTotals['exits'];

/** Totals of the whole server, and of all its workers that ever were. */
export interface RawTotals {
  /** When the first manager started, milliseconds of the monotonic clock. */
  startedAt: number;
  connections: number;
  requests: number;
  /** Responses by the first digit of their status. */
  responses: Record<'1xx' | '2xx' | '3xx' | '4xx' | '5xx', number>;
  /** Requests whose worker died before it had counted a response. */
  unanswered: number;
  /** The sum of all durations, milliseconds. */
  duration: number;
  /** How many requests took how long: the buckets of durations.ts. */
  buckets: Float64Array;
  exits: Record<Exit, number>;
  events: Record<PoolEvent, number>;
}

/** The sums over all banks. */
export function readTotals(page: Float64Array): RawTotals {
  let startedAt = Number.POSITIVE_INFINITY;
  let unanswered = 0;
  const exits: RawTotals['exits'] = { ...NO_EXITS };
  const events: RawTotals['events'] = { ...NO_EVENTS };
  const sums = new Float64Array(RECORD_WORDS);
  for (const bank of banksOf(page)) {
    if (bank[LAYOUT_WORD] !== LAYOUT) continue;
    const copy = steadyCopy(bank);
    startedAt = Math.min(startedAt, count(copy[STARTED_AT]) || startedAt);
    unanswered += count(copy[UNANSWERED]);
    for (const [exit, word] of EXIT_WORDS) exits[exit] += count(copy[word]);
    for (const [event, word] of EVENT_WORDS) events[event] += count(copy[word]);
    addRecords(sums, copy);
  }
  const sum = (name: (typeof WORK)[number]) => sums[recordWord(name)] ?? 0;
  return {
    startedAt,
    connections: sum('accepts'),
    requests: sum('requests'),
    responses: {
      '1xx': sum('code1'),
      '2xx': sum('code2'),
      '3xx': sum('code3'),
      '4xx': sum('code4'),
      '5xx': sum('code5'),
    },
    unanswered,
    duration: sum('duration'),
    buckets: sums.subarray(FIRST_BUCKET, FIRST_BUCKET + BUCKETS),
    exits,
    events,
  };
}

/** The used part of a bank at one moment: not in the middle of a fold, which takes microseconds. */
function steadyCopy(bank: Float64Array): Float64Array {
  for (let tries = 0; ; tries++) {
    const before = settled(bank);
    const copy = bank.slice(0, recordAt(usedSlots(bank)));
    // whatever a broken worker makes of the number, the reader goes on
    if (before === bank[SEQUENCE] || tries === 10) return copy;
  }
}

/** The sequence once no fold runs. A manager that was killed in the middle of one leaves an odd number for ever. */
function settled(bank: Float64Array): number | undefined {
  let spins = 0;
  while ((bank[SEQUENCE] ?? 0) % 2 !== 0 && spins < 1_000) spins += 1;
  return bank[SEQUENCE];
}

/** Adds up what workers have counted. The base stands before the first slot. */
function addRecords(sums: Float64Array, bank: Float64Array): void {
  for (let at = recordAt(-1); at < bank.length; at += RECORD_WORDS) {
    for (let word = FIRST_WORK; word < FIRST_BUCKET + BUCKETS; word++) {
      const value = count(bank[at + word]);
      if (value > 0) sums[word] = (sums[word] ?? 0) + value;
    }
  }
}
