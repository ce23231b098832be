// Both processes. Which Prefork and which Node this is.

import { load } from './require.js';

let own: string | undefined;

/** `unknown` in a bundle, which has no package.json of ours. */
export function versions(): { version: string; node: string } {
  own ??= read();
  return { version: own, node: process.versions.node };
}

function read(): string {
  try {
    const { version } = load('@prefork/core/package.json') as { version?: unknown };
    return String(version);
  } catch {
    return 'unknown';
  }
}
