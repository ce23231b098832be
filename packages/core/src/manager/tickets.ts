// Manager. The secret behind the TLS session tickets of a pool: one for all workers, so that each of them resumes a session
// of any other. It lives as long as the certificates do, over reloads and upgrades.

import type { Tickets } from '../handover.js';
import type { Secrets } from '../tls.js';

/** As many bytes as a key of session tickets has. */
const BYTES = 48;

/** Those that we have, if they belong to these certificates, or new ones. */
export function ticketsOf(secrets: readonly (Secrets | undefined)[], own: Tickets | undefined): Tickets {
  const { createHash, randomBytes } = process.getBuiltinModule('node:crypto');
  const of = createHash('sha256').update(JSON.stringify(secrets)).digest('base64');
  return own?.of === of ? own : { of, seed: randomBytes(BYTES).toString('base64') };
}
