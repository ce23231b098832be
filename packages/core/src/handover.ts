// Both processes. What a worker is born with: which descriptor is what, and a page of facts that the manager wrote. They
// travel in memory that only the workers inherit; the environment says no more than which worker this is.

import { fstatSync, readSync, writeSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { Location } from './locations.js';
import { anonymousFile } from './posix.js';

/** The heartbeat pipe. Up goes {@link BEAT} or {@link DRAINING_BEAT}, down goes nothing. */
export const HEARTBEAT_FD = 3;
export const SCOREBOARD_FD = 4;
export const FACTS_FD = 5;
/** The first listening socket; the others follow in the order of the locations. */
export const LISTEN_FD = 6;

export const BEAT = '0';
export const DRAINING_BEAT = '1';

/** A location with a listening socket. */
export interface BoundLocation extends Location {
  /** What `server.address()` answers. */
  address: AddressInfo | string;
  /** PEM texts, read by the manager. */
  secrets?: { cert: string; key: string; ca?: string };
}

/** What every worker of a pool needs to know. */
export interface Facts {
  lockFile: string;
  locations: BoundLocation[];
}

/** Which worker this process is. */
export interface Identity {
  /** The manager's pid. */
  manager: number;
  /** Which `listen` or `run` of the script, in order of the calls, this worker serves. */
  run: number;
  slot: number;
}

const VARIABLE = 'PREFORK_WORKER';

export function identityVariable(identity: Identity): Record<string, string> {
  return { [VARIABLE]: `${identity.manager}:${identity.run}:${identity.slot}` };
}

const KEY = Symbol.for('prefork.identity');
const globals = globalThis as { [KEY]?: Identity | undefined };

/** Who we are. The variable is taken away, so that a child process of the application is nobody's worker. */
function takeIdentity(): Identity | undefined {
  const [, manager, run, slot] = /^(\d+):(\d+):(\d+)$/.exec(process.env[VARIABLE] ?? '') ?? [];
  delete process.env[VARIABLE];
  // a second copy of this package in the same process finds what the first one took
  if (manager !== undefined) globals[KEY] = { manager: Number(manager), run: Number(run), slot: Number(slot) };
  return globals[KEY];
}

/** Set in a worker. */
export const identity: Identity | undefined = takeIdentity();

export function writeFacts(facts: Facts): number {
  const bytes = Buffer.from(JSON.stringify(facts));
  const fd = anonymousFile('prefork-facts', 0);
  writeSync(fd, bytes, 0, bytes.length, 0);
  return fd;
}

export function readFacts(): Facts {
  const bytes = Buffer.alloc(fstatSync(FACTS_FD).size);
  readSync(FACTS_FD, bytes, 0, bytes.length, 0);
  return JSON.parse(bytes.toString()) as Facts;
}
