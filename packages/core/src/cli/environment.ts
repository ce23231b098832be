// The `prefork` command. The environment -> options: `PREFORK_GRACEFUL_TIMEOUT=20s` and its like, `PORT`. Names that belong
// to no option are ignored: Kubernetes sets PREFORK_SERVICE_HOST for a service with the name prefork. Pure.

import type { PreforkOptions } from '../options.js';
import { usageError } from './command-error.js';
import { kebab, OPTION_NAMES } from './flags.js';
import { parseValue } from './values.js';

/** The variable that stands for an option. */
export function variableOf(option: string): string {
  return `PREFORK_${kebab(option).replaceAll('-', '_').toUpperCase()}`;
}

/**
 * The options that the environment sets. An empty variable counts as not set.
 *
 * @throws CommandError with status 2
 */
export function readEnvironment(env: NodeJS.ProcessEnv): PreforkOptions {
  const options: PreforkOptions = {};
  if (env.PORT) options.listen = [`http://*:${checkPort(env.PORT)}`];
  for (const option of OPTION_NAMES) {
    const text = env[variableOf(option)];
    if (!text) continue;
    const name = `the environment variable \`${variableOf(option)}\``;
    const value = option === 'listen' ? splitLocations(text) : parseValue(option, text, name);
    Object.assign(options, { [option]: value });
  }
  // the options read it as a default: it overrides the config file, and a flag overrides it
  if (env.WEB_CONCURRENCY && options.workers === undefined) Object.assign(options, { workers: undefined });
  return options;
}

/** Splits at commas before a location: a location may contain commas itself. */
function splitLocations(text: string): string[] {
  return text.split(/,(?=[a-z+]+:\/\/)/i);
}

function checkPort(text: string): string {
  if (/^\d+$/.test(text) && Number(text) <= 65_535) return text;
  throw usageError(`Expected the environment variable \`PORT\` to be an integer from 0 to 65535, got \`${text}\``);
}
