// Both processes. What a worker, or the next manager of an upgrade, gets from the manager at its start: a page of facts in
// memory that only the new process inherits, and variables that only identify it.

import { closeSync, fstatSync, readSync, writeSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { FACTS_FD, TAKEOVER_FD } from './descriptors.js';
import { loadKoffiBinary } from './libc.js';
import type { Location } from './location.js';
import { anonymousFile, sealContent } from './posix/memory.js';
import { armDeadline } from './posix/process.js';
import type { Secrets } from './tls.js';

export const BEAT = '0';
export const DRAINING_BEAT = '1';
/** A worker that was told to leave asks whether the whole server stops; the manager answers when it knows. */
export const ASKING_BEAT = '2';
export const GRANT = '0';

/** A location with a listening socket. */
export interface BoundLocation extends Location {
  /** What `server.address()` answers. */
  address: AddressInfo | string;
  /** How many listening sockets it has: several with `reuse`. */
  seats: number;
  /** As it was asked for, with port 0 where the kernel chose. */
  asked: Location;
  /** PEM texts, read by the manager. */
  secrets?: Secrets | undefined;
}

/** The facts that every worker of a pool needs. */
export interface Facts {
  /** Inode of the server's scoreboard: a script may run several servers. */
  board: number;
  /** Where the accept lock is, if the application named a file. */
  lockFile?: string;
  /** Whether the workers run as another user than the manager, whose secrets other processes of that user must not read. */
  isOtherUser: boolean;
  /** Where each worker listens from its start on. */
  locations: BoundLocation[];
  /** Where else the pool listens, because a worker has asked for it: {@link Location.url}. */
  onDemand: string[];
  /** The number of the manager in the series of upgrades: its bank of the statistics. */
  manager: number;
  /** Inode of the page of statistics: for the command. */
  stats: number;
  /** {@link Tickets.seed}, or nothing where no server can need it. */
  ticketSeed: string;
}

/** What the keys of TLS session tickets are made from. */
export interface Tickets {
  /** Random bytes, base64. */
  seed: string;
  /** A hash of the certificates that it belongs to. */
  of: string;
}

/** The facts that the next manager needs. The PID file's descriptor, if there is one, follows those of the sockets. */
export interface Takeover {
  /** What was asked for, once for each socket; the next manager finds its sockets by it: {@link locationKey}. */
  sockets: string[];
  /** Those among them that workers have asked for: the workers of the next manager may ask for them again. */
  onDemand?: Location[];
  /** Those that systemd bound, which follow: their descriptor and name as systemd passed them. */
  activated: { number: number; name: string }[];
  pidFile?: string;
  tickets?: Tickets;
  /** Number of the next manager; its descriptor of the statistics follows last of all. */
  manager?: number;
}

/** A location as it was asked for. */
export function locationKey({ path, host, port, fd, ipv6Only, nth, numbered }: Location): string {
  return JSON.stringify([path, host, port, fd, ipv6Only, ...(nth ? [nth] : []), ...(numbered ? ['{n}'] : [])]);
}

/** The global symbol under which a worker with `hangReport` shows its requests to the inspector. */
export const REQUESTS_SYMBOL = 'prefork.requests';

/** Which worker this process is. */
export interface Identity {
  /** The manager's pid. */
  manager: number;
  /** Which `listen` or `run` of the script, in order of the calls, this worker serves. */
  run: number;
  slot: number;
  /** Its number in the pool; nothing where the manager is of an older version without numbers. */
  id: number | undefined;
  /** The kernel ends this worker after so many milliseconds in which its event loop did not run. The manager waits as long. */
  patience: number;
}

/** The old manager, which this one replaces. */
export interface Succession {
  /** The old manager's pid. */
  manager: number;
  run: number;
}

const WORKER = 'PREFORK_WORKER';
const KOFFI = 'PREFORK_KOFFI';
const UPGRADE = 'PREFORK_UPGRADE';
/** This one stays in a worker's environment, for the application and what it starts. */
export const WORKER_ID = 'PREFORK_WORKER_ID';

/** Variables that identify a process. */
export const OWN_VARIABLES: readonly string[] = [WORKER, KOFFI, UPGRADE];

export function identityVariables({ manager, run, slot, id, patience }: Identity): Record<string, string> {
  return { [WORKER]: `${manager}:${run}:${slot}:${patience}`, ...(id === undefined ? {} : { [WORKER_ID]: `${id}` }) };
}

/** Where the manager has found koffi's binary. A variable of its own: a worker may run newer code than its manager. */
export function koffiVariable(binary: string | undefined): Record<string, string> {
  return binary === undefined ? {} : { [KOFFI]: binary };
}

export function successionVariable({ manager, run }: Succession): Record<string, string> {
  return { [UPGRADE]: `${manager}:${run}` };
}

const KEY = Symbol.for('prefork.identity');
const globals = globalThis as { [KEY]?: { identity?: Identity; succession?: Succession } | undefined };

/** Identifies this process. The variables are deleted, so that a child process of the application does not think that it is a worker. */
function takeIdentity(): { identity?: Identity; succession?: Succession } {
  const [manager, run, slot, patience] = numbers(process.env[WORKER], 4);
  const [oldManager, oldRun] = numbers(process.env[UPGRADE], 2);
  const koffi = process.env[KOFFI];
  for (const name of OWN_VARIABLES) delete process.env[name];
  if (manager !== undefined && run !== undefined && slot !== undefined && patience !== undefined) {
    if (koffi) loadKoffiBinary(koffi);
    // also while the application loads: a manager that has died cannot kill this worker
    armDeadline(patience);
    const [id] = numbers(process.env[WORKER_ID], 1);
    return { identity: { manager, run, slot, id, patience } };
  }
  // a worker has started this process
  delete process.env[WORKER_ID];
  if (oldManager !== undefined && oldRun !== undefined) return { succession: { manager: oldManager, run: oldRun } };
  return {};
}

function numbers(text: string | undefined, count: number): number[] {
  const all = /^\d+(:\d+)*$/.test(text ?? '') ? (text ?? '').split(':').map(Number) : [];
  return all.length === count ? all : [];
}

// a second copy of this package in the same process finds what the first one took
globals[KEY] ??= takeIdentity();

/** Set in a worker; `succession` in the manager that an upgrade has started. */
export const { identity, succession } = globals[KEY];

/** What /proc calls the facts. */
export const FACTS_NAME = 'prefork-facts';

/** A page that only a process with the inherited descriptor can read. */
export function writeFacts(facts: Facts | Takeover): number {
  const bytes = Buffer.from(JSON.stringify(facts));
  const fd = anonymousFile(FACTS_NAME, 0);
  writeSync(fd, bytes, 0, bytes.length, 0);
  sealContent(fd);
  return fd;
}

/** Read once, and closed: they hold the keys of TLS, which another process of the same user could read through /proc. */
export function takeFacts(): Facts {
  if (!facts) {
    facts = readPage(FACTS_FD) as Facts;
    closeSync(FACTS_FD);
  }
  return facts;
}

let facts: Facts | undefined;

export function readTakeover(): Takeover {
  return readPage(TAKEOVER_FD) as Takeover;
}

/** The facts behind a descriptor. */
export function readPage(fd: number): unknown {
  const bytes = Buffer.alloc(fstatSync(fd).size);
  readSync(fd, bytes, 0, bytes.length, 0);
  return JSON.parse(bytes.toString());
}
