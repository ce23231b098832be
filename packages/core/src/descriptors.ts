// Both processes. Which descriptor is what in a process that a manager has started: a worker, or the next manager of an
// upgrade. The manager lays the descriptors out by these functions, and the new process finds them by their twins. Pure.

/** In both: the pipe to the manager. A worker sends beats and reads one answer; a next manager says that it is ready. */
export const PIPE_FD = 3;
/** The descriptors behind the pipe begin here, in the order in which they are laid out. */
const FIRST = PIPE_FD + 1;

/** In a worker. */
export const SCOREBOARD_FD = FIRST;
export const FACTS_FD = FIRST + 1;
export const STATS_FD = FIRST + 2;
const LISTEN_FD = FIRST + 3;

/** In the next manager. */
export const TAKEOVER_FD = FIRST;
const INHERITED_FD = FIRST + 1;

/** What a worker gets behind the pipe. */
export interface WorkerDescriptors {
  scoreboard: number;
  facts: number;
  stats: number;
  /** For each location, in order: its listening sockets. */
  sockets: readonly (readonly number[])[];
  /** To ask the manager for listening sockets: a worker of the command. */
  channel?: number | undefined;
}

export function layOutWorker({ scoreboard, facts, stats, sockets, channel }: WorkerDescriptors): number[] {
  return [scoreboard, facts, stats, ...sockets.flat(), ...(channel === undefined ? [] : [channel])];
}

/**
 * In a worker: what it got.
 *
 * @param seats how many listening sockets each location has
 */
export function readWorker(seats: readonly number[]): { sockets: number[][]; channel: number } {
  let next = LISTEN_FD;
  const sockets = seats.map((count) => Array.from({ length: count }, () => next++));
  return { sockets, channel: next };
}

/** What the next manager gets behind the pipe. */
export interface NextDescriptors {
  takeover: number;
  /** Listening sockets that a manager has bound. */
  sockets: readonly number[];
  /** Those that systemd has bound. */
  activated: readonly number[];
  pidFile?: number | undefined;
  stats: number;
}

export function layOutNext({ takeover, sockets, activated, pidFile, stats }: NextDescriptors): number[] {
  return [takeover, ...sockets, ...activated, ...(pidFile === undefined ? [] : [pidFile]), stats];
}

/** In the next manager: what it got. The numbers of the sockets, and whether there is a PID file, are on its page of facts. */
export function readNext(sockets: number, activated: number, hasPidFile: boolean): NextDescriptors {
  let next = INHERITED_FD;
  const take = (count: number) => Array.from({ length: count }, () => next++);
  return {
    takeover: TAKEOVER_FD,
    sockets: take(sockets),
    activated: take(activated),
    pidFile: hasPidFile ? next++ : undefined,
    stats: next,
  };
}
