// Worker. Decides which connection ends during a drain, and when. Pure, except for the clock that it is given. It closes nothing.

/** The longest that a connection without one request may stay. Milliseconds. */
const LONGEST_UNUSED = 5000;

/** Which side of a connection has to act next. */
export const Turn = {
  /** Neither: no request runs. An incomplete request head is no request. */
  idle: 0,
  /** The client: it has not sent its whole request, or it does not read the answer. */
  client: 1,
  /** The application. The drain waits for it. */
  application: 2,
} as const;
export type Turn = (typeof Turn)[keyof typeof Turn];

/** Milliseconds. */
export interface Patience {
  /** For an idle connection, and for a client that stalls. */
  readonly linger: number;
  /** For an incomplete request head. */
  readonly requestTimeout: number;
}

/** One connection as it is now. */
export interface Sight {
  readonly turn: Turn;
  /** Bytes of the application's data; bytes that TLS adds do not count. */
  readonly hasReceived: boolean;
  readonly hasSent: boolean;
  /** Bytes that went over the wire. */
  readonly received: number;
  readonly sent: number;
}

export class Sweep<Connection extends object> {
  readonly #patience: Patience;
  /** When the connection was last active in a way that gives it more time. */
  readonly #seen = new WeakMap<Connection, { turn: Turn; progress: number; since: number }>();

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  /** How often to check, so that each connection ends in time. */
  get interval(): number {
    return Math.max(10, Math.floor(Math.min(this.#patience.linger, LONGEST_UNUSED) / 5));
  }

  /** Whether the time of a connection is over. */
  isOver(connection: Connection, sight: Sight, now: number): boolean {
    const { turn, received, sent } = sight;
    // Data from an idle client gives it no more time: half a request may never be completed.
    const progress = turn === Turn.client ? received + sent : sent;
    const seen = this.#seen.get(connection);
    if (!seen || seen.turn !== turn || seen.progress !== progress || turn === Turn.application) {
      this.#seen.set(connection, { turn, progress, since: now });
      return false;
    }
    // timers may fire a little early
    return now - seen.since >= this.#limit(sight) - 1;
  }

  #limit({ turn, hasReceived, hasSent }: Sight): number {
    const { linger, requestTimeout } = this.#patience;
    if (turn === Turn.client) return linger;
    if (!hasReceived) return Math.min(linger, LONGEST_UNUSED);
    return hasSent ? linger : Math.min(linger, requestTimeout);
  }
}
