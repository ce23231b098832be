// The `prefork` command. The config file: a module whose default export is the options, and `app`.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf } from '../errors.js';
import { KINDS, type PreforkOptions, resolveOptions } from '../options.js';
import { show, suggestion } from '../validation.js';
import { usageError } from './command-error.js';
import { expectTrusted, type Trust } from './trust.js';

const NAMES = ['prefork.config.js', 'prefork.config.mjs', 'prefork.config.cjs'];

/**
 * What a config file exports as default.
 *
 * @example
 * // prefork.config.js
 * /** @type {import('@prefork/core').PreforkConfig} *\/
 * export default { app: './app.js', workers: 4 };
 */
export interface PreforkConfig extends PreforkOptions {
  /** The app's file, relative to the config file. A path: the manager never loads the app. */
  app?: string;
}

/** A config file that has been read. */
export interface Config {
  /** Its path; nothing when there is none. */
  file?: string;
  /** The app, as the file names it: relative to its folder. */
  app?: string;
  options: PreforkOptions;
}

/**
 * The file that was named, or the one in this folder.
 *
 * @throws CommandError with status 2, or what the file itself throws
 */
export async function loadConfig(named: string | undefined, folder: string, trust: Trust): Promise<Config> {
  const file = find(named, folder);
  if (file === undefined) return { options: {} };
  expectTrusted(file, trust);
  const { default: content } = (await import(pathToFileURL(file).href)) as { default?: unknown };
  if (typeof content !== 'object' || content === null) {
    throw usageError(`Expected ${file} to export an object of options as default, got ${show(content)}`);
  }
  const { app, ...options } = content as Omit<PreforkConfig, 'app'> & { app?: unknown };
  if (app !== undefined && typeof app !== 'string') {
    throw usageError(`Expected \`app\` in ${file} to be a path: the manager never loads the app, got ${show(app)}`);
  }
  check(file, options);
  return { file, options, ...(app === undefined ? {} : { app }) };
}

function find(named: string | undefined, folder: string): string | undefined {
  if (named === undefined) return NAMES.map((name) => resolve(folder, name)).find((file) => existsSync(file));
  const file = resolve(folder, named);
  if (!existsSync(file)) throw usageError(`Can't find the config file ${file}`);
  return file;
}

function check(file: string, options: PreforkOptions): void {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(KINDS, name));
  if (unknown !== undefined) {
    throw usageError(`${file}: Unknown option \`${unknown}\`${suggestion(unknown, ['app', ...Object.keys(KINDS)])}`);
  }
  try {
    resolveOptions({ workers: 1, ...options });
  } catch (error) {
    throw usageError(`${file}: ${messageOf(error)}`);
  }
}
