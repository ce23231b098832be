// Worker, and the one process of `single`. What a service needs of the process around it. Types only.

import type { BoundLocation } from '../handover.js';
import type { Scoreboard } from '../scoreboard.js';
import type { Recorder } from '../stats.js';
import type { AcceptLock } from './accept-lock.js';
import type { Entrance, Gate, GateEvents } from './gate.js';

/** The parts of a pool, or of `single`, that a service works with. */
export interface Post {
  readonly slot: number;
  readonly board: Scoreboard;
  readonly lock: AcceptLock;
  readonly recorder: Recorder;
  readonly locations: readonly BoundLocation[];
  /** The descriptors of each location's listening sockets. */
  readonly sockets: readonly (readonly number[])[];
  /** Makes the gates of sockets that have no descriptors. */
  readonly createGate?: (entrances: readonly Entrance[], events: GateEvents) => Gate;
  /** The seed for the keys of TLS session tickets, if a pool shares them. */
  readonly ticketSeed?: string;
  /** Stops new handshakes, where no manager does it. */
  refuse?(): void;
  /** Closes the listening sockets. */
  close(): void;
}
