// Worker. A worker's life in order: load -> serve -> beat -> drain -> exit. It owns its connections, its slot of the
// scoreboard and its descriptor of the lock file; it never starts or signals a process, but for the wake.

import { closeSync } from 'node:fs';
import type { Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import { type BoundLocation, type Identity, listenDescriptors, readFacts, SCOREBOARD_FD } from '../handover.js';
import { trace } from '../log.js';
import type { Listener, Settings } from '../options.js';
import { now, Scoreboard } from '../scoreboard.js';
import { AcceptBudget } from './accept-budget.js';
import { openAcceptLock } from './accept-lock.js';
import { Connections } from './connections.js';
import { drain } from './drain.js';
import { createGate, createSupply, type Entrance, type Gate, type GateEvents } from './gate.js';
import { createHeartbeat } from './heartbeat.js';
import { Seats } from './seats.js';
import { createServer, open } from './servers.js';
import { Turnstile } from './turnstile.js';

/** What the application is told, and asked. */
export interface WorkerEvents {
  /** Before it serves, once for each server. */
  server(server: HttpServer): void;
  /** After the last connection has ended; the worker exits when the promise has settled. */
  drained(): Promise<unknown>;
}

export interface WorkerHandle {
  /** Stops accepting, finishes what is open, exits 0. */
  drain(): void;
}

const MANAGER_GONE = 'manager has gone';

/** Serves until the process exits. */
export function serve(identity: Identity, listener: Listener, settings: Settings, events: WorkerEvents): WorkerHandle {
  const { locations, lockFile } = readFacts();
  const { slot } = identity;
  const board = Scoreboard.map(SCOREBOARD_FD);
  const lock = openAcceptLock(lockFile);
  const budget = new AcceptBudget(settings.accepts);
  const connections = new Connections(settings.maxRequests, {
    entering: () => turnstile.enter(),
    requests: (inFlight, served) => board.setRequests(slot, inFlight, served),
  });
  const sockets = listenDescriptors(locations);
  const servers = locations.map((location) => createServer(location, listener, settings));
  const heartbeat = createHeartbeat(settings, identity.patience, () => leave(MANAGER_GONE));

  const closed = function (this: Socket) {
    connections.delete(this);
    turnstile.left();
    if (leaving) exitIfDrained();
  };
  const turnstile = new Turnstile(
    {
      slot,
      board,
      lock,
      budget,
      now,
      admit(entrance, socket) {
        connections.add(socket);
        socket.on('close', closed);
        entrance.connect(socket);
      },
      spent: () => leave('accept budget is used up'),
      warn: (message) => settings.log.warn(message),
      afterTurn: setImmediate,
      after: (milliseconds, callback) => setTimeout(callback, milliseconds).unref(),
    },
    { ...settings, acceptLock: settings.acceptLock && !locations.every(({ reuse }) => reuse) },
  );

  let leaving = false;
  function leave(reason: string): void {
    if (leaving) return;
    leaving = true;
    trace.worker('worker %d drains: %s', process.pid, reason);
    const isStopping = board.isStopping || reason === MANAGER_GONE;
    turnstile.close(isStopping);
    heartbeat.announceDrain();
    // at a stop nobody accepts any more: with the last of these closed newcomers are refused at once, and the port is free
    for (const fd of sockets.flat()) closeSync(fd);
    drain(connections, servers, isStopping);
    exitIfDrained();
  }

  function exitIfDrained(): void {
    // in a later turn: the last connection may have been admitted in this one
    setImmediate(() => {
      if (turnstile.connections > 0 || exiting) return;
      exiting = true;
      void events.drained().finally(() => process.exit(0));
    });
  }
  let exiting = false;

  process.on('SIGQUIT', () => leave('SIGQUIT'));
  process.on('SIGURG', () => turnstile.woken());
  // whoever sees the pid on the scoreboard may signal us from here on
  board.enter(slot, process.pid);

  // nothing happens before this tick has ended: handlers may be attached right after listen()
  setImmediate(() => {
    if (leaving) return;
    const countConnections = (callback: (error: null, count: number) => void) =>
      setImmediate(callback, null, turnstile.connections);
    const entrances = servers.map((server, i) => open(server, locations[i], sockets[i] ?? [], countConnections));
    for (const server of servers) connections.watch(server);
    for (const server of servers) events.server(server);
    for (const server of servers) server.emit('listening');
    const { gate, seats } = createGates(locations, entrances, turnstile);
    turnstile.start(gate, seats.length > 0 ? new Seats({ slot, board, wake: lock.wake }, seats) : undefined);
    heartbeat.start();
    trace.worker('worker %d serves', process.pid);
  });

  return { drain: () => leave('stop()') };
}

/** One gate for the sockets that all share; for a location with `reuse`, one for each of its sockets. */
function createGates(locations: readonly BoundLocation[], entrances: readonly Entrance[][], turnstile: Turnstile) {
  const supply = createSupply(entrances[0]?.[0]?.fd ?? -1);
  const events: GateEvents = {
    arrived: (entrance, socket) => turnstile.arrived(entrance, socket),
    exhausted: (error) => turnstile.exhausted(error),
  };
  const createSeat = (own: Entrance) => {
    const arrived: GateEvents['arrived'] = (entrance, socket) => turnstile.seated(entrance, socket, seat);
    const seat: Gate = createGate([own], supply, { ...events, arrived });
    return seat;
  };
  const shared = entrances.filter((_, i) => !locations[i]?.reuse).flat();
  const reused = entrances.filter((_, i) => locations[i]?.reuse);
  return { gate: createGate(shared, supply, events), seats: reused.map((own) => own.map(createSeat)) };
}
