// `prefork status`: the manager and its pool, as a table, or as JSON with the names of `Prefork#status`.

import { Phase } from '../bulletin.js';
import { printable } from '../printable.js';
import { type Scoreboard, State } from '../scoreboard.js';
import { ageOf, type Observed } from './observe.js';

/** Prints what the server is and does now. */
export function showStatus(server: Observed, pidFile: string, asJson: boolean): void {
  const status = { ...read(server), pidFile };
  process.stdout.write(asJson ? `${escapeJson(JSON.stringify(status))}\n` : table(status));
}

/** What JSON may leave as it is, and a terminal obeys: 0x7f to 0x9f. */
function escapeJson(json: string): string {
  return json.replace(/\p{Cc}/gu, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
}

function read(server: Observed) {
  const board = server.board();
  const news = board.bulletin.read();
  return {
    pid: server.pid,
    phase: nameOf(Phase, news.phase),
    age: ageOf(server.pid) ?? 0,
    workers: news.workers,
    reloading: news.reloads > Math.max(news.reloaded, news.reloadFailed),
    listen: server.locations(),
    pool: Array.from({ length: board.used }, (_, slot) => slot).flatMap((slot) => worker(board, slot)),
  };
}

/** A slot without a pid is that of a worker that loads, or nobody's. */
function worker(board: Scoreboard, slot: number) {
  const pid = board.pid(slot);
  const age = pid === 0 ? undefined : ageOf(pid);
  if (age === undefined) return [];
  return [{ pid, state: nameOf(State, board.state(slot)), age, ...board.counters(slot) }];
}

function nameOf(names: Record<string, number>, value: number): string {
  const name = Object.entries(names).find(([, number]) => number === value)?.[0] ?? 'unknown';
  return name === 'none' ? 'starting' : name;
}

type ServerStatus = ReturnType<typeof read> & { pidFile: string };

function table({ pid, phase, age, workers, reloading, listen, pool, pidFile }: ServerStatus): string {
  const head = ['PID', 'STATE', 'AGE', 'CONNECTIONS', 'REQUESTS', 'ACCEPTS', 'SERVED'];
  const rows = pool.map((row) => [
    `${row.pid}`,
    row.state,
    duration(row.age),
    ...[row.connections, row.requests, row.accepts, row.served].map(String),
  ]);
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const lines = [head, ...rows].map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const state = reloading ? 'reloading' : phase === 'handedOver' ? 'handed over' : phase;
  return [
    `Manager ${pid} is ${state}: ${workers} ${workers === 1 ? 'worker' : 'workers'}, up ${duration(age)}, PID file ${printable(pidFile)}`,
    ...listen.map((url) => `Listening at ${printable(url)}`),
    ...lines,
    '',
  ].join('\n');
}

/** The two largest units: 3d 4h, 12m 5s. */
export function duration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  const shown = first === -1 ? parts.slice(-1) : parts.slice(first, first + 2);
  return shown.map(([count, unit]) => `${count}${unit}`).join(' ');
}
