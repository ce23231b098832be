// Worker. Whose connection ends while the worker drains, and when: pure, but for the clock it is given. It closes nothing.

/** The longest that a connection without one request may stay. Milliseconds. */
const LONGEST_UNUSED = 5000;

/** Whose turn it is on a connection. */
export const Turn = {
  /** Nobody's: no request runs. Half a head is none. */
  idle: 0,
  /** The client's: a request that it has not sent whole, or an answer that it does not read. */
  client: 1,
  /** The application's. The drain waits for it. */
  application: 2,
} as const;
export type Turn = (typeof Turn)[keyof typeof Turn];

/** Milliseconds. */
export interface Patience {
  /** For an idle connection, and for a client that stalls. */
  readonly linger: number;
  /** For half a head. */
  readonly requestTimeout: number;
}

/** One connection as it is now. */
export interface Sight {
  readonly turn: Turn;
  /** Bytes of its own; those that TLS needs do not count. */
  readonly hasReceived: boolean;
  readonly hasSent: boolean;
  /** Bytes that went over the wire. */
  readonly received: number;
  readonly sent: number;
}

export class Sweep<Connection extends object> {
  readonly #patience: Patience;
  /** When something last happened that gives a connection more time. */
  readonly #seen = new WeakMap<Connection, { turn: Turn; progress: number; since: number }>();

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  /** How often to look, so that the end comes when it is due. */
  get interval(): number {
    return Math.max(10, Math.floor(Math.min(this.#patience.linger, LONGEST_UNUSED) / 5));
  }

  /** Whether a connection has had its time. */
  isOver(connection: Connection, sight: Sight, now: number): boolean {
    const { turn, received, sent } = sight;
    // what an idle client sends gives it no time: half a request promises nothing
    const progress = turn === Turn.client ? received + sent : sent;
    const seen = this.#seen.get(connection);
    if (!seen || seen.turn !== turn || seen.progress !== progress || turn === Turn.application) {
      this.#seen.set(connection, { turn, progress, since: now });
      return false;
    }
    // timers may come a little early
    return now - seen.since >= this.#limit(sight) - 1;
  }

  #limit({ turn, hasReceived, hasSent }: Sight): number {
    const { linger, requestTimeout } = this.#patience;
    if (turn === Turn.client) return linger;
    if (!hasReceived) return Math.min(linger, LONGEST_UNUSED);
    return hasSent ? linger : Math.min(linger, requestTimeout);
  }
}
