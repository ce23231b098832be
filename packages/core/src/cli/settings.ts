// The `prefork` command. Flags over environment over config file: the options of the server, checked before anything is
// bound. The manager and each worker read them alike.

import { existsSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { messageOf } from '../errors.js';
import { parseListen } from '../locations.js';
import { enterFolder } from '../manager/folder.js';
import { type PreforkOptions, resolveOptions } from '../options.js';
import { findApp } from './app.js';
import { usageError } from './command-error.js';
import { type Config, loadConfig } from './config.js';
import { readEnvironment, variableOf } from './environment.js';
import type { CommandLine } from './flags.js';
import type { Trust } from './trust.js';

/** What is served, and how. */
export interface Assignment {
  /** The app's file. */
  app: string;
  /** Its arguments: what follows `--`. */
  args: readonly string[];
  /** Whether `listen` was set. The variable `PORT` does not count: a file that listens itself reads it. */
  isListenGiven: boolean;
  options: PreforkOptions;
}

/** @throws CommandError with status 2 */
export async function readAssignment(line: CommandLine): Promise<Assignment> {
  enter(merge(line, { options: {} }).directory);
  const config = await loadConfig(line.config, process.cwd(), trustOf(line, process.cwd()));
  const options = merge(line, config);
  enter(options.directory);
  const folder = process.cwd();
  expectConfig(line.config, config, folder);
  try {
    parseListen([], resolveOptions(options));
  } catch (error) {
    throw usageError(messageOf(error));
  }
  const isListenGiven =
    Boolean(line.options.listen ?? process.env[variableOf('listen')]) ||
    (config.options.listen !== undefined && !process.env.PORT);
  const rest = { args: line.args ?? [], isListenGiven, options };
  if (line.operand !== undefined) return { app: findApp(line.operand, folder), ...rest };
  if (config.file === undefined || config.app === undefined) {
    throw usageError('Name the app, `prefork app.js`; see `prefork --help`');
  }
  return { app: findApp(config.app, dirname(config.file)), ...rest };
}

/** A relative path is looked up in the folder of the option `directory`, in the manager and in workers, which start there. */
function enter(directory: string | undefined): void {
  try {
    enterFolder(directory);
  } catch (error) {
    throw usageError(messageOf(error));
  }
}

/** A worker looks for the file in its own folder. */
function expectConfig(named: string | undefined, { file }: Config, folder: string): void {
  if (file === undefined || existsSync(resolve(folder, named ?? basename(file)))) return;
  throw usageError(
    `${file} sets \`directory\`, and a worker finds no ${basename(file)} there: name it with --config /...`,
  );
}

/** The PID file, for the commands that control a server. A config file is code, so it runs only where nothing else names the PID file. */
export async function readPidFile(line: CommandLine): Promise<string | undefined> {
  const { pidFile } = merge(line, { options: {} });
  if (pidFile !== undefined) return pidFile;
  const config = await loadConfig(line.config, process.cwd(), { owners: [], isStrict: true });
  return config.options.pidFile;
}

/**
 * Root does not run a config file of another user, unless the named app belongs to the same user, whose code runs anyway. Other users
 * often serve files that belong to a user for deployment.
 */
function trustOf({ operand }: CommandLine, folder: string): Trust {
  return { owners: operand === undefined ? [] : ownersOf(operand, folder), isStrict: process.geteuid?.() === 0 };
}

function ownersOf(operand: string, folder: string): number[] {
  try {
    return [statSync(findApp(operand, folder)).uid];
  } catch {
    return []; // the config file may name the folder in which it is
  }
}

function merge(line: CommandLine, config: Config): PreforkOptions {
  return { ...config.options, ...readEnvironment(process.env), ...line.options };
}
