// The `prefork` command. The environment -> options: `PREFORK_GRACEFUL_TIMEOUT=20s` and its like, `PORT`. Names that are
// no option's are ignored: Kubernetes sets PREFORK_SERVICE_HOST for a service that is called so. Pure.

import type { PreforkOptions } from '../options.js';
import { usageError } from './command-error.js';
import { kebab, OPTION_NAMES } from './flags.js';
import { parseValue } from './values.js';

/** The variable that stands for an option. */
export function variableOf(option: string): string {
  return `PREFORK_${kebab(option).replaceAll('-', '_').toUpperCase()}`;
}

/**
 * What the environment says; a variable that is empty says nothing.
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
  // the options read it as a default: over the config file, under a flag
  if (env.WEB_CONCURRENCY && options.workers === undefined) Object.assign(options, { workers: undefined });
  return options;
}

/** At commas that a location follows: a location may have commas of its own. */
function splitLocations(text: string): string[] {
  return text.split(/,(?=[a-z+]+:\/\/)/i);
}

function checkPort(text: string): string {
  if (/^\d+$/.test(text) && Number(text) <= 65_535) return text;
  throw usageError(`Expected the environment variable \`PORT\` to be an integer from 0 to 65535, got \`${text}\``);
}
