// The `prefork` command. What it ends with when something is wrong: one line on stderr, and an exit status.

/** The exit statuses besides 0. */
export const FAILED = 1;
export const USAGE = 2;

/** A line for the caller of the command. Anything else that is thrown is a bug of the app or of Prefork, and has a stack. */
export class CommandError extends Error {
  override readonly name = 'CommandError';

  constructor(
    readonly status: typeof FAILED | typeof USAGE,
    message: string,
  ) {
    super(message);
  }
}

/** A mistake in the command line, the environment or the config file. */
export function usageError(message: string): CommandError {
  return new CommandError(USAGE, message);
}
