// The `prefork` command. Text of a flag or of the environment -> a value of an option. Pure.

import { checkValue, KINDS, type PreforkOptions } from '../options.js';
import { parsePeriod } from '../period.js';
import { show } from '../validation.js';
import { usageError } from './command-error.js';

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
    case 'period':
      return parseDuration(text, name);
    case 'identity':
    case 'memory':
      return /^\d+$/.test(text) ? Number(text) : text;
    default:
      return text;
  }
}

function parseDuration(text: string, name: string): number {
  const milliseconds = parsePeriod(text);
  if (milliseconds === undefined) {
    throw usageError(`Expected ${name} to be a time such as 20s, 500ms or 2m, got ${show(text)}`);
  }
  return milliseconds;
}

function isNumber(text: string): boolean {
  return /^-?\d+(\.\d+)?$/.test(text);
}
