// Manager. The certificates and keys of a pool's locations, and the secret behind its TLS session tickets: one for all workers,
// so that each of them resumes a session of any other. It lives as long as the certificates do, over reloads and upgrades.

import type { Tickets } from '../handover.js';
import type { Secrets } from '../tls.js';
import type { BoundSocket } from './listeners.js';
import { readSecrets } from './secrets.js';

/** As many bytes as a key of session tickets has. */
const BYTES = 48;

/** Those that we have, if they belong to these certificates, or new ones. */
function ticketsOf(secrets: readonly (Secrets | undefined)[], own: Tickets | undefined): Tickets {
  const { createHash, randomBytes } = process.getBuiltinModule('node:crypto');
  const of = createHash('sha256').update(JSON.stringify(secrets)).digest('base64');
  return own?.of === of ? own : { of, seed: randomBytes(BYTES).toString('base64') };
}

export class PoolSecrets {
  readonly #sockets: readonly Pick<BoundSocket, 'location'>[];
  #tickets: Tickets | undefined;

  /**
   * @param mayTls whether there may be servers of TLS beside those of the locations
   * @param inherited what the old manager of an upgrade had
   */
  constructor(sockets: readonly Pick<BoundSocket, 'location'>[], mayTls: boolean, inherited: Tickets | undefined) {
    this.#sockets = sockets;
    const secrets = this.#secrets();
    if (mayTls || secrets.some(Boolean)) this.#tickets = ticketsOf(secrets, inherited);
  }

  /** None where no server can speak TLS. */
  get tickets(): Tickets | undefined {
    return this.#tickets;
  }

  /** Reads all files again. @returns whether there are any. @throws PreforkError and keeps what it had. */
  renew(): boolean {
    const secrets = this.#sockets.map(({ location: { tls } }) => tls && readSecrets(tls));
    if (!secrets.some(Boolean)) return false;
    for (const [i, { location }] of this.#sockets.entries()) if (secrets[i]) location.secrets = secrets[i];
    this.#tickets = ticketsOf(this.#secrets(), this.#tickets);
    return true;
  }

  #secrets(): (Secrets | undefined)[] {
    return this.#sockets.map(({ location: { secrets } }) => secrets);
  }
}
