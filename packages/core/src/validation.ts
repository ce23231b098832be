// Both processes. The checks behind the options: what each kind of value has to be, and how a wrong one is told. Pure.

import { isAbsolute } from 'node:path';
import { inspect } from 'node:util';
import type { Log } from './log.js';
import { isMemory } from './memory-limit.js';
import { parsePeriod } from './period.js';

/** What a value has to be. */
export type Kind =
  | 'boolean'
  | 'count'
  | 'delay'
  | 'duration'
  | 'folder'
  | 'function'
  | 'identity'
  | 'log'
  | 'memory'
  | 'path'
  | 'period'
  | 'positive'
  | 'urls';

const LONGEST = 2 ** 31 - 1; // a longer timer fires at once, setTimeout

/** @throws TypeError for a wrong type, RangeError for a wrong value. */
export function checkOption(name: string, kind: Kind, value: unknown): void {
  switch (kind) {
    case 'boolean':
    case 'function':
      return expectType(name, `a ${kind}`, value, typeof value === kind);
    case 'folder':
    case 'path': {
      expectType(name, 'a string', value, typeof value === 'string');
      const path = value as string;
      if (kind === 'folder') expectValue(name, 'an absolute path', value, isAbsolute(path));
      return expectValue(name, 'a path', value, path !== '' && !path.includes('\0'));
    }
    case 'urls': {
      const list = Array.isArray(value) ? value : [value];
      const strings = list.every((entry) => typeof entry === 'string');
      expectType(name, 'a listen location or an array of them', value, strings);
      return expectValue(name, 'at least one listen location', value, list.length > 0);
    }
    case 'identity':
      expectType(name, 'a name or a number', value, typeof value === 'string' || typeof value === 'number');
      return expectValue(name, 'a name or an id', value, typeof value === 'string' ? value !== '' : isCount(value));
    case 'memory': {
      const what = "bytes, a size such as '512MB', or a share such as '80%'";
      expectType(name, what, value, typeof value === 'number' || typeof value === 'string');
      return expectValue(name, what, value, isMemory(value));
    }
    case 'period': {
      const what = "milliseconds, or a time such as '5s'";
      expectType(name, what, value, typeof value === 'number' || typeof value === 'string');
      const milliseconds = typeof value === 'string' ? parsePeriod(value) : value;
      return expectValue(name, what, value, milliseconds === 0 || isDuration(milliseconds));
    }
    case 'log': {
      const log = value as Partial<Log> | null;
      const fits = (['info', 'warn', 'error'] as const).every((level) => typeof log?.[level] === 'function');
      return expectType(name, 'an object with the methods info, warn and error', value, fits);
    }
    default:
      expectType(name, 'a number', value, typeof value === 'number');
  }
  if (kind === 'count' || kind === 'delay') expectValue(name, 'a non-negative integer', value, isCount(value));
  if (kind === 'positive') expectValue(name, 'a positive integer', value, isCount(value) && value !== 0);
  if (kind === 'duration') expectValue(name, 'milliseconds above 0 and below 2147483648', value, isDuration(value));
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= LONGEST;
}

function isDuration(value: unknown): boolean {
  return typeof value === 'number' && value > 0 && value <= LONGEST;
}

function expectType(name: string, what: string, value: unknown, holds: boolean): void {
  if (!holds) throw new TypeError(`Expected ${name} to be ${what}, got ${show(value)}`);
}

function expectValue(name: string, what: string, value: unknown, holds: boolean): void {
  if (!holds) throw new RangeError(`Expected ${name} to be ${what}, got ${show(value)}`);
}

/** A value as a message shows it. */
export function show(value: unknown): string {
  return `\`${inspect(value, { breakLength: Number.POSITIVE_INFINITY, depth: 1 })}\``;
}

/** The message for a name that is none, with the nearest one that is. */
export function unknownOption(name: string, names: readonly string[]): string {
  return `Unknown option \`${name}\`${suggestion(name, names)}`;
}

/** `, did you mean ...?` with the name that is nearest, if one is near. */
export function suggestion(name: string, names: readonly string[]): string {
  const [nearest] = names
    .map((known) => ({ known, distance: editDistance(name.toLowerCase(), known.toLowerCase()) }))
    .filter(({ known, distance }) => distance <= Math.max(2, known.length / 3))
    .sort((a, b) => a.distance - b.distance);
  return nearest ? `, did you mean \`${nearest.known}\`?` : '';
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next[j] = Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1);
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
