// Worker, and the one process of `single`. The servers that are made for the locations, and which of them the application has closed.

import type { Server } from 'node:http';
import type { BoundLocation } from '../handover.js';
import type { Listener, Settings } from '../options.js';
import type { Entrance } from './gate.js';
import { createServers, open } from './servers.js';
import { shareTickets } from './tickets.js';

export class MadeServers {
  readonly all: readonly Server[];
  readonly #locations: readonly BoundLocation[];
  readonly #open: Set<Server>;

  /** @param listener there is none where the application makes its own servers. */
  constructor(
    locations: readonly BoundLocation[],
    listener: Listener | undefined,
    settings: Settings,
    ticketSeed: string | undefined,
  ) {
    this.#locations = locations;
    this.all = listener ? createServers(locations, listener, settings) : [];
    this.#open = new Set(this.all);
    for (const [i, server] of this.all.entries()) shareTickets(server, locations[i], ticketSeed);
  }

  /** Whether there are some, and the application has closed all of them. */
  get areClosed(): boolean {
    return this.all.length > 0 && this.#open.size === 0;
  }

  /**
   * Makes them look like servers that listen.
   *
   * @param sockets the descriptors of each location
   * @param closed the application has closed the server of these entrances.
   */
  open(sockets: readonly (readonly number[])[], closed: (entrances: readonly Entrance[]) => void): Entrance[][] {
    const entrances = this.all.map((server, i): Entrance[] =>
      open(server, this.#locations[i], sockets[i] ?? [], () => {
        this.#open.delete(server);
        closed(entrances[i] ?? []);
      }),
    );
    return entrances;
  }
}
