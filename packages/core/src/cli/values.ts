// The `prefork` command. Text of a flag or of the environment -> a value of an option. Pure.

import { checkValue, KINDS, type PreforkOptions } from '../options.js';
import { show } from '../validation.js';
import { usageError } from './command-error.js';

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const BOOLEANS: Record<string, boolean> = { true: true, 1: true, false: false, 0: false };

/**
 * The value of an option, checked as the option itself is.
 *
 * @param name what the message calls it: `--workers`
 * @throws CommandError with status 2
 */
export function parseValue(option: keyof PreforkOptions, text: string, name: string): unknown {
  const value = read(option, text, name);
  try {
    checkValue(option, value, name);
  } catch (error) {
    throw usageError((error as Error).message);
  }
  return value;
}

function read(option: keyof PreforkOptions, text: string, name: string): unknown {
  const kind = KINDS[option];
  switch (kind) {
    case 'boolean':
      return BOOLEANS[text] ?? text;
    case 'count':
    case 'positive':
      return isNumber(text) ? Number(text) : text;
    case 'delay':
    case 'duration':
      return parseDuration(text, name);
    case 'identity':
    case 'memory':
      return /^\d+$/.test(text) ? Number(text) : text;
    default:
      return text;
  }
}

function parseDuration(text: string, name: string): number {
  const [, number = '', unit = 'ms'] = /^(-?[\d.]+)([a-z]+)?$/.exec(text) ?? [];
  const factor = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
  if (factor === undefined || !isNumber(number)) {
    throw usageError(`Expected ${name} to be a time such as 20s, 500ms or 2m, got ${show(text)}`);
  }
  return Number(number) * factor;
}

function isNumber(text: string): boolean {
  return /^-?\d+(\.\d+)?$/.test(text);
}
