// The `prefork` command. Flags over environment over config file: the options of the server, checked before anything is
// bound. The manager and each worker read them alike.

import { dirname } from 'node:path';
import { messageOf } from '../errors.js';
import { parseListen } from '../locations.js';
import { type PreforkOptions, resolveOptions } from '../options.js';
import { findApp } from './app.js';
import { usageError } from './command-error.js';
import { type Config, loadConfig } from './config.js';
import { readEnvironment } from './environment.js';
import type { CommandLine } from './flags.js';

/** What is served, and how. */
export interface Assignment {
  /** The app's file. */
  app: string;
  options: PreforkOptions;
}

/** @throws CommandError with status 2 */
export async function readAssignment(line: CommandLine): Promise<Assignment> {
  const folder = process.cwd();
  const config = await loadConfig(line.config, folder);
  const options = merge(line, config);
  try {
    parseListen([], resolveOptions(options));
  } catch (error) {
    throw usageError(messageOf(error));
  }
  if (line.operand !== undefined) return { app: findApp(line.operand, folder), options };
  if (config.file === undefined || config.app === undefined) {
    throw usageError('Name the app, `prefork app.js`; see `prefork --help`');
  }
  return { app: findApp(config.app, dirname(config.file)), options };
}

/** The options alone, where no app is needed. */
export async function readOptions(line: CommandLine): Promise<PreforkOptions> {
  return merge(line, await loadConfig(line.config, process.cwd()));
}

function merge(line: CommandLine, config: Config): PreforkOptions {
  return { ...config.options, ...readEnvironment(process.env), ...line.options };
}
