// Manager. How this process was started: folder, command line, environment. Read while core is loaded; new processes start
// from this, and not from what the application has changed since.

import { readFileSync, realpathSync, statSync } from 'node:fs';
import { isAbsolute, normalize, relative, resolve, sep } from 'node:path';

/** How a process was started. */
export interface Origin {
  /** The folder, by its name in `$PWD` if that is right: each new process follows a symbolic link in it again. */
  readonly folder: string;
  /** The same without symbolic links, as it was. */
  readonly start: string;
  readonly execArgv: readonly string[];
  /** The script as it was typed, and its arguments. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** What the system and Node say about a process. */
export interface Started {
  /** /proc/self/environ; empty where it cannot be read. */
  environ: string;
  /** /proc/self/cmdline; a title has overwritten it. */
  cmdline: string;
  argv: readonly string[];
  execArgv: readonly string[];
  env: NodeJS.ProcessEnv;
  cwd: string;
}

/** The questions to the file system. */
export interface Paths {
  /** The path without symbolic links, if it is there. */
  real(path: string): string | undefined;
  isSame(a: string, b: string): boolean;
}

/** Combines the parts. */
export function originOf({ environ, cmdline, argv, execArgv, env: current, cwd }: Started, paths: Paths): Origin {
  const env = parseEnviron(environ) ?? defined(current);
  const { PWD = '' } = env;
  const named = isAbsolute(PWD) ? paths.real(PWD) : undefined;
  const typed = cmdline.split('\0').slice(1 + execArgv.length, -1);
  const [, script = '', ...rest] = argv;
  // Node made the script's path absolute before the application could change the folder
  const leads = (folder: string) => typed.findIndex((word) => resolve(folder, word) === script);
  const candidates = [cwd, ...(named === undefined ? [] : [named]), ...above(script, typed)];
  const start = candidates.find((folder) => leads(folder) !== -1) ?? cwd;
  const folder = named !== undefined && paths.isSame(PWD, start) ? PWD : start;
  const known = { folder, start, execArgv: [...execArgv], env };
  const at = leads(start);
  if (at !== -1) return { ...known, args: typed.slice(at) };
  // without its command line: what lies in the folder is looked up there
  const isInside = folder !== start && script.startsWith(`${start}${sep}`);
  const args = argv.length < 2 ? [] : [isInside ? relative(start, script) : script, ...rest];
  return { ...known, args };
}

/** The folder from which the first word that fits leads to the script. */
function above(script: string, typed: readonly string[]): string[] {
  const tails = typed.filter((word) => !isAbsolute(word)).map((word) => `${sep}${normalize(word)}`);
  return tails.filter((tail) => script.endsWith(tail)).map((tail) => script.slice(0, -tail.length) || sep);
}

/** Nothing where there is no environment. A name that comes twice means its first value, as in getenv(3). */
function parseEnviron(text: string): Record<string, string> | undefined {
  const entries = text.split('\0').flatMap((entry) => {
    const at = entry.indexOf('=', 1);
    return at === -1 ? [] : [[entry.slice(0, at), entry.slice(at + 1)]];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries.reverse());
}

function defined(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

const PATHS: Paths = {
  real(path) {
    try {
      return realpathSync(path);
    } catch {
      return undefined;
    }
  },
  isSame(a, b) {
    const [one, other] = [a, b].map((path) => statSync(path, { throwIfNoEntry: false }));
    return one !== undefined && one.dev === other?.dev && one.ino === other.ino;
  },
};

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // no Linux, or this user may not read it
  }
}

function currentFolder(): string {
  try {
    return process.cwd();
  } catch {
    return sep; // it was deleted
  }
}

let taken: Origin | undefined;

/** How this process was started. The first call is made while core is loaded: the folder and the lists may change later. */
export function origin(): Origin {
  taken ??= originOf(
    {
      environ: read('/proc/self/environ'),
      cmdline: read('/proc/self/cmdline'),
      argv: [...process.argv],
      execArgv: [...process.execArgv],
      env: process.env,
      cwd: currentFolder(),
    },
    PATHS,
  );
  return taken;
}
