// `prefork status --watch`: shows each second what the pool does, until Ctrl-C or the end of the server. On a terminal it uses the
// alternate screen and leaves the terminal as it was. Elsewhere it prints a line each second.

import { WriteStream } from 'node:tty';
import type { Status, WorkerStatus } from '../pool-status.js';
import { printable } from '../printable.js';
import { bar, bytes, cut, duration, milliseconds, percent, rate, sparkline } from './figures.js';
import type { Observed } from './observe.js';
import { phaseOf, stateOf } from './status.js';

/** Milliseconds from one look to the next. */
const PACE = 1_000;

/** Seconds that the plot remembers: more than a screen is wide. */
const MOST = 500;

const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const TO_LINE_END = '\x1b[K';
const TO_SCREEN_END = '\x1b[J';

/** What has changed between two looks, a second. */
export interface Rates {
  requests: number;
  connections: number;
  /** By pid. */
  served: Map<number, number>;
}

interface Look {
  at: number;
  status: Status;
}

/** @param before the look before it; `undefined` at the first one */
export function ratesOf(before: Look | undefined, { at, status }: Look): Rates {
  const seconds = before ? Math.max(0.001, (at - before.at) / 1000) : 1;
  const change = (now: number, then: number | undefined) =>
    then === undefined ? 0 : Math.max(0, now - then) / seconds;
  const then = new Map(before?.status.pool.map(({ pid, served }) => [pid, served]));
  return {
    requests: change(status.totals.requests, before?.status.totals.requests),
    connections: change(status.totals.connections, before?.status.totals.connections),
    // a worker that was not there before has served all of it since then
    served: new Map(status.pool.map(({ pid, served }) => [pid, before ? change(served, then.get(pid) ?? 0) : 0])),
  };
}

export interface Screen {
  columns: number;
  rows: number;
  hasColours: boolean;
}

/** The lines of one picture, none wider than the screen, and no more than it has. */
export function draw(status: Status, rates: Rates, history: readonly number[], screen: Screen): string[] {
  const { columns, rows, hasColours } = screen;
  const colour = (code: number, text: string) => (hasColours ? `\x1b[${code}m${text}\x1b[0m` : text);
  const { pool, durations, locations } = status;
  const sum = (name: 'connections' | 'requests') => pool.reduce((all, worker) => all + worker[name], 0);
  const waiting = locations.reduce((all, location) => all + location.waiting, 0);
  const healthy = pool.filter(({ state }) => state === 'healthy').length;
  const head = [
    `Manager ${status.pid} is ${phaseOf(status)}: ${healthy} of ${status.workers} workers, up ${duration(status.uptime)}, generation ${status.generation}`,
    `Listening at ${locations.map(({ url }) => printable(url)).join(', ')}`,
    `Open ${sum('connections')}, in flight ${sum('requests')}, waiting ${waiting}, ${rate(rates.connections)} connections/s, p50 ${milliseconds(durations.p50)}, p99 ${milliseconds(durations.p99)}`,
  ];
  const label = `Requests/s ${rate(rates.requests)} `;
  const plot = label + colour(36, sparkline(history, Math.max(0, columns - label.length)));
  const all = [...rates.served.values()].reduce((total, served) => total + served, 0);
  const width = Math.max(4, Math.min(20, Math.floor((columns - 60) / 2)));
  const title = `${'#'.padStart(3)} ${'PID'.padStart(7)} ${'STATE'.padEnd(8)} ${'CONN'.padStart(5)} ${'REQ'.padStart(5)} ${'REQ/S'.padStart(6)} ${'SHARE'.padEnd(width + 5)} ${'BUSY'.padEnd(width + 5)} ${'RSS'.padStart(5)}`;
  const line = (worker: WorkerStatus) => {
    const served = rates.served.get(worker.pid) ?? 0;
    const share = all > 0 ? served / all : 0;
    const state = stateOf(worker);
    const before = `${String(worker.id).padStart(3)} ${String(worker.pid).padStart(7)} `;
    const counts = ` ${String(worker.connections).padStart(5)} ${String(worker.requests).padStart(5)} ${rate(served).padStart(6)} `;
    const bars = `${colour(32, bar(share, width))} ${percent(share).padStart(4)} ${colour(33, bar(worker.utilization, width))} ${percent(worker.utilization).padStart(4)} `;
    return (
      before +
      colour(state === 'healthy' ? 32 : 33, state.padEnd(8)) +
      counts +
      bars +
      bytes(worker.resident).padStart(5)
    );
  };
  const body = [...pool].sort((a, b) => a.id - b.id || b.age - a.age).map(line);
  const room = Math.max(1, rows - head.length - 5);
  const rest = body.length > room ? [`... and ${body.length - room} more`] : [];
  return [...head, plot, '', title, ...body.slice(0, room), ...rest].map((text) => cut(text, columns));
}

/** One line for a look, where nobody sees a screen. */
export function line(time: Date, status: Status, rates: Rates): string {
  const { pool, durations } = status;
  const healthy = pool.filter(({ state }) => state === 'healthy').length;
  const inFlight = pool.reduce((all, { requests }) => all + requests, 0);
  return `${time.toISOString()} ${phaseOf(status)}, workers ${healthy}/${status.workers}, requests/s ${rate(rates.requests)}, connections/s ${rate(rates.connections)}, in flight ${inFlight}, p99 ${milliseconds(durations.p99)}`;
}

/** Resolves with the exit status: 0 after Ctrl-C, 1 when the server has gone. */
export async function watchStatus(server: Observed): Promise<number> {
  const { stdout } = process;
  const isScreen = stdout.isTTY === true && process.env.TERM !== 'dumb';
  const leave = () => isScreen && stdout.write(LEAVE);
  const pause = new Pause();
  const terminated = (_name: string, signal: number) => {
    leave();
    process.exit(128 + signal);
  };
  process
    .once('SIGINT', () => pause.end())
    .once('SIGTERM', terminated)
    .once('SIGHUP', terminated);
  stdout.on('resize', () => pause.wake()).on('error', () => process.exit(0)); // nobody reads: `| head`
  const history: number[] = [];
  let last: Look | undefined;
  if (isScreen) stdout.write(ENTER);
  try {
    while (!pause.isOver && server.isAlive) {
      const look = { at: performance.now(), status: server.status() };
      const rates = ratesOf(last, look);
      // a resize draws again, but is not a new look
      const isNew = !last || look.at - last.at > PACE / 2;
      if (isNew && last) history.push(rates.requests);
      if (history.length > MOST) history.shift();
      if (isScreen) stdout.write(picture(draw(look.status, rates, history, screenOf(stdout))));
      else if (isNew) stdout.write(`${line(new Date(), look.status, rates)}\n`);
      if (isNew) last = look;
      await pause.for(PACE);
    }
  } finally {
    leave();
  }
  if (pause.isOver) return 0;
  console.error(`Server ${server.pid} has stopped`);
  return 1;
}

/** A sleep that can be ended early. */
class Pause {
  isOver = false;
  wake = () => {};

  end(): void {
    this.isOver = true;
    this.wake();
  }

  for(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.isOver ? 0 : milliseconds);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function picture(lines: readonly string[]): string {
  return `${HOME}${lines.map((text) => text + TO_LINE_END).join('\n')}\n${TO_SCREEN_END}`;
}

function screenOf({ columns = 80, rows = 24 }: NodeJS.WriteStream): Screen {
  return { columns: Math.max(40, columns), rows, hasColours: hasColours() };
}

/** Node reads NO_COLOR, FORCE_COLOR and the kind of terminal. */
function hasColours(): boolean {
  return (process.env.FORCE_COLOR !== undefined || process.stdout.isTTY === true) && WriteStream.prototype.hasColors();
}
