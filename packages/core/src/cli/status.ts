// `prefork status`: the manager and its pool, as a table, or as JSON with the names of `Prefork#status`.

import type { Status, WorkerStatus } from '../pool-status.js';
import { printable } from '../printable.js';
import { bytes, duration, milliseconds, percent } from './figures.js';
import type { Observed } from './observe.js';

/** Prints what the server is and does now. */
export function showStatus(server: Observed, pidFile: string, asJson: boolean): void {
  const status = server.status();
  process.stdout.write(asJson ? `${escapeJson(JSON.stringify({ ...status, pidFile }))}\n` : table(status, pidFile));
}

/** Characters that JSON does not escape and a terminal acts on: 0x7f to 0x9f. */
function escapeJson(json: string): string {
  return json.replace(/\p{Cc}/gu, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
}

/** Columns of a screen. */
const SCREEN = 100;

/** The columns of the table: the head, and the cell of a worker. */
const COLUMNS: [string, (worker: WorkerStatus) => string][] = [
  ['#', ({ id }) => String(id)],
  ['PID', ({ pid }) => String(pid)],
  ['STATE', stateOf],
  ['GEN', ({ generation }) => String(generation)],
  ['AGE', ({ age }) => duration(age)],
  ['BEAT', ({ heartbeatAge }) => duration(heartbeatAge)],
  ['CONN', ({ connections }) => String(connections)],
  ['REQ', ({ requests }) => String(requests)],
  ['SERVED', ({ served }) => String(served)],
  ['LEFT', ({ acceptsLeft }) => (acceptsLeft === undefined ? '-' : String(acceptsLeft))],
  ['BUSY', ({ utilization }) => percent(utilization)],
  ['DELAY', ({ delay }) => milliseconds(delay)],
  ['RSS', ({ resident }) => bytes(resident)],
  ['HEAP', ({ heap }) => bytes(heap)],
];

/** A worker's state in one word. */
export function stateOf({ state, full }: WorkerStatus): string {
  return state === 'healthy' && full ? 'full' : state;
}

/** The text of the table. No line is wider than a screen, unless a broken worker has written impossible figures. */
export function table(status: Status, pidFile: string): string {
  const pool = [...status.pool].sort((a, b) => a.id - b.id || b.age - a.age);
  const rows = [COLUMNS.map(([title]) => title), ...pool.map((worker) => COLUMNS.map(([, cell]) => cell(worker)))];
  const widths = COLUMNS.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const width = widths.reduce((sum, own) => sum + own + 2, -2);
  const gap = width > SCREEN ? ' ' : '  ';
  const lines = rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join(gap)
      .trimEnd(),
  );
  return [...headOf(status, pidFile), ...lines, ''].join('\n');
}

function headOf({ pid, workers, uptime, locations, totals, durations, ...status }: Status, pidFile: string): string[] {
  const { responses, exits, reloads, upgrades } = totals;
  const answered = Object.entries(responses).filter(([, count]) => count > 0);
  const ended = Object.entries(exits).filter(([, count]) => count > 0);
  const list = (entries: [string, number][]) => entries.map(([name, count]) => `${name} ${count}`).join(', ');
  const { p50, p90, p99 } = durations;
  const times = { p50, p90, p99 };
  return [
    `Manager ${pid} is ${phaseOf(status)}: ${workers} ${workers === 1 ? 'worker' : 'workers'}, up ${duration(uptime)}, PID file ${printable(pidFile)}`,
    ...locations.map(
      ({ url, waiting }) => `Listening at ${printable(url)}${waiting > 0 ? `, ${waiting} waiting` : ''}`,
    ),
    `Connections ${totals.connections}, requests ${totals.requests}${answered.length > 0 ? `: ${list(answered)}` : ''}`,
    ...(durations.count > 0
      ? [
          `Durations ${Object.entries(times)
            .map(([name, time]) => `${name} ${milliseconds(time)}`)
            .join(', ')}`,
        ]
      : []),
    `Reloads ${outcome(reloads)}, upgrades ${outcome(upgrades)}, generation ${status.generation}`,
    ...(ended.length > 0 ? [`Workers that have ended: ${list(ended)}`] : []),
  ];
}

/** What the server does, in words. */
export function phaseOf({ phase, reloading }: Pick<Status, 'phase' | 'reloading'>): string {
  if (reloading) return 'reloading';
  return phase === 'handedOver' ? 'handed over' : phase;
}

function outcome({ succeeded, failed }: { succeeded: number; failed: number }): string {
  return failed > 0 ? `${succeeded} (failed ${failed})` : String(succeeded);
}
