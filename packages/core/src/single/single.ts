// The one process of `single`: it binds as a manager does and serves as a worker does, with the code of both. It starts no
// process, and takes the signals that end it.

import type { Server as HttpServer } from 'node:http';
import { NO_NEWS, Phase } from '../bulletin.js';
import { monotonic } from '../clock.js';
import { messageOf, PreforkError } from '../errors.js';
import { listenFixOf } from '../fixes.js';
import type { BoundLocation } from '../handover.js';
import type { Location } from '../location.js';
import type { ManagerEvents, Summary } from '../manager/events.js';
import type { ManagerSignal } from '../manager/signals.js';
import type { Listener, Settings } from '../options.js';
import { readStatus, type Status } from '../pool-status.js';
import { type Scoreboard, State } from '../scoreboard.js';
import { Service } from '../worker/service.js';
import type { SinglePost } from './alone.js';

/** What the application is told, and asked. */
export interface SingleEvents extends ManagerEvents {
  /** Before it serves, once for each server. */
  server(server: HttpServer): void;
  /** After the last connection has ended; settles in so many milliseconds. */
  drained(patience: number): Promise<unknown>;
}

export class Single {
  readonly #listener: Listener;
  readonly #settings: Settings;
  readonly #events: SingleEvents;
  #post: SinglePost | undefined;
  #service: Service | undefined;
  #goal: 'run' | 'stop gracefully' | 'stop immediately' = 'run';
  #timer: NodeJS.Timeout | undefined;
  #isTold = false;
  #isFinished = false;

  constructor(listener: Listener, settings: Settings, events: SingleEvents) {
    this.#listener = listener;
    this.#events = events;
    // no other process would replace it or share with it
    this.#settings = { ...settings, accepts: 0, acceptLock: false };
  }

  get workers(): number {
    return 1;
  }

  set workers(_count: number) {
    this.#ignore('a resize');
  }

  /** Where the server listens, once it does. */
  get addresses(): BoundLocation['address'][] {
    return (this.#post?.locations ?? []).map(({ address }) => address);
  }

  /** Binds and serves. If this fails, everything is undone and `finished` gets the error. */
  async start(locations: Location[]): Promise<void> {
    const { log, silent } = this.#settings;
    process.on('exit', this.#release);
    try {
      this.#post = await this.#openPost(locations);
    } catch (error) {
      log.error(`${messageOf(error)}${listenFixOf(error)}`);
      return this.#finished(error as Error);
    }
    this.#service = new Service(this.#post, this.#listener, this.#settings, {
      server: (server) => this.#events.server(server),
      // also when the application has closed the last server itself
      leaving: () => {
        this.#stop(true);
        this.#tellFinish(true);
      },
      empty: (patience) => void this.#events.drained(patience).finally(() => this.#finished()),
    });
    this.#service.start();
    if (!silent) for (const { url } of this.#post.locations) log.info(`Listening at "${url}"`);
    log.info(`Serving from this process alone, ${process.pid}`);
    this.#events.listening();
    // a stop was asked for while the sockets were being bound
    if (this.#goal !== 'run') this.#act();
  }

  signal(signal: ManagerSignal): void {
    if (signal === 'SIGINT') return this.#stop(false);
    if (signal === 'SIGTERM') return this.#stop(this.#settings.gracefulTerm && this.#goal === 'run');
    if (signal === 'SIGQUIT') return this.#stop(true);
    this.#ignore(signal);
  }

  reload(): void {
    this.#ignore('a reload');
  }

  ensurePidFile(): void {
    this.#post?.ensurePidFile();
  }

  status(): Status | undefined {
    const post = this.#post;
    if (!post) return undefined;
    this.#service?.count();
    const locations = post.locations.map(({ url }) => ({ url, waiting: 0 }));
    return readStatus({ pid: process.pid, board: post.board, stats: post.stats, locations, now: monotonic() });
  }

  summary(): Summary {
    const state = this.#goal === 'run' ? ('healthy' as const) : ('draining' as const);
    const pool = this.#post ? [{ state, heartbeatAge: 0 }] : [];
    return { workers: 1, reloading: false, reloadError: undefined, pool };
  }

  #stop(graceful: boolean): void {
    if (this.#isFinished || this.#goal === 'stop immediately') return;
    if (graceful && this.#goal !== 'run') return;
    this.#goal = graceful ? 'stop gracefully' : 'stop immediately';
    if (this.#post) announceStop(this.#post.board, this.#settings);
    // what drains tells itself, when it is prepared for what the listeners end
    const drainsNow = graceful && this.#service && this.#settings.shutdownDelay === 0;
    if (!drainsNow) this.#tellFinish(graceful);
    if (this.#service) this.#act();
  }

  #tellFinish(graceful: boolean): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#events.finish(graceful);
  }

  #act(): void {
    const { shutdownDelay, gracefulTimeout } = this.#settings;
    clearTimeout(this.#timer);
    if (this.#goal === 'stop immediately') return this.#abort();
    const leave = () => {
      this.#timer = setTimeout(() => this.#abort(), gracefulTimeout);
      this.#service?.leave('the server stops', true);
    };
    if (shutdownDelay > 0) this.#timer = setTimeout(leave, shutdownDelay);
    else leave();
  }

  #abort(): void {
    this.#service?.leave('the server stops', true);
    this.#service?.abort();
    this.#finished();
  }

  #ignore(what: string): void {
    this.#settings.log.warn(`Ignoring ${what}: this process serves alone`);
  }

  #finished(error?: Error): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    clearTimeout(this.#timer);
    if (this.#post) this.#post.board.setState(this.#post.slot, State.none);
    this.#release();
    process.off('exit', this.#release);
    this.#settings.log.info(`Server ${process.pid} stopped`);
    this.#events.finished(error);
  }

  /** That of Linux needs private parts of Node and layouts of the kernel; the other one nothing but Node's own `listen`. */
  async #openPost(locations: Location[]): Promise<SinglePost> {
    if (process.platform === 'linux') {
      const { openPost } = await import('./linux.js');
      try {
        return await openPost(this.#settings, locations);
      } catch (error) {
        if (!(error instanceof PreforkError) || error.code !== 'ERR_PREFORK_PLATFORM') throw error;
        this.#settings.log.warn(error.message);
      }
    }
    const { openPost } = await import('./portable.js');
    return await openPost(this.#settings, locations);
  }

  readonly #release = (): void => {
    this.#post?.release();
    this.#post = undefined;
  };
}

/** Also for a readiness check of the application. */
function announceStop(board: Scoreboard, { shutdownDelay, gracefulTimeout }: Settings): void {
  board.isStopping = true;
  const stopTakes = shutdownDelay + gracefulTimeout;
  board.bulletin.write({ ...NO_NEWS, phase: Phase.stopping, workers: 1, stopTakes });
}
