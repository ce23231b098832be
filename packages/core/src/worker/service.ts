// Worker, and the one process of `single`. All that serves: servers, the gates of their sockets, connections, the turnstile
// between them, and the drain. It ends no process and hears no signal: whoever makes it does.

import type { Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import type { BoundLocation } from '../handover.js';
import type { Listener, Settings } from '../options.js';
import { now, type Scoreboard } from '../scoreboard.js';
import { AcceptBudget } from './accept-budget.js';
import type { AcceptLock } from './accept-lock.js';
import { Connections } from './connections.js';
import { drain } from './drain.js';
import { createGate, createSupply, type Entrance, type Gate, type GateEvents } from './gate.js';
import { after, afterTurn, inOwnContext } from './own-context.js';
import { Seats } from './seats.js';
import { createServers, open } from './servers.js';
import { Turnstile } from './turnstile.js';

/** Where a service stands. */
export interface Post {
  readonly slot: number;
  readonly board: Scoreboard;
  readonly lock: AcceptLock;
  readonly locations: readonly BoundLocation[];
  /** The descriptors of each location's listening sockets. */
  readonly sockets: readonly (readonly number[])[];
  /** Makes the gates of sockets that have no descriptors. */
  readonly createGate?: (entrances: readonly Entrance[], events: GateEvents) => Gate;
  /** Closes the listening sockets. */
  close(): void;
}

export interface ServiceEvents {
  /** Before it serves, once for each server. */
  server(server: HttpServer): void;
  /** It accepts no more. */
  leaving(reason: string): void;
  /** The last connection has ended. */
  empty(): void;
}

export interface Service {
  /** Accepts from now on. */
  start(): void;
  /** Somebody wants this service to look at its sockets. */
  woken(): void;
  /** Stops accepting and finishes what is open; `isStopping` when the whole server goes. */
  leave(reason: string, isStopping: boolean): void;
  /** Ends what is open. */
  abort(): void;
}

export function createService(post: Post, listener: Listener, settings: Settings, events: ServiceEvents): Service {
  const { slot, board, lock, locations } = post;
  const budget = new AcceptBudget(settings.accepts);
  const connections = new Connections(settings.maxRequests, {
    entering: () => turnstile.enter(),
    requests: (inFlight, served) => board.setRequests(slot, inFlight, served),
  });
  const servers = createServers(locations, listener, settings);

  const closed = function (this: Socket) {
    connections.delete(this);
    turnstile.left();
    if (isLeaving) tellIfEmpty();
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
      spent: () => leave('accept budget is used up', board.isStopping),
      warn: (message) => settings.log.warn(message),
      afterTurn,
      after,
    },
    { ...settings, acceptLock: settings.acceptLock && !locations.every(({ reuse }) => reuse) },
  );

  let isLeaving = false;
  function leave(reason: string, isStopping: boolean): void {
    if (isLeaving) return;
    isLeaving = true;
    inOwnContext(() => {
      turnstile.close(isStopping);
      events.leaving(reason);
      // at a stop nobody accepts any more: with the last of these closed newcomers are refused at once, and the port is free
      post.close();
      drain(connections, servers, isStopping);
      tellIfEmpty();
    });
  }

  let isEmpty = false;
  function tellIfEmpty(): void {
    // in a later turn: the last connection may have been admitted in this one
    afterTurn(() => {
      if (turnstile.connections > 0 || isEmpty) return;
      isEmpty = true;
      events.empty();
    });
  }

  return {
    start() {
      if (isLeaving) return;
      const entrances = servers.map((server, i) => open(server, locations[i], post.sockets[i] ?? [], () => {}));
      for (const server of servers) connections.watch(server);
      for (const server of servers) events.server(server);
      for (const server of servers) server.emit('listening');
      const { gate, seats } = createGates(post, entrances, turnstile);
      turnstile.start(gate, seats.length > 0 ? new Seats({ slot, board, wake: lock.wake }, seats) : undefined);
    },
    woken: () => turnstile.woken(),
    leave,
    abort: () => connections.abort(servers),
  };
}

/** One gate for the sockets that all share; for a location with `reuse`, one for each of its sockets. */
function createGates(post: Post, entrances: readonly Entrance[][], turnstile: Turnstile) {
  const { locations } = post;
  const events: GateEvents = {
    arrived: (entrance, socket) => turnstile.arrived(entrance, socket),
    exhausted: (error) => turnstile.exhausted(error),
  };
  if (post.createGate) return { gate: post.createGate(entrances.flat(), events), seats: [] };
  const supply = createSupply(entrances[0]?.[0]?.fd ?? -1);
  const createSeat = (own: Entrance) => {
    const arrived: GateEvents['arrived'] = (entrance, socket) => turnstile.seated(entrance, socket, seat);
    const seat: Gate = createGate([own], supply, { ...events, arrived });
    return seat;
  };
  const shared = entrances.filter((_, i) => !locations[i]?.reuse).flat();
  const reused = entrances.filter((_, i) => locations[i]?.reuse);
  return { gate: createGate(shared, supply, events), seats: reused.map((own) => own.map(createSeat)) };
}
