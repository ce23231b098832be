#!/usr/bin/env node
// The `prefork` command: `prefork app.js` in the manager and in each worker, which runs the same command line again, and
// the short-lived commands that control a server. It reads the command line, chooses, and exits.

import { CommandError } from './cli/command-error.js';
import { type CommandLine, parseCommandLine } from './cli/flags.js';
import { printable } from './printable.js';
import { load } from './require.js';

/** Resolves with the exit status; in a worker never. */
async function main(args: readonly string[]): Promise<number> {
  const line = parseCommandLine(args);
  if (line.switches.has('help')) {
    const { HELP } = await import('./cli/help.js');
    process.stdout.write(HELP);
    return 0;
  }
  if (line.switches.has('version')) {
    console.log(version());
    return 0;
  }
  return line.command === 'serve' ? serveApp(line) : control(line);
}

/** The server's code is loaded here only: it would take the other commands for a manager or a worker. */
async function serveApp(line: CommandLine): Promise<number> {
  // first of all who we are is taken from the environment: a config file may start processes
  const { check, serve } = await import('./cli/serve.js');
  const { readAssignment } = await import('./cli/settings.js');
  const assignment = await readAssignment(line);
  return line.switches.has('check') ? check(assignment) : serve(assignment, line.switches.has('watch'));
}

async function control(line: CommandLine): Promise<number> {
  const { readPidFile } = await import('./cli/settings.js');
  const pidFile = await readPidFile(line);
  const { runCommand } = await import('./cli/control.js');
  return runCommand(line, pidFile);
}

function version(): string {
  const { version } = load('@prefork/core/package.json') as { version: string };
  return version;
}

main(process.argv.slice(2)).then(
  (status) => process.exit(status),
  (error: unknown) => {
    // what the app threw goes to Node, which shows its stack
    if (!(error instanceof CommandError)) throw error;
    // a path or an argument in it can hold line breaks and escape sequences
    console.error(`prefork: ${printable(error.message)}`);
    process.exit(error.status);
  },
);
