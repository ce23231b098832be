// Worker. Counts the requests in flight and those served, and knows which responses are not finished. It decides nothing. It makes
// no listener and no closure for a request that is answered in the loop turn in which it came.

import type { ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { afterTurn } from './own-context.js';
import type { SlowRequests } from './slow-requests.js';
import type { Statistics } from './statistics.js';

/** Requests in flight and in total: once when a loop turn's first begins, once after it, and as longer ones end. */
type Tell = (inFlight: number, served: number) => void;

export class Requests {
  /**
   * The last response of this loop turn. Most responses end before the next one begins. These need no listener and are not
   * kept: each garbage collection would have to scan them.
   */
  #latest: ServerResponse | undefined;
  /** When the last one has begun. */
  #latestAt = 0;
  /** Responses that outlasted their loop turn and are not finished, with the time at which each began. */
  readonly #pending = new Map<ServerResponse, number>();
  /** Responses that `checkContinue` gave to the application, which will pass them on as requests. */
  readonly #continued = new Set<ServerResponse>();
  /** Responses that wait for the one before them on their connection: Node 20 and 22 tell nobody when it is closed. */
  readonly #queued = new Map<Socket, Set<ServerResponse>>();
  /** The newest response that had to wait for the one before it, by connection: it may be ended already. */
  readonly #newestQueued = new WeakMap<Socket, ServerResponse>();
  /** Requests of http2, and when they have begun. */
  readonly #streams = new Map<ServerHttp2Stream, number>();
  readonly #responseClosed: (this: ServerResponse) => void;
  readonly #streamClosed: (this: ServerHttp2Stream) => void;
  readonly #told: Tell;
  readonly #statistics: Statistics;
  readonly #slow: SlowRequests | undefined;
  #held = 0;
  #served = 0;

  constructor(told: Tell, statistics: Statistics, slow?: SlowRequests) {
    this.#slow = slow;
    slow?.watch(() => this.#pending);
    this.#told = told;
    this.#statistics = statistics;
    const requests = this;
    // one function for all responses, which are its `this`: nothing is made per request
    this.#responseClosed = function () {
      requests.drop(this);
    };
    this.#streamClosed = function () {
      requests.#streamEnded(this);
      requests.#served += 1;
      requests.#tell();
    };
  }

  /** A request of HTTP/1. */
  begin(response: ServerResponse): void {
    const before = this.#latest;
    // one look at the clock for both
    const at = this.#statistics.begin();
    if (before) this.#sift(before, at);
    this.#latest = response;
    this.#latestAt = at;
    if (!before) this.#turnBegan();
  }

  /** A request of http2: one of many on its connection, which is not answered in the loop turn. */
  beginStream(stream: ServerHttp2Stream): void {
    this.#streams.set(stream, this.#statistics.begin());
    this.#statistics.tell();
    stream.on('close', this.#streamClosed);
    this.#tell();
  }

  /** It is finished, or its connection is closed. */
  drop(response: ServerResponse): void {
    const begunAt = this.#latest === response ? this.#latestAt : this.#pending.get(response);
    if (begunAt === undefined) return;
    if (this.#latest === response) this.#latest = undefined;
    this.#pending.delete(response);
    if (this.#queued.size > 0) this.#queued.get(response.req.socket)?.delete(response);
    this.#end(response, begunAt, performance.now());
    // otherwise the end of the loop turn shows it
    if (!this.#latest) this.#tell();
  }

  /** It has begun, and the application will pass it on as a request. */
  expectAgain(response: ServerResponse): void {
    this.#continued.add(response);
  }

  /** Whether this is one that {@link expectAgain} was told of, and has begun already. */
  isContinued(response: ServerResponse): boolean {
    return this.#continued.size > 0 && this.#continued.delete(response);
  }

  /** Requests of http2 that are not ended. */
  get streams(): readonly ServerHttp2Stream[] {
    return [...this.#streams.keys()];
  }

  /** Responses that are not ended, in the order in which they began. */
  unfinished(): ServerResponse[] {
    return [...this.#pending.keys(), ...(this.#latest ? [this.#latest] : [])];
  }

  /** The oldest requests in flight, for a hang report: the manager reads them from outside. */
  describe(): { method: string; path: string; age: number }[] {
    const now = performance.now();
    const oldest = [...this.#pending, ...(this.#latest ? [[this.#latest, this.#latestAt] as const] : [])].slice(0, 5);
    return oldest.map(([{ req }, begunAt]) => ({
      method: req.method ?? '',
      path: (req.url ?? '').replace(/\?.*/s, ''),
      age: now - begunAt,
    }));
  }

  /** A connection of a server without requests. It counts as one request until it ends. */
  hold(): void {
    this.#held += 1;
    this.#tell();
  }

  /** A connection that was held has ended. */
  release(): void {
    this.#held -= 1;
    this.#served += 1;
    this.#tell();
  }

  /** The newest response of each connection that has an unfinished one. */
  newest(): ServerResponse[] {
    const newest = new Map(this.unfinished().map((response) => [response.req.socket, response]));
    return [...newest].map(([socket, response]) => {
      const queued = this.#newestQueued.get(socket);
      return queued && !queued.writableFinished && response !== this.#latest ? queued : response;
    });
  }

  #turnBegan(): void {
    this.#statistics.turnBegan(this.#latestAt);
    afterTurn(this.#turnEnded);
    this.#tell();
  }

  readonly #turnEnded = (): void => {
    const response = this.#latest;
    const at = performance.now();
    this.#latest = undefined;
    if (response) this.#sift(response, at);
    this.#statistics.turnEnded(at);
    this.#tell();
  };

  /** Counts the responses that have ended, and watches only the others. */
  #sift(response: ServerResponse, at: number): void {
    if (!response.socket && !response.writableFinished) this.#newestQueued.set(response.req.socket, response);
    if (response.writableEnded || response.destroyed) this.#end(response, this.#latestAt, at);
    else this.#await(response);
  }

  #tell(): void {
    const { size } = this.#pending;
    this.#told(this.#held + size + this.#streams.size + (this.#latest ? 1 : 0), this.#served);
  }

  #await(response: ServerResponse): void {
    this.#pending.set(response, this.#latestAt);
    response.on('close', this.#responseClosed);
    if (!response.socket) this.#queue(response);
  }

  #streamEnded(stream: ServerHttp2Stream): void {
    const begunAt = this.#streams.get(stream);
    this.#streams.delete(stream);
    const status = Number(stream.sentHeaders?.[':status'] ?? 0);
    if (begunAt !== undefined) this.#statistics.end(status, begunAt, performance.now());
  }

  #queue(response: ServerResponse): void {
    const { socket } = response.req;
    const queued = this.#queued.get(socket);
    if (queued) return void queued.add(response);
    const first = new Set([response]);
    this.#queued.set(socket, first);
    socket.once('close', () => {
      this.#queued.delete(socket);
      for (const each of first) this.drop(each);
    });
  }

  #end(response: ServerResponse, begunAt: number, at: number): void {
    this.#served += 1;
    const duration = this.#statistics.end(response.statusCode, begunAt, at);
    this.#slow?.look(response, duration);
    if (this.#continued.size > 0) this.#continued.delete(response);
  }
}
