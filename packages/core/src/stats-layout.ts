// Both processes. Where what stands in the page of stats.ts: banks, each of a header, a base and a record for each slot. All
// words are doubles, which count to 2^53.

import { SLOTS } from './scoreboard.js';

/** Why a worker ended: see `docs/metrics.md`. */
export const EXITS = [
  'recycled',
  'resized',
  'reloaded',
  'stopped',
  'crashed',
  'hung',
  'killed',
  'out of memory',
  'boot failed',
  'memory',
  'age',
] as const;
/** @see {@link EXITS} */
export type Exit = (typeof EXITS)[number];

/** What happens to the pool as a whole. */
export const EVENTS = ['reloads', 'reloadsFailed', 'upgrades', 'upgradesFailed'] as const;
export type PoolEvent = (typeof EVENTS)[number];

/** The states of a worker, as the manager sees them; the page has their index. */
export const STATES = ['starting', 'healthy', 'draining', 'killed'] as const;

/** Written by the manager. Times are milliseconds of the monotonic clock that all processes share. */
export const KNOWN = ['pid', 'id', 'generation', 'state', 'spawnedAt', 'heartbeatAt'] as const;
/** Totals, written by the worker. `duration` is the sum of all durations in milliseconds. */
export const WORK = ['accepts', 'requests', 'code1', 'code2', 'code3', 'code4', 'code5', 'duration'] as const;
/** What the worker measured at its last heartbeat: a count, a share, milliseconds, bytes, bytes. */
export const GAUGES = ['acceptsLeft', 'utilization', 'delay', 'resident', 'heap'] as const;
const FIELDS = [...KNOWN, ...WORK, ...GAUGES];

/** A worker as the page has it. */
export type StatsRecord = Record<(typeof FIELDS)[number], number>;
/** The same with its slot. */
export type SlotRecord = StatsRecord & { slot: number };

const HEADER = ['layout', 'sequence', 'startedAt', 'used', 'unanswered', ...EVENTS, ...EXITS] as const;
const HEADER_WORDS = 32;

export const FIRST_WORK = KNOWN.length;
export const FIRST_BUCKET = 24;
export const RECORD_WORDS = FIRST_BUCKET + 168; // whole cache lines: no two workers write the same one
const BANK_WORDS = HEADER_WORDS + (1 + SLOTS) * RECORD_WORDS;

/** So many managers of one server may run at once, the old ones draining. */
const BANKS = 4;

/** Changes with the layout: the next manager of an upgrade may run other code. */
export const LAYOUT = 1;

/** Size of the page; only what is written takes memory. */
export const STATS_BYTES = BANKS * BANK_WORDS * 8;

/** The word of a bank's header. */
export const headerWord = (name: (typeof HEADER)[number]) => HEADER.indexOf(name);

/** The word of a record. */
export const recordWord = (name: keyof StatsRecord) => FIELDS.indexOf(name);

/** Where the record of a slot begins in its bank; that of slot -1 is the base. */
export function recordAt(slot: number): number {
  return HEADER_WORDS + (slot + 1) * RECORD_WORDS;
}

/** The bank of the manager with this number. */
export function bankOf(page: Float64Array, manager: number): Float64Array {
  const bank = manager % BANKS;
  return page.subarray(bank * BANK_WORDS, (bank + 1) * BANK_WORDS);
}

export function banksOf(page: Float64Array): Float64Array[] {
  return Array.from({ length: BANKS }, (_, bank) => bankOf(page, bank));
}

/** A word as a reader takes it: anybody may have written it. */
export function count(word: number | undefined): number {
  return word !== undefined && word > 0 && word < Number.MAX_SAFE_INTEGER ? word : 0;
}

/** How many records of a bank are in use: no more than there are, whatever its header says. */
export function usedSlots(bank: Float64Array): number {
  return Math.min(count(bank[headerWord('used')]), SLOTS);
}

const EMPTY = Object.fromEntries([...FIELDS, 'slot'].map((name) => [name, 0])) as SlotRecord;

/** The record of a slot. */
export function readRecord(bank: Float64Array, slot: number): SlotRecord {
  let at = recordAt(slot);
  const record = { ...EMPTY, slot };
  for (const name of FIELDS) record[name] = count(bank[at++]);
  return record;
}

/**
 * A copy of the page without what is not used, which is most of it.
 *
 * @param read fills these bytes from a position of the page
 */
export function copyUsed(read: (to: Uint8Array, position: number) => void): Float64Array {
  const copy = new Float64Array(STATS_BYTES / 8);
  const fill = (from: number, to: number) => {
    read(new Uint8Array(copy.buffer, from * 8, (to - from) * 8), from * 8);
  };
  for (let bank = 0; bank < BANKS; bank++) {
    const start = bank * BANK_WORDS;
    fill(start, start + recordAt(0));
    if (copy[start + headerWord('layout')] !== LAYOUT) continue;
    fill(start, start + recordAt(usedSlots(bankOf(copy, bank))));
  }
  return copy;
}
