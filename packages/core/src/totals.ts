// Both processes. Reads the page of stats.ts: the sums over all workers that ever were. It writes nothing.

import { BUCKETS } from './durations.js';
import {
  banksOf,
  count,
  EVENTS,
  EXITS,
  type Exit,
  FIRST_BUCKET,
  headerWord,
  LAYOUT,
  type PoolEvent,
  recordAt,
  recordWord,
  usedSlots,
} from './stats-layout.js';

const SEQUENCE = headerWord('sequence');
const ACCEPTS = recordWord('accepts');
const REQUESTS = recordWord('requests');
const CODES = recordWord('code1');
const DURATION = recordWord('duration');

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
  const totals = noTotals();
  for (const bank of banksOf(page)) {
    if (bank[headerWord('layout')] === LAYOUT) addTo(totals, steadyCopy(bank));
  }
  return totals;
}

/** The used part of a bank at one moment: not in the middle of a fold. A fold takes microseconds. */
function steadyCopy(bank: Float64Array): Float64Array {
  for (let tries = 0; ; tries++) {
    const before = bank[SEQUENCE];
    const copy = bank.slice(0, recordAt(usedSlots(bank)));
    // a manager that was killed in the middle leaves an odd number for ever
    if ((before === bank[SEQUENCE] && (before ?? 0) % 2 === 0) || tries === 100) return copy;
  }
}

function noTotals(): RawTotals {
  return {
    startedAt: Number.POSITIVE_INFINITY,
    connections: 0,
    requests: 0,
    responses: { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 },
    unanswered: 0,
    duration: 0,
    buckets: new Float64Array(BUCKETS),
    exits: Object.fromEntries(EXITS.map((exit) => [exit, 0])) as RawTotals['exits'],
    events: Object.fromEntries(EVENTS.map((event) => [event, 0])) as RawTotals['events'],
  };
}

const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;

function addTo(totals: RawTotals, bank: Float64Array): void {
  const header = (name: Parameters<typeof headerWord>[0]) => count(bank[headerWord(name)]);
  if (header('startedAt') > 0) totals.startedAt = Math.min(totals.startedAt, header('startedAt'));
  totals.unanswered += header('unanswered');
  for (const exit of EXITS) totals.exits[exit] += header(exit);
  for (const event of EVENTS) totals.events[event] += header(event);
  // the base stands before the first slot
  for (let slot = -1; recordAt(slot) < bank.length; slot++) {
    const at = recordAt(slot);
    totals.connections += count(bank[at + ACCEPTS]);
    totals.requests += count(bank[at + REQUESTS]);
    for (const [i, name] of CLASSES.entries()) totals.responses[name] += count(bank[at + CODES + i]);
    totals.duration += count(bank[at + DURATION]);
    const buckets = at + FIRST_BUCKET;
    for (let i = 0; i < BUCKETS; i++) totals.buckets[i] = (totals.buckets[i] ?? 0) + count(bank[buckets + i]);
  }
}
