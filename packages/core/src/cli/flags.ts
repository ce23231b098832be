// The `prefork` command. The command line -> what to do. Its flags are the options in kebab case, so a new option is automatically
// a flag. Pure.

import { parseArgs } from 'node:util';
import { KINDS, type PreforkOptions } from '../options.js';
import { suggestion } from '../validation.js';
import { usageError } from './command-error.js';
import { parseValue } from './values.js';

type Option = keyof PreforkOptions;

/** The letters of the seed's command, and `s`. */
const SHORT: Partial<Record<Option, string>> = {
  accepts: 'A',
  acceptInterval: 'a',
  backlog: 'b',
  gracefulTimeout: 'G',
  group: 'g',
  heartbeatTimeout: 'H',
  inactivityTimeout: 'i',
  listen: 'l',
  lockTimeout: 'L',
  maxClients: 'c',
  maxRequests: 'r',
  pidFile: 'P',
  spare: 's',
  user: 'u',
  workers: 'w',
};

/** The operands that a command takes. */
export const COMMANDS = {
  serve: ['check', 'watch', 'config'],
  stop: ['now', 'config'],
  reload: ['config'],
  upgrade: ['config'],
  resize: ['config'],
  status: ['json', 'watch', 'config'],
} as const;

type Command = keyof typeof COMMANDS;
type Switch = 'check' | 'help' | 'json' | 'now' | 'version' | 'watch';

/** A command line that has been read. */
export interface CommandLine {
  command: Command;
  /** The app to serve, or the number of `resize`. */
  operand?: string;
  /** What follows `--`. */
  args?: string[];
  /** The config file. */
  config?: string;
  switches: Set<Switch>;
  options: PreforkOptions;
}

/** A flag of an option; a boolean has two, `--cleanup` and `--no-cleanup`. */
export interface Flag {
  name: string;
  option: Option;
  short?: string;
  /** What it stands for; nothing when it needs a value. */
  implied?: boolean;
}

export const kebab = (option: string) => option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The options that text can express: all but functions and objects. */
export const OPTION_NAMES = (Object.keys(KINDS) as Option[]).filter(
  (option) => KINDS[option] !== 'function' && KINDS[option] !== 'log',
);

/** Every flag of an option, in the order of the docs. */
export const FLAGS: readonly Flag[] = OPTION_NAMES.flatMap((option): Flag[] => {
  const [name, short] = [kebab(option), SHORT[option]];
  if (KINDS[option] !== 'boolean') return [{ name, option, ...(short ? { short } : {}) }];
  return [
    { name, option, implied: true },
    { name: `no-${name}`, option, implied: false },
  ];
});

const SWITCHES: Record<Switch, string | undefined> = {
  check: undefined,
  help: 'h',
  json: undefined,
  now: undefined,
  version: 'v',
  watch: undefined,
};

interface Token {
  kind: string;
  name: string;
  rawName: string;
  value?: string | undefined;
  inlineValue?: boolean | undefined;
}

/** @throws CommandError with status 2 */
export function parseCommandLine(all: readonly string[]): CommandLine {
  // what follows -- is the app's
  const end = all.indexOf('--');
  const args = end === -1 ? all : all.slice(0, end);
  // parseArgs would take -2 for a group of flags
  const amounts = args.includes('resize') ? args.filter((arg) => /^-\d+$/.test(arg)) : [];
  const { tokens } = parseArgs({
    args: args.filter((arg) => !amounts.includes(arg)),
    options: parseArgsOptions(),
    strict: false,
    tokens: true,
  });
  const positionals = tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []));
  const [first, ...rest] = positionals;
  const command = first !== 'serve' && Object.hasOwn(COMMANDS, first ?? '') ? (first as Command) : 'serve';
  const operands = command === 'serve' ? positionals : [...rest, ...amounts];
  const line: CommandLine = { command, switches: new Set(), options: {} };
  for (const token of tokens) if (token.kind === 'option') take(line, token);
  checkOperands(line, operands);
  if (end !== -1) line.args = all.slice(end + 1);
  return line;
}

function parseArgsOptions() {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = { config: { type: 'string' } };
  for (const [name, short] of Object.entries(SWITCHES))
    options[name] = { type: 'boolean', ...(short ? { short } : {}) };
  for (const { name, short, implied } of FLAGS) {
    options[name] = { type: implied === undefined ? 'string' : 'boolean', ...(short ? { short } : {}) };
  }
  return options;
}

function take(line: CommandLine, token: Token): void {
  const { name, rawName } = token;
  const flag = FLAGS.find((known) => known.name === name);
  const isSwitch = Object.hasOwn(SWITCHES, name);
  if (!flag && !isSwitch && name !== 'config') throw unknownFlag(rawName);
  if (!takes(line.command, name))
    throw usageError(`\`prefork ${line.command === 'serve' ? 'app.js' : line.command}\` does not take ${rawName}`);
  if (isSwitch) {
    if (token.value !== undefined) throw usageError(`${rawName} takes no value, got \`${token.value}\``);
    line.switches.add(name as Switch);
  } else if (flag) {
    const value = flag.implied === undefined ? textOf(token) : impliedOf(flag.implied, token);
    addOption(line.options, flag.option, parseValue(flag.option, value, `--${name}`));
  } else {
    line.config = textOf(token);
  }
}

function takes(command: Command, name: string): boolean {
  if (name === 'help' || name === 'version' || name === 'pid-file') return true;
  const own: readonly string[] = COMMANDS[command];
  return own.includes(name) || (command === 'serve' && FLAGS.some((flag) => flag.name === name));
}

function textOf({ value, rawName, inlineValue }: Token): string {
  // the next word is a flag, so the value is missing
  if (value === undefined || (!inlineValue && /^-[^\d]/.test(value))) throw usageError(`${rawName} needs a value`);
  return value;
}

function impliedOf(implied: boolean, { value, rawName }: Token): string {
  if (value !== undefined) throw usageError(`${rawName} takes no value, got \`${value}\``);
  return String(implied);
}

function addOption(options: PreforkOptions, option: Option, value: unknown): void {
  const all = option === 'listen' ? [options.listen ?? [], value].flat() : value;
  Object.assign(options, { [option]: all });
}

function checkOperands(line: CommandLine, operands: readonly string[]): void {
  const [operand, ...more] = operands;
  const wanted = line.command === 'serve' ? 'one app' : line.command === 'resize' ? 'one number' : 'nothing';
  const extra = wanted === 'nothing' ? operand : more[0];
  const name = line.command === 'serve' ? 'prefork' : `prefork ${line.command}`;
  if (extra !== undefined) throw usageError(`Expected ${wanted} after \`${name}\`, got \`${extra}\``);
  if (operand !== undefined) line.operand = operand;
}

function unknownFlag(rawName: string): Error {
  const names = [...FLAGS.map(({ name }) => name), ...Object.keys(SWITCHES), 'config'].map((name) => `--${name}`);
  const hint = rawName.length > 2 ? suggestion(rawName, names) : '';
  return usageError(`Unknown flag \`${rawName}\`${hint || ', see `prefork --help`'}`);
}
