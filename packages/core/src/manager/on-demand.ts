// Manager of the command. The sockets that workers ask for, because a server of the app's file listens itself. It binds new sockets,
// gives out those that another worker has asked for before, and closes those that no worker of the newest generation wants.
// A worker may run as another user: nothing that it sends is trusted.

import type { Wanted } from '../channel.js';
import { locationKey } from '../handover.js';
import type { Location } from '../location.js';
import { wantedLocation } from '../locations.js';
import type { Log } from '../log.js';
import { type BoundSocket, bindAll } from './listeners.js';
import type { Target, WorkerRecord } from './policy.js';
import { type Channel, WorkerChannels } from './worker-channels.js';

/** More servers than any file has. */
const MOST = 256;

/** How long all workers have to be healthy before a socket that none of them has asked for is closed. Milliseconds. */
const PATIENCE = 1000;

/** How long after the first heartbeat a file of another user may still set up its servers. Milliseconds. */
const TRUST = 10_000;

interface Demand {
  readonly socket: BoundSocket;
  /** The newest generation that has asked for it. */
  generation: number;
  /** A worker has closed its server, and none has asked for it since. */
  isReleased: boolean;
  /** The workers that have asked for it and have not been reaped. */
  readonly workers: Set<WorkerRecord>;
}

export interface OnDemandParts {
  readonly log: Log;
  readonly silent: boolean;
  /** Those that systemd bound: a file may name one by its descriptor. */
  readonly activated: readonly BoundSocket[];
  /** Whether workers run as another user, which may not bind everything that this process may. */
  readonly isOthers: boolean;
  /** The list of sockets has changed. */
  changed(): void;
}

export class OnDemand {
  readonly #parts: OnDemandParts;
  readonly #demands = new Map<string, Demand>();
  readonly #channels = new WorkerChannels((worker, wanted) => this.#ask(worker, wanted));
  #isClosed = false;
  /** Until when a worker of another user may ask for what only this process may bind. */
  #trustedUntil = Number.POSITIVE_INFINITY;

  /** @param inherited the sockets that the old manager's workers have asked for. */
  constructor(parts: OnDemandParts, inherited: readonly BoundSocket[]) {
    this.#parts = parts;
    for (const socket of inherited) this.#add(socket, -1);
  }

  get sockets(): BoundSocket[] {
    return [...this.#demands.values()].map(({ socket }) => socket);
  }

  /** For a worker that is about to be started. */
  open(): Channel {
    return this.#channels.open();
  }

  /** The first worker is healthy: what workers ask for some time later may come from a client. */
  served(): void {
    if (this.#parts.isOthers) this.#trustedUntil = performance.now() + TRUST;
  }

  /** Its exit was seen. */
  reaped(worker: WorkerRecord): void {
    this.#channels.close(worker);
    for (const { workers } of this.#demands.values()) workers.delete(worker);
  }

  /**
   * Closes what no worker wants any more: because the newest generation has not asked for it and the older ones have gone, or
   * because all have closed their servers. Called in each pass.
   */
  sweep(workers: readonly WorkerRecord[], target: Target, now: number): void {
    const unwanted = [...this.#demands].filter(
      ([, { generation, isReleased, workers: askers }]) =>
        (isReleased || generation !== target.generation) && askers.size === 0,
    );
    if (unwanted.length === 0) return;
    const serving = workers.filter(({ state, generation }) => state === 'healthy' && generation === target.generation);
    if (serving.length === 0 || serving.length < target.workers) return;
    if (serving.some(({ healthyAt = now }) => now - healthyAt < PATIENCE)) return;
    for (const [key, { socket }] of unwanted) {
      this.#demands.delete(key);
      socket.close(false);
      this.#parts.log.info(`Closing "${socket.location.url}", no worker listens there any more`);
    }
    this.#parts.changed();
  }

  /** `keep` leaves the paths of UNIX sockets to the next manager. */
  close(keep: boolean): void {
    this.#isClosed = true;
    for (const { socket } of this.#demands.values()) socket.close(keep);
    this.#demands.clear();
  }

  /** A worker asks for a socket, or has closed its server there. */
  async #ask(worker: WorkerRecord, wanted: Wanted): Promise<BoundSocket | undefined> {
    if (!wanted.isReleased) return await this.#find(worker, wanted);
    this.#release(worker, wanted);
    return undefined;
  }

  async #find(worker: WorkerRecord, wanted: Wanted): Promise<BoundSocket> {
    if (this.#isClosed) throw new Error('The server stops');
    const { activated } = this.#parts;
    const given = wanted.fd === undefined ? undefined : activated.find((own) => own.activated?.number === wanted.fd);
    if (given) return given;
    const location = wantedLocation(wanted, process.umask());
    const known = this.#known(location) ?? this.#add(await this.#bind(location), worker.generation);
    known.isReleased = false;
    known.generation = Math.max(known.generation, worker.generation);
    if (this.#channels.has(worker)) known.workers.add(worker);
    return known.socket;
  }

  /** The socket that was asked for in these words, or is bound there: a file may listen again at the port that it was given. */
  #known(location: Location): Demand | undefined {
    const isThere = ({ socket: { location: known } }: Demand) =>
      typeof known.address !== 'string' &&
      known.address.port === location.port &&
      known.address.address === (location.host ?? '::');
    return this.#demands.get(locationKey(location)) ?? [...this.#demands.values()].find(isThere);
  }

  #release(worker: WorkerRecord, wanted: Wanted): void {
    const demand = this.#known(wantedLocation(wanted, process.umask()));
    if (!demand) return;
    demand.isReleased = true;
    demand.workers.delete(worker);
  }

  async #bind(location: Location): Promise<BoundSocket> {
    const { log, silent } = this.#parts;
    if (this.#demands.size >= MOST) throw new RangeError(`Expected a file to listen at ${MOST} addresses at the most`);
    if (isPrivileged(location) && performance.now() > this.#trustedUntil) throw untrusted(location);
    const [socket] = await bindAll([{ location }], 1, new Map());
    if (!socket) throw new Error('Nothing was bound');
    if (this.#isClosed) {
      socket.close(false);
      throw new Error('The server stops');
    }
    if (!silent) log.info(`Listening at "${socket.location.url}"`);
    return socket;
  }

  #add(socket: BoundSocket, generation: number): Demand {
    const demand: Demand = { socket, generation, isReleased: false, workers: new Set() };
    this.#demands.set(locationKey(socket.location.asked), demand);
    this.#parts.changed();
    return demand;
  }
}

function isPrivileged({ path, port = 0, fd }: Location): boolean {
  return (path !== undefined && !path.startsWith('\0')) || fd !== undefined || (port > 0 && port < 1024);
}

function untrusted({ url }: Location): Error {
  const fix = 'let the file listen there as it starts, and restart the server, or name it with --listen';
  return Object.assign(new Error(`listen EACCES: with \`user\`, a worker may not have ${url} this late: ${fix}`), {
    code: 'EACCES',
  });
}
