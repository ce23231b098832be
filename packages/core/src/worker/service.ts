// Worker, and the one process of `single`. It owns all that serves: servers, the gates of their sockets, connections, the turnstile
// between them, and the drain. It ends no process and handles no signal: its owner does that.

import type { Server as HttpServer } from 'node:http';
import type { Server, Socket } from 'node:net';
import { now } from '../clock.js';
import { REQUESTS_SYMBOL } from '../handover.js';
import { trace } from '../log.js';
import type { Listener, Settings } from '../options.js';
import { AcceptBudget } from './accept-budget.js';
import { AdoptedServers } from './adopted-servers.js';
import { Connections } from './connections.js';
import { abortMargin, exitMargin } from './deadline.js';
import { drain } from './drain.js';
import type { Entrance, Gate } from './gate.js';
import { createGates } from './gates.js';
import { MadeServers } from './made-servers.js';
import { after, afterTurn, inOwnContext, makeOwnContext } from './own-context.js';
import type { Place } from './places.js';
import type { Post } from './post.js';
import { Seats } from './seats.js';
import { SlowRequests } from './slow-requests.js';
import { Statistics } from './statistics.js';
import { Turnstile } from './turnstile.js';

export interface ServiceEvents {
  /** Before it serves, once for each server. */
  server(server: HttpServer): void;
  /** It has stopped accepting, and has not waited for anything yet. */
  leaving(): void;
  /** The last connection has ended. The listeners may take so many milliseconds. */
  empty(patience: number): void;
}

export class Service {
  readonly #post: Post;
  readonly #settings: Settings;
  readonly #events: ServiceEvents;
  readonly #connections: Connections;
  readonly #statistics: Statistics;
  readonly #budget: AcceptBudget;
  readonly #turnstile: Turnstile;
  readonly #made: MadeServers;
  readonly #adopted: AdoptedServers;
  #gate: Gate | undefined;
  /** One function for all sockets, which are its `this`. */
  readonly #closed: (this: Socket) => void;
  #isLeaving = false;
  #isEmpty = false;
  /** The time by which the process must have ended, by `performance.now()`. */
  #exitsAt = Number.POSITIVE_INFINITY;
  /** Cancels the timers of the drain. */
  #stopDrain = () => {};

  /** @param listener servers are made for it; there is none where the application makes its own, see {@link adopt}. */
  constructor(post: Post, listener: Listener | undefined, settings: Settings, events: ServiceEvents) {
    // before the application is called
    makeOwnContext();
    this.#post = post;
    this.#settings = settings;
    this.#events = events;
    this.#statistics = new Statistics(post.recorder);
    const told = {
      entering: () => this.#turnstile.enter(),
      requests: (inFlight: number, served: number) => post.board.setRequests(post.slot, inFlight, served),
    };
    const { slowRequest, log } = settings;
    const slow = slowRequest > 0 ? new SlowRequests(slowRequest, log) : undefined;
    this.#connections = new Connections(settings.maxRequests, told, this.#statistics, slow);
    if (settings.hangReport) {
      Object.assign(globalThis, { [Symbol.for(REQUESTS_SYMBOL)]: () => this.#connections.requests.describe() });
    }
    this.#made = new MadeServers(post.locations, listener, settings, post.ticketSeed);
    this.#adopted = new AdoptedServers(this.#connections, settings, post.ticketSeed);
    this.#budget = new AcceptBudget(settings.accepts);
    this.#turnstile = this.#createTurnstile();
    const service = this;
    this.#closed = function () {
      service.#left(this);
    };
  }

  /** Accepts from now on. */
  start(): void {
    if (this.#isLeaving) return;
    const { slot, board, lock, sockets } = this.#post;
    const servers = this.#made.all;
    const entrances = this.#made.open(sockets, (closed) => this.#closedByApplication(closed));
    for (const server of servers) this.#connections.watch(server);
    for (const server of servers) this.#events.server(server);
    for (const server of servers) server.emit('listening');
    if (this.#hasLeft()) return;
    const { gate, seats, sticky } = createGates(
      this.#post,
      [...entrances, ...this.#adopted.entrances],
      this.#turnstile,
    );
    this.#gate = gate;
    const ownSeats = seats.length > 0 ? new Seats({ slot, board, wake: lock.wake }, seats, sticky) : undefined;
    // not in what a listener of these events has set
    inOwnContext(() => this.#turnstile.start(gate, ownSeats));
  }

  /** Serves with a server that the application has made, too. @returns what to call when it is closed */
  adopt(server: Server, places: readonly Place[], isHttp: boolean): () => void {
    const own = this.#adopted.add(server, places, isHttp);
    // called by the application, maybe for a request
    inOwnContext(() => {
      if (!this.#isLeaving) for (const entrance of own.flat()) this.#gate?.add?.(entrance);
    });
    return () => {
      this.#adopted.remove(own);
      this.#turnstile.drop(own.flat());
    };
  }

  /** Whether the application has closed every server that was made for it. */
  get isClosed(): boolean {
    return this.#made.areClosed;
  }

  /** Whether it has no connection. */
  get isEmpty(): boolean {
    return this.#turnstile.connections === 0;
  }

  /** A wake was received: this service looks at its sockets. */
  woken(): void {
    this.#turnstile.woken();
  }

  /** At each heartbeat: writes this worker's state and figures to the scoreboard again. */
  publish(): void {
    this.#turnstile.publish();
    this.#statistics.measure(this.#budget.left);
  }

  /** The counts are about to be read in this process. Writes those of this loop turn first. */
  count(): void {
    this.#statistics.tell();
  }

  /** Stops accepting and finishes what is open; `isStopping` when the whole server goes. */
  leave(reason: string, isStopping: boolean): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    inOwnContext(() => {
      const { gracefulTimeout } = this.#settings;
      if (isStopping) this.#post.refuse?.();
      this.#turnstile.close(isStopping);
      // At a stop no worker accepts any more. When the last socket is closed new clients are refused at once, and the port is free.
      this.#post.close();
      const stopSweep = drain(
        this.#connections,
        [...this.#made.all, ...this.#adopted.all],
        gracefulTimeout,
        isStopping,
      );
      const timer = setTimeout(this.#abortRest, gracefulTimeout - abortMargin(gracefulTimeout));
      this.#exitsAt = performance.now() + gracefulTimeout - exitMargin(gracefulTimeout);
      this.#stopDrain = () => {
        clearTimeout(timer);
        stopSweep();
      };
      // last, when the drain is prepared: the application may end its streams in this event
      trace.worker('worker %d drains: %s', process.pid, reason);
      this.#events.leaving();
      this.#tellIfEmpty();
    });
  }

  /** Ends what is open. */
  abort(): void {
    inOwnContext(() => this.#connections.abort());
  }

  readonly #abortRest = (): void => {
    const count = this.#turnstile.connections;
    this.#settings.log.warn(`Ending connections that are still open (${count}), gracefulTimeout is nearly over`);
    this.abort();
  };

  #createTurnstile(): Turnstile {
    const { slot, board, lock, locations } = this.#post;
    const settings = this.#settings;
    return new Turnstile(
      {
        slot,
        pid: process.pid,
        board,
        lock,
        budget: this.#budget,
        accepted: (total) => this.#statistics.accepted(total),
        now,
        admit: (entrance, socket) => {
          if (entrance.isHttp) this.#connections.add(socket);
          else this.#connections.hold(socket);
          socket.on('close', this.#closed);
          entrance.connect(socket);
        },
        spent: () => this.leave('accept budget is used up', board.isStopping),
        warn: (message) => settings.log.warn(message),
        afterTurn,
        after,
      },
      {
        ...settings,
        acceptLock: settings.acceptLock && !(this.#made.all.length > 0 && locations.every(({ reuse }) => reuse)),
      },
    );
  }

  /** A closed server takes no more connections. Without any server this service has nothing to do. */
  #closedByApplication(entrances: readonly Entrance[]): void {
    const { isStopping } = this.#post.board;
    if (isStopping || this.isClosed) this.leave('its servers are closed', isStopping);
    else this.#turnstile.drop(entrances);
  }

  /** The application may also close them in the event that announces its servers. */
  #hasLeft(): boolean {
    return this.#isLeaving;
  }

  #left(socket: Socket): void {
    this.#connections.delete(socket);
    this.#turnstile.left();
    if (this.#isLeaving) this.#tellIfEmpty();
  }

  #tellIfEmpty(): void {
    // in a later turn: the last connection may have been accepted in this one
    afterTurn(() => {
      if (this.#turnstile.connections > 0 || this.#isEmpty) return;
      this.#isEmpty = true;
      this.#stopDrain();
      this.#events.empty(this.#exitsAt - performance.now());
    });
  }
}
