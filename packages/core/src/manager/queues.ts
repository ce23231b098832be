// Manager. The accept queues of the listening sockets: wakes a worker where connections wait, says when all workers are full,
// and listens again where a process has shut a socket down. It never accepts.

import { messageOf, PreforkError } from '../errors.js';
import type { Settings } from '../options.js';
import { isShutDown, waitingAt } from '../posix/queue.js';
import { boundAddress, listenAgain } from '../posix/sockets.js';
import type { Scoreboard } from '../scoreboard.js';
import type { BoundSocket } from './listeners.js';
import type { WorkerRecord } from './policy.js';
import type { Pool } from './pool.js';
import { QueueWatch } from './queue-watch.js';
import { Saturation } from './saturation.js';

/** The functions that read a listening socket. */
export type Queue = Pick<BoundSocket, 'fds' | 'location'>;

/** The part of the pool that it needs. */
export type Sleepers = Pick<Pool, 'workers' | 'wakeWaiter' | 'wakeAll' | 'wakeEveryone'>;

export class Queues {
  readonly #settings: Settings;
  readonly #board: Scoreboard;
  readonly #saturation: Saturation;
  #sockets: readonly Queue[] = [];
  #watch: QueueWatch;

  constructor(settings: Settings, board: Scoreboard, sockets: readonly Queue[]) {
    this.#settings = settings;
    this.#board = board;
    this.#saturation = new Saturation(board, settings.maxClients);
    this.#watch = this.watch(sockets);
  }

  /** The list of sockets has changed. */
  watch(sockets: readonly Queue[]): QueueWatch {
    const locations = sockets.map(({ fds, location }) => ({
      reuse: location.reuse ?? false,
      waiting: () => waitingAt(fds),
    }));
    this.#sockets = sockets;
    this.#watch = new QueueWatch(this.#board, locations, this.#settings.acceptLock);
    return this.#watch;
  }

  /** A worker has died. Connections may still wait at its seat. */
  lost(): void {
    this.#watch.lost();
  }

  /** Whether connections wait, and none of these workers accepts. */
  isDeserted(workers: readonly WorkerRecord[]): boolean {
    return this.#watch.isDeserted(workers);
  }

  /** The locations whose queue is long. */
  get locations(): { url: string; waiting: number }[] {
    return this.#sockets.map(({ location, fds }) => ({ url: location.url, waiting: waitingAt(fds) }));
  }

  wake(pool: Sleepers, now: number): void {
    const { waiter, all, everyone } = this.#watch.look(now);
    if (everyone) return pool.wakeEveryone();
    if (waiter) pool.wakeWaiter();
    if (all) pool.wakeAll();
    const slots = pool.workers.filter(({ state }) => state === 'healthy').map(({ slot }) => slot);
    const line = this.#saturation.look(slots, () => this.#watch.waiting(), now);
    if (line !== undefined) this.#settings.log.warn(line);
  }

  /**
   * Any process that has a listening socket can shut it down, for all.
   *
   * @returns why the server cannot go on, when it cannot listen again.
   */
  repair(): PreforkError | undefined {
    for (const socket of this.#sockets) {
      const failure = socket.fds.some(isShutDown) ? this.#listenAgain(socket) : undefined;
      if (failure) return failure;
    }
    return undefined;
  }

  #listenAgain({ fds, location: { url, backlog, address, numbered } }: Queue): PreforkError | undefined {
    const { log } = this.#settings;
    log.error(`The listening socket of ${url} was shut down, by a worker or a child of it; listening again`);
    try {
      for (const fd of fds) listenAgain(fd, backlog, numbered ? boundAddress(fd) : address);
      return undefined;
    } catch (error) {
      const message = `Can't listen at ${url} again: ${messageOf(error)}`;
      log.error(`${message}; stopping`);
      return new PreforkError('ERR_PREFORK_SHUT_DOWN', message, error);
    }
  }
}
