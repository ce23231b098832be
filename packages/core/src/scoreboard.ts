// Both processes. One shared page: a slot of 32-bit counters for each worker, and a header.
//
// A worker writes its own slot only. The header is written by the worker that has the accept lock; the deputy word by the
// deputy as well, the stopping word and the bulletin by the manager. Every process reads all of it. To the manager the page
// is untrusted: it acts on its own records and takes from here only what it shows, which worker to wake, and whether a
// worker may be sent QUIT yet.

import { BULLETIN_WORDS, Bulletin } from './bulletin.js';
import { mapShared } from './posix/memory.js';

const SLOT_WORDS = 16; // one cache line, so that no two workers write the same one

/** Slots there are: each of the workers and, in a reload, its successor and the spare ones. */
export const SLOTS = 4096;

/** Size of a slot, and of the header. */
export const SLOT_BYTES = SLOT_WORDS * 4;

/** What /proc calls the shared page. */
export const SCOREBOARD_NAME = 'prefork-scoreboard';

/** Size of the shared page; only what is written takes memory. */
export const SCOREBOARD_BYTES = (SLOTS + 1) * SLOT_BYTES;

// Header
const USED = 0; // slots ever used, what a reader has to look at
const HOLDER = 1; // slot + 1 of the worker whose gate is open, or that was just woken to open it; 0 = nobody
const DEPUTY_AT = 2; // when the deputy looked last; 0 = there is no deputy
const STOPPING = 3; // 1 once the manager has begun to stop the whole server
const STUCK = 5; // slot + 1 of the holder that a worker has reported as stuck
const TURN = 4; // counts the accepts of the pool from shared sockets, so that it is known whose was longest ago
const BULLETIN = 6; // the first of the manager's words
const PID_FILE = 15; // which PID file the server has, the low half of its inode; 0 = none

// Slot
const PID = 0;
const STATE = 1;
const CONNECTIONS = 2;
const REQUESTS = 3; // in flight
const ACCEPTS = 4;
const SERVED = 5;
const LAST_TURN = 7; // the pool's count at the last accept
const ID = 8; // the worker's number in the pool + 1; 0 = it has none
const ENTERED = 9; // when it entered: of two with one number the younger one is the successor
const BUSY_SINCE = 6; // when user code was entered in this loop turn; 0 = it is not running

/** What a worker is to the others: not there yet, ready to accept, out of room, or on its way out. */
export const State = { none: 0, ready: 1, full: 2, draining: 3 } as const;
export type State = (typeof State)[keyof typeof State];

/** A worker's counters, as `status()` shows them. */
export interface Counters {
  connections: number;
  requests: number;
  accepts: number;
  served: number;
}

/** The shared page. Times are 32-bit milliseconds of the monotonic clock, as {@link now} gives them. */
export class Scoreboard {
  readonly bulletin: Bulletin;
  readonly #words: Uint32Array;

  constructor(words: Uint32Array) {
    this.#words = words;
    this.bulletin = new Bulletin(words.subarray(BULLETIN, BULLETIN + BULLETIN_WORDS));
  }

  static map(fd: number): Scoreboard {
    return new Scoreboard(mapShared(fd, SCOREBOARD_BYTES));
  }

  #get(slot: number, word: number): number {
    return this.#words[(slot + 1) * SLOT_WORDS + word] ?? 0;
  }

  #set(slot: number, word: number, value: number): void {
    this.#words[(slot + 1) * SLOT_WORDS + word] = value;
  }

  /** How many slots a reader has to look at. */
  get used(): number {
    return Math.min(this.#words[USED] ?? 0, SLOTS);
  }

  /** The manager says how many slots are in use. */
  set used(count: number) {
    this.#words[USED] = count;
  }

  get holder(): number | undefined {
    const word = this.#words[HOLDER] ?? 0;
    return word === 0 || word > SLOTS ? undefined : word - 1;
  }

  set holder(slot: number | undefined) {
    this.#words[HOLDER] = slot === undefined ? 0 : slot + 1;
  }

  get deputyAt(): number {
    return this.#words[DEPUTY_AT] ?? 0;
  }

  set deputyAt(time: number) {
    this.#words[DEPUTY_AT] = time;
  }

  /** How often the pool has accepted from shared sockets. */
  get turn(): number {
    return this.#words[TURN] ?? 0;
  }

  /** @returns whether it is the first complaint about this holder. */
  complain(slot: number): boolean {
    const isFirst = this.#words[STUCK] !== slot + 1;
    this.#words[STUCK] = slot + 1;
    return isFirst;
  }

  /** The manager says which PID file is its server's: a script may run several servers. */
  set pidFile(inode: number | undefined) {
    this.#words[PID_FILE] = lowHalf(inode ?? 0);
  }

  /** Whether it is the one with this inode. */
  hasPidFile(inode: number): boolean {
    return this.#words[PID_FILE] === lowHalf(inode);
  }

  get isStopping(): boolean {
    return this.#words[STOPPING] === 1;
  }

  /** The manager says whether it stops the server, not just a worker. */
  set isStopping(isStopping: boolean) {
    this.#words[STOPPING] = isStopping ? 1 : 0;
  }

  /** The manager makes room for a worker, whose last turn is longer ago than that of any other. */
  claim(slot: number): void {
    if (slot >= SLOTS) throw new RangeError(`Expected a slot below ${SLOTS}, got ${slot}`);
    this.clear(slot);
    this.#set(slot, LAST_TURN, this.turn - SLOTS);
    this.used = Math.max(this.used, slot + 1);
  }

  /** The manager clears what a dead worker left. */
  clear(slot: number): void {
    if (this.#words[STUCK] === slot + 1) this.#words[STUCK] = 0;
    this.#words.fill(0, (slot + 1) * SLOT_WORDS, (slot + 2) * SLOT_WORDS);
  }

  pid(slot: number): number {
    return this.#get(slot, PID);
  }

  state(slot: number): number {
    return this.#get(slot, STATE);
  }

  connections(slot: number): number {
    return this.#get(slot, CONNECTIONS);
  }

  accepts(slot: number): number {
    return this.#get(slot, ACCEPTS);
  }

  served(slot: number): number {
    return this.#get(slot, SERVED);
  }

  busySince(slot: number): number {
    return this.#get(slot, BUSY_SINCE);
  }

  counters(slot: number): Counters {
    return {
      connections: this.#get(slot, CONNECTIONS),
      requests: this.#get(slot, REQUESTS),
      accepts: this.#get(slot, ACCEPTS),
      served: this.#get(slot, SERVED),
    };
  }

  /** The worker's number in the pool; that of its slot where it has none. */
  id(slot: number): number {
    return (this.#get(slot, ID) || slot + 1) - 1;
  }

  /** Whether `a` entered before `b` did, over the wrap of the clock. */
  enteredBefore(a: number, b: number): boolean {
    return ((this.#get(a, ENTERED) - this.#get(b, ENTERED)) | 0) < 0;
  }

  /** The pid is written last: a process that reads it reads that of a worker whose signal handlers are in place. */
  enter(slot: number, pid: number, id?: number, now = 0): void {
    this.#set(slot, STATE, State.none);
    this.#set(slot, ID, id === undefined ? 0 : id + 1);
    this.#set(slot, ENTERED, now);
    this.#set(slot, PID, pid);
  }

  /** A worker writes again what any other may have overwritten. */
  publish(slot: number, pid: number, state: State, connections: number, accepts: number): void {
    this.#set(slot, PID, pid);
    this.#set(slot, STATE, state);
    this.#set(slot, CONNECTIONS, connections);
    this.#set(slot, ACCEPTS, accepts);
  }

  setState(slot: number, state: State): void {
    this.#set(slot, STATE, state);
  }

  setConnections(slot: number, count: number): void {
    this.#set(slot, CONNECTIONS, count);
  }

  setAccepts(slot: number, count: number): void {
    this.#set(slot, ACCEPTS, count);
  }

  /** One more accept under the accept lock, and whose it was. */
  takeTurn(slot: number): void {
    const turn = (this.#words[TURN] ?? 0) + 1;
    this.#words[TURN] = turn;
    this.#set(slot, LAST_TURN, turn);
  }

  /** Whether `a` last accepted before `b` did, over the wrap of the counter. */
  acceptedBefore(a: number, b: number): boolean {
    return ((this.#get(a, LAST_TURN) - this.#get(b, LAST_TURN)) | 0) < 0;
  }

  setRequests(slot: number, inFlight: number, served: number): void {
    this.#set(slot, REQUESTS, inFlight);
    this.#set(slot, SERVED, served);
  }

  setBusySince(slot: number, time: number): void {
    this.#set(slot, BUSY_SINCE, time);
  }
}

function lowHalf(inode: number): number {
  return inode % 2 ** 32;
}
