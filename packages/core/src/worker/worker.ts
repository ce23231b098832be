// Worker. The steps of a worker in order: load -> serve -> beat -> drain -> exit. It owns its slot of the scoreboard, its descriptor
// of the lock file, and the service of service.ts. It starts no process and sends no signal except the wake.

import { closeSync } from 'node:fs';
import type { Server as HttpServer } from 'node:http';
import type { Server } from 'node:net';
import { monotonic, now } from '../clock.js';
import { SCOREBOARD_FD, STATS_FD } from '../descriptors.js';
import { type BoundLocation, type Facts, type Identity, takeFacts } from '../handover.js';
import { trace } from '../log.js';
import type { Listener, Settings } from '../options.js';
import { readStatus, type Status } from '../pool-status.js';
import { mapSharedDoubles } from '../posix/memory.js';
import { hideFromOthers } from '../posix/process.js';
import { waitingAt } from '../posix/queue.js';
import { Scoreboard } from '../scoreboard.js';
import { Stats } from '../stats.js';
import { STATS_BYTES } from '../stats-layout.js';
import { openAcceptLock } from './accept-lock.js';
import { Departure } from './departure.js';
import { createHeartbeat } from './heartbeat.js';
import { type Place, placesOf } from './places.js';
import { Service } from './service.js';

/** For the log line that names what was not waited for. Milliseconds. */
const LAST_WORDS = 10;

/** The calls to the application. */
export interface WorkerEvents {
  /** Before it serves, once for each server. */
  server(server: HttpServer): void;
  /** It begins to drain, and has not waited for anything yet. */
  finish(graceful: boolean): void;
  /** After the last connection has ended; the worker exits when the promise has settled, in so many milliseconds. */
  drained(patience: number): Promise<unknown>;
}

/** What a worker serves. */
export interface Charge {
  facts: Facts;
  /** The listener of the servers that are made for {@link places}. */
  listener?: Listener;
  places: readonly Place[];
}

export interface WorkerHandle {
  /** Where the pool listens. */
  readonly addresses: BoundLocation['address'][];
  /** The pool as shared memory has it. */
  status(): Status;
  /** Stops accepting, finishes what is open, exits 0. */
  drain(): void;
  /** Exits 0 at once. It tells the manager first that this is intended. */
  exit(): void;
  /**
   * Serves with a server of the application as well.
   *
   * @returns a function to call when the application closes it; with `true` the descriptors are not needed any more.
   */
  adopt(server: Server, places: readonly Place[], isHttp: boolean): (isDone: boolean) => void;
  /**
   * The application has closed all its servers: drains, and leaves the end to the application.
   *
   * @returns whether it has served at all.
   */
  abandon(): boolean;
}

/** A worker that leaves by itself this early counts as crashed: the manager waits longer before each replacement. Milliseconds. */
const CRASH_AGE = 2_000;

/** What a worker gets at its start. */
export function startWith(listener: Listener): Charge {
  const facts = takeFacts();
  return { facts, listener, places: placesOf(facts.locations) };
}

/** Serves until the process exits. */
export function serve(identity: Identity, settings: Settings, events: WorkerEvents, charge: Charge): WorkerHandle {
  const { facts, listener, places } = charge;
  const { slot, patience } = identity;
  const board = Scoreboard.map(SCOREBOARD_FD);
  const stats = new Stats(mapSharedDoubles(STATS_FD, STATS_BYTES), facts.manager);
  const locations = places.map(({ location }) => location);
  const sockets = places.map(({ fds }) => fds);
  /** Including those of the application's servers. */
  const served = new Set(places);
  const open = new Set(sockets.flat());
  const close = (fds: Iterable<number> = open) => {
    for (const fd of fds) if (open.delete(fd)) closeSync(fd);
  };
  let isLeaving = false;
  let servesSince: number | undefined;
  let isAbandoned = false;
  const lock = openAcceptLock(facts.lockFile, (message) => settings.log.warn(message));
  // after the lock, which is opened through /proc
  if (facts.isOtherUser) hideFromOthers();
  const post = {
    slot,
    board,
    recorder: stats.recorder(slot),
    lock,
    locations,
    sockets,
    ticketSeed: facts.ticketSeed,
    close: () => close(),
  };
  const service = new Service(post, listener, settings, {
    server: events.server,
    leaving() {
      isLeaving = true;
      // first: a listener of `finish` may take its time
      if (!isCrash()) heartbeat.announceDrain();
      events.finish(true);
    },
    empty(patience) {
      // the manager would kill a worker that waits longer
      if (!isAbandoned) setTimeout(() => process.exit(), patience + LAST_WORDS).unref();
      void events.drained(patience).finally(() => {
        heartbeat.release();
        void departure.end();
      });
    },
  });
  /** If an application closed its servers as soon as they listen, its workers would be replaced for ever without a delay. */
  const isCrash = () => isAbandoned && service.isEmpty && performance.now() - (servesSince ?? 0) < CRASH_AGE;
  const beats = { ...settings, patience };
  const heartbeat = createHeartbeat(beats, {
    beating() {
      lock.renew();
      service.publish();
    },
    granted: () => departure.granted(),
    managerGone: () => service.leave('manager has gone', true),
  });
  const departure = new Departure({
    gracefulTerm: settings.gracefulTerm,
    gracefulTimeout: settings.gracefulTimeout,
    isStopping: () => board.isStopping,
    isClosed: () => service.isClosed || isAbandoned,
    ask: () => heartbeat.ask(),
    leave: (reason) => service.leave(reason, board.isStopping),
  });

  process.on('SIGURG', () => service.woken());
  // from here on other processes can read the pid on the scoreboard and send signals
  board.enter(slot, process.pid, identity.id, now());

  // nothing happens before this tick has ended: handlers may be attached right after listen()
  setImmediate(() => {
    if (isLeaving) return;
    service.start();
    heartbeat.start();
    // after the first beat
    setImmediate(() => {
      servesSince = performance.now();
    });
    trace.worker('worker %d serves', process.pid);
  });
  const locationOf = ({ location, fds }: Place) => ({
    url: location.url,
    waiting: isLeaving ? 0 : waitingAt(fds),
  });
  return {
    get addresses() {
      return [...served].map(({ location }) => location.address);
    },
    status() {
      service.count();
      const locations = [...served].map(locationOf);
      return readStatus({ pid: identity.manager, board, stats, locations, now: monotonic() });
    },
    drain: () => departure.request('stop()'),
    exit() {
      heartbeat.announceDrain();
      process.exit(0);
    },
    adopt(server, places, isHttp) {
      const own = places.flatMap(({ fds }) => fds);
      for (const place of places) served.add(place);
      for (const fd of own) open.add(fd);
      const stop = service.adopt(server, places, isHttp);
      return (isDone) => {
        stop();
        for (const place of places) served.delete(place);
        if (isDone) close(own);
      };
    },
    abandon() {
      isAbandoned = true;
      if (!isLeaving && servesSince !== undefined) settings.log.warn('The application has closed its servers');
      service.leave('the application has closed its servers', board.isStopping);
      return servesSince !== undefined;
    },
  };
}
