// Worker. The servers that the application makes itself and lets listen: prepares each for its connections and its drain.

import type { Server as HttpServer } from 'node:http';
import type { Server } from 'node:net';
import type { Settings } from '../options.js';
import type { Connections } from './connections.js';
import type { Entrance } from './gate.js';
import { closeGently } from './gentle-close.js';
import { setHandshakeTimeout } from './handle.js';
import type { Place } from './places.js';
import { adoptPrototypes } from './prototypes.js';
import { entrancesOf, setTimeouts } from './servers.js';
import { shareTickets } from './tickets.js';

export class AdoptedServers {
  /** Those of http, which a drain closes. */
  readonly all: HttpServer[] = [];
  /** By server and location. */
  readonly entrances = new Set<readonly Entrance[]>();
  readonly #connections: Connections;
  readonly #settings: Settings;
  readonly #ticketSeed: string | undefined;
  readonly #known = new WeakSet<Server>();

  constructor(connections: Connections, settings: Settings, ticketSeed: string | undefined) {
    this.#connections = connections;
    this.#settings = settings;
    this.#ticketSeed = ticketSeed;
  }

  /** @returns the entrances of the server, by location. */
  add(server: Server, places: readonly Place[], isHttp: boolean): Entrance[][] {
    this.#prepare(server, isHttp);
    shareTickets(server, places[0]?.location, this.#ticketSeed);
    const own = places.map(({ location, fds }) => entrancesOf(server, location, fds, isHttp));
    for (const entrances of own) this.entrances.add(entrances);
    return own;
  }

  /** The server was closed. */
  remove(own: readonly Entrance[][]): void {
    for (const entrances of own) this.entrances.delete(entrances);
  }

  /** A server that listens again is known already. */
  #prepare(server: Server, isHttp: boolean): void {
    if (this.#known.has(server)) return;
    this.#known.add(server);
    const { inactivityTimeout } = this.#settings;
    if (inactivityTimeout !== undefined) setHandshakeTimeout(server, inactivityTimeout);
    if (!isHttp) return this.#connections.watchPlain(server);
    // a server of http2 does not have all of these methods
    const http = server as HttpServer;
    setTimeouts(http, this.#settings);
    adoptPrototypes(http);
    closeGently(http);
    this.#connections.watch(http);
    this.all.push(http);
  }
}
